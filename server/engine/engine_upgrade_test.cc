// SPDX-License-Identifier: Apache-2.0
// A database of an older release, with a record in every state that a new
// arithmetic concerns: the store takes what the first start makes of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "common/nas/pricing.h"
#include "server/engine/engine.h"
#include "server/storage/memory_store.h"
#include "tests/support/status_matchers.h"
#include "tests/support/store_writer.h"
#include "tests/support/verifiers_fixture.h"

namespace archpool {
namespace {

constexpr char kOld[] = "libtorch-1.13.1/avx512/0123456789abcdef";

class EngineUpgradeTest : public VerifiersTest {
 protected:
  EngineUpgradeTest() : VerifiersTest(AuditEverything()) {
    accepted = Committed(alice, alices);
    Look("v1", Right());
    examined = Committed(alice, alices);
    EXPECT_TRUE(Take("v1").has_value());
    blamed = Committed(alice, alices);
    Look("v2", TrainingRefuted{"SEGMENT_FALSE"});
    sent = Committed(bob, bobs);
    const auto grant = pool.Do(AcquireLease{bob, bobs}).grant;
    EXPECT_TRUE(grant.has_value());
    reported = grant->lease.trials[0];
    pool.Commit(bob, bobs, grant->lease, reported, 500);
    const auto under_way = pool.Do(AcquireLease{bob, bobs}).grant;
    EXPECT_TRUE(under_way.has_value());
    begun = under_way->lease.trials[0];
  }

  // What the older server had stored.
  void Store(int64_t cost_table = 1) {
    std::vector<Event> events = pool.pool.TakeEvents();
    for (Event& event : events) {
      auto* session = std::get_if<Session>(&event);
      auto* trial = std::get_if<Trial>(&event);
      auto* its_task = std::get_if<Task>(&event);
      if (its_task != nullptr) its_task->cost_table_version = cost_table;
      if (session != nullptr) session->arithmetic = kOld;
      if (trial != nullptr && !trial->arithmetic.empty()) {
        trial->arithmetic = kOld;
      }
    }
    Writer older(store);
    ASSERT_THAT(older.Commit(events), IsOk());
  }
  void ExpectTrial(TrialId id, TrialState state,
                   std::optional<TrialBasis> basis) {
    const auto trial = store.GetTrial(id);
    ASSERT_THAT(trial, IsOk());
    EXPECT_EQ(trial->state, state) << id.ToString();
    EXPECT_EQ(BasisOf(*trial), basis) << id.ToString();
    EXPECT_EQ(trial->reason, "") << id.ToString();
  }

  SteadyClock clock;
  MemoryStore store;
  TrialId accepted, examined, blamed, sent, reported, begun;
};

TEST_F(EngineUpgradeTest, TheStoreTakesWhatTheFirstStartMakes) {
  Store();
  Engine engine(clock, store, pool.policy, EngineOptions());
  ASSERT_THAT(engine.Start(), IsOk());
  // What the upgrade changed is stored with whatever comes first.
  EXPECT_THAT(engine.Call(OpenSession{bob, "b", 1, kOld}),
              FailsWith("ARITHMETIC_REPLACED"));
  ASSERT_THAT(engine.Call(OpenSession{bob, "b", 1}), IsOk());
  ExpectTrial(accepted, TrialState::kAccepted, TrialBasis::kAudited);
  ExpectTrial(reported, TrialState::kAccepted, TrialBasis::kUnverified);
  ExpectTrial(begun, TrialState::kAbandoned, std::nullopt);
  for (const TrialId id : {examined, blamed, sent}) {
    ExpectTrial(id, TrialState::kUploaded, std::nullopt);
    const auto audit = store.GetOpenAudit(id);
    ASSERT_THAT(audit, IsOk());
    EXPECT_EQ(audit->kind, AuditKind::kEvaluation);
  }
  for (const SessionId id : {alices, bobs}) {
    const auto session = store.GetSession(id);
    ASSERT_THAT(session, IsOk());
    EXPECT_EQ(session->state, SessionState::kClosed);
  }
  for (int i = 0; i < 3; ++i) {
    const auto grant = engine.Call(AcquireAudit{pool.verifier, "v3"});
    ASSERT_THAT(grant, IsOk());
    ASSERT_TRUE(grant->has_value());
    const Audit& audit = (*grant)->audit;
    EXPECT_THAT(engine.Call(ReportAudit{pool.verifier, audit.id, audit.attempt,
                                        "v3", Right()}),
                IsOk());
  }
  for (const TrialId id : {examined, blamed, sent}) {
    ExpectTrial(id, TrialState::kAccepted, TrialBasis::kAudited);
  }
}

TEST_F(EngineUpgradeTest, ATaskKeepsTheCostTableThatItWasOpenedUnder) {
  Store();
  {
    Engine engine(clock, store, pool.policy, EngineOptions());
    ASSERT_THAT(engine.Start(), IsOk());
    ASSERT_THAT(engine.Call(OpenSession{bob, "b", 1}), IsOk());
  }
  const auto stored = store.GetTask(task);
  ASSERT_THAT(stored, IsOk());
  EXPECT_EQ(stored->cost_table_version, 1);
}

// Rather than to pay otherwise than was promised.
TEST_F(EngineUpgradeTest, ATaskOfANewerCostTableStopsTheStart) {
  Store(kCostTableVersion + 1);
  Engine engine(clock, store, pool.policy, EngineOptions());
  EXPECT_THAT(engine.Start(), FailsWith("COST_TABLE_UNKNOWN"));
}

}  // namespace
}  // namespace archpool
