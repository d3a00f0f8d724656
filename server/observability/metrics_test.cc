// SPDX-License-Identifier: Apache-2.0
// The first violation of the ledger raises a metric.
#include "server/observability/metrics.h"

#include <httplib.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/steady_clock.h"
#include "common/tls/certificate.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/observability/ledger_watch.h"
#include "server/observability/verifier_watch.h"
#include "server/storage/memory_store.h"
#include "tests/support/status_matchers.h"
#include "tests/support/store_writer.h"

namespace archpool {
namespace {

using testing::HasSubstr;

std::string Scrape(const Metrics& metrics) {
  httplib::Client client("127.0.0.1", metrics.port());
  const auto answer = client.Get("/metrics");
  return answer ? answer->body : "";
}

TEST(MetricsTest, TheFirstViolationRaisesAMetric) {
  const SystemClock clock{};
  MemoryStore store;
  Metrics metrics;
  ASSERT_THAT(metrics.Open("127.0.0.1:0"), IsOk());
  LedgerWatch watch(clock, store, metrics, {});
  const SmallPool pool;
  Writer writer(store);
  ASSERT_THAT(writer.Commit(pool.Events()), IsOk());
  watch.Round();
  EXPECT_THAT(Scrape(metrics), HasSubstr("archpool_ledger_violations 0\n"));
  EXPECT_THAT(Scrape(metrics), HasSubstr("archpool_ledger_checks_total 1\n"));
  EXPECT_THAT(Scrape(metrics), HasSubstr("archpool_ledger_transfers 1\n"));
  watch.Round();
  EXPECT_THAT(Scrape(metrics), HasSubstr("archpool_ledger_transfers 0\n"))
      << "nothing is new";
  store.Tamper(Balance{Place::Of(pool.client.id), 8});
  watch.Round();
  EXPECT_THAT(Scrape(metrics), HasSubstr("archpool_ledger_violations 2\n"));
  store.Tamper(Balance{Place::Of(pool.client.id), 7});
  watch.Round();
  EXPECT_THAT(Scrape(metrics), HasSubstr("archpool_ledger_violations 0\n"));
  EXPECT_THAT(Scrape(metrics),
              HasSubstr("archpool_ledger_violations_total 2\n"))
      << "it is not forgotten";
}

TEST(MetricsTest, WithACertificateTheyAreEncrypted) {
  const SigningKey key = SigningKey::Generate();
  const absl::Time now = absl::Now();
  CertificatePair pair =
      IssueCertificate(key, MakeAuthority(key, now), {"127.0.0.1"}, now);
  const auto facts = CheckPair(pair);
  ASSERT_THAT(facts, IsOk());
  const ServedCertificate served({std::move(pair), *facts});
  Metrics metrics;
  ASSERT_THAT(metrics.Open("127.0.0.1:0", &served), IsOk());
  metrics.NoteMaintenance(true);
  httplib::SSLClient client("127.0.0.1", metrics.port());
  client.enable_server_certificate_verification(false);
  const auto answer = client.Get("/metrics");
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->body, HasSubstr("archpool_maintenance 1\n"));
  EXPECT_EQ(Scrape(metrics), "") << "plain text is not answered";
  Metrics second;
  EXPECT_THAT(second.Open(absl::StrCat("127.0.0.1:", metrics.port()), &served),
              FailsWith("LISTEN_FAILED"));
}

TEST(MetricsTest, TheBuildIsShownInLabels) {
  Metrics metrics;
  ASSERT_THAT(metrics.Open("127.0.0.1:0"), IsOk());
  metrics.NoteBuild("1.2.3", "0123456789ab", "Release");
  const std::string page = Scrape(metrics);
  EXPECT_THAT(page,
              HasSubstr("archpool_build_info{build_type=\"Release\","
                        "commit=\"0123456789ab\",version=\"1.2.3\"} 1\n"));
}

TEST(MetricsTest, MaintenanceIsShown) {
  Metrics metrics;
  ASSERT_THAT(metrics.Open("127.0.0.1:0"), IsOk());
  EXPECT_THAT(Scrape(metrics), HasSubstr("archpool_maintenance 0\n"));
  metrics.NoteMaintenance(true);
  EXPECT_THAT(Scrape(metrics), HasSubstr("archpool_maintenance 1\n"));
}

TEST(MetricsTest, MemoryIsSaidByWhat) {
  Metrics metrics;
  ASSERT_THAT(metrics.Open("127.0.0.1:0"), IsOk());
  metrics.NoteHeld("trials", 7);
  metrics.NoteHeld("leases", 2);
  metrics.NoteHeld("trials", 5);
  const std::string page = Scrape(metrics);
  EXPECT_THAT(page, HasSubstr("archpool_records_held{kind=\"leases\"} 2\n"));
  EXPECT_THAT(page, HasSubstr("archpool_records_held{kind=\"trials\"} 5\n"));
}

TEST(MetricsTest, VerifiersAndTheirWaitAreCounted) {
  Metrics metrics;
  ASSERT_THAT(metrics.Open("127.0.0.1:0"), IsOk());
  metrics.NoteVerifiers({.working = 2,
                         .failing = 1,
                         .audits_waiting = 3,
                         .evaluation_alarms = 4,
                         .oldest_wait = absl::Seconds(90)});
  const std::string text = Scrape(metrics);
  EXPECT_THAT(text, HasSubstr("archpool_verifiers 2\n"));
  EXPECT_THAT(text, HasSubstr("archpool_verifiers_failing 1\n"));
  EXPECT_THAT(text, HasSubstr("archpool_audits_waiting 3\n"));
  EXPECT_THAT(text, HasSubstr("archpool_evaluation_alarms 4\n"));
  EXPECT_THAT(text, HasSubstr("archpool_oldest_audit_wait_seconds 90\n"));
}

// The line that the operator reads.
auto SaidAs(const testing::Matcher<std::string>& line) {
  return testing::ResultOf(RenderText, line);
}

TEST(VerifierWatchTest, SaysOnceWhoFails) {
  SteadyClock clock;
  MemoryStore store;
  Engine engine(clock, store, PoolPolicy(), EngineOptions());
  Metrics metrics;
  VerifierWatch watch(engine, metrics, absl::Seconds(1));
  ReviewVerifiers::Reply review;
  review.verifiers.push_back(
      {.key = {AccountId{3}, "v1"}, .is_heard = true, .is_failing = true});
  review.waiting = 1;
  EXPECT_THAT(
      watch.Alarms(review),
      testing::ElementsAre(SaidAs(HasSubstr("verifier=v1 account_id=3")),
                           SaidAs(HasSubstr("event=no_verifier_works"))));
  EXPECT_THAT(watch.Alarms(review), testing::IsEmpty());
  EXPECT_THAT(watch.Alarms({}), testing::IsEmpty());
  EXPECT_EQ(watch.Alarms(review).size(), 2u) << "again";
}

TEST(VerifierWatchTest, SaysEachAlarmAboutThePoolsOwnEvaluations) {
  SteadyClock clock;
  MemoryStore store;
  Engine engine(clock, store, PoolPolicy(), EngineOptions());
  Metrics metrics;
  VerifierWatch watch(engine, metrics, absl::Seconds(1));
  ReviewVerifiers::Reply review;
  review.working = 1;
  review.verifiers.push_back({.key = {AccountId{3}, "v1"}, .is_heard = true});
  VerifierStanding& standing = review.verifiers[0].standing;
  standing.alarms = 1;
  standing.alarmed_about = TrialId{7};
  EXPECT_THAT(watch.Alarms(review),
              testing::ElementsAre(SaidAs(AllOf(HasSubstr("EVALUATIONS_DIFFER"),
                                                HasSubstr("last_trial_id=7"),
                                                HasSubstr("report it")))));
  EXPECT_THAT(watch.Alarms(review), testing::IsEmpty());
  standing.alarms = 2;
  standing.alarms_alone = 1;
  EXPECT_THAT(watch.Alarms(review),
              testing::ElementsAre(SaidAs(HasSubstr("suspect its machine"))));
}

TEST(MetricsTest, AnAddressThatIsTakenIsNamed) {
  Metrics first;
  ASSERT_THAT(first.Open("127.0.0.1:0"), IsOk());
  Metrics second;
  EXPECT_THAT(second.Open(absl::StrCat("127.0.0.1:", first.port())),
              FailsWith("LISTEN_FAILED"));
}

}  // namespace
}  // namespace archpool
