// SPDX-License-Identifier: Apache-2.0
// An operator must be able to see that the pool was away, and that it is kept
// from leasing: a scrape of the metrics says both.
#include "server/observability/clock_log.h"

#include <httplib.h>

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

using testing::HasSubstr;

absl::Time At(int64_t seconds) { return absl::FromUnixSeconds(seconds); }

class ClockLogTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_THAT(metrics_.Open("127.0.0.1:0"), IsOk()); }
  void Note(const PoolClock& clock) { log_.OnCommit({Event(clock)}); }
  std::string Scrape() const {
    httplib::Client client("127.0.0.1", metrics_.port());
    const auto answer = client.Get("/metrics");
    return answer ? answer->body : "";
  }

  Metrics metrics_;
  ClockLog log_{absl::Seconds(90), metrics_};
};

TEST_F(ClockLogTest, TimeWithoutAPoolIsCountedFromAThirdOfTheSilenceTermOn) {
  PoolSnapshot snapshot;
  snapshot.records.emplace_back(PoolClock{.time = At(1'000)});
  log_.OnLoad(snapshot);
  Note({.time = At(1'029)});
  EXPECT_THAT(Scrape(), HasSubstr("archpool_time_away_seconds_total 0\n"));
  Note({.time = At(1'069)});
  EXPECT_THAT(Scrape(), HasSubstr("archpool_time_away_seconds_total 40\n"));
}

TEST_F(ClockLogTest, MaintenanceIsShownAndIsNoTimeAway) {
  Note({.time = At(1'000)});
  EXPECT_THAT(Scrape(), HasSubstr("archpool_maintenance 0\n"));
  Note({.time = At(1'001), .maintenance_since = At(1'001)});
  EXPECT_THAT(Scrape(), HasSubstr("archpool_maintenance 1\n"));
  Note({.time = At(9'000)});
  EXPECT_THAT(Scrape(), HasSubstr("archpool_maintenance 0\n"));
  EXPECT_THAT(Scrape(), HasSubstr("archpool_time_away_seconds_total 0\n"));
}

}  // namespace
}  // namespace archpool
