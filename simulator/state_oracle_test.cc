// The auditor's view of states beside the core's: every difference is named
// here, with its reason, so that neither can be changed alone unseen.
#include "simulator/state_oracle.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/core/records/transitions.h"
#include "server/core/records/words.h"

namespace archpool {
namespace {

using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

void Compare(const std::string& step, bool by_core, bool by_auditor,
             std::vector<std::string>& differences) {
  if (by_core == by_auditor) return;
  differences.push_back(
      absl::StrCat(step, by_core ? ": the core alone" : ": the auditor alone"));
}

// Which steps one of them takes and the other does not.
template <typename State>
std::vector<std::string> Differences() {
  std::vector<std::string> differences;
  for (size_t to = 0; to < kCountOf<State>; ++to) {
    const auto next = static_cast<State>(to);
    Compare(absl::StrCat("new to ", ToString(next)), MayStep<State>(kNew, next),
            MayBegin(next), differences);
    for (size_t from = 0; from < kCountOf<State>; ++from) {
      const auto state = static_cast<State>(from);
      Compare(absl::StrCat(ToString(state), " to ", ToString(next)),
              MayStep<State>(state, next), MayFollow(state, next), differences);
    }
  }
  return differences;
}

TEST(StateOracleTest, AgreesWithTheCoreOnWhatNeverIsOver) {
  EXPECT_THAT(Differences<AccountState>(), IsEmpty());
  EXPECT_THAT(Differences<SubspaceState>(), IsEmpty());
  EXPECT_THAT(Differences<TrialState>(), IsEmpty());
}

// The core forgets what is over, so there is nothing for its table to refuse;
// the auditor remembers, and objects to an end that is put down once more.
TEST(StateOracleTest, ObjectsToEndsThatTheCoreHasForgotten) {
  EXPECT_THAT(Differences<TaskState>(),
              UnorderedElementsAre("succeeded to succeeded: the core alone",
                                   "failed to failed: the core alone",
                                   "cancelled to cancelled: the core alone"));
  EXPECT_THAT(Differences<SessionState>(),
              UnorderedElementsAre("closed to closed: the core alone"));
  EXPECT_THAT(Differences<LeaseState>(),
              UnorderedElementsAre("completed to completed: the core alone",
                                   "released to released: the core alone",
                                   "expired to expired: the core alone",
                                   "revoked to revoked: the core alone"));
  EXPECT_THAT(Differences<AuditState>(),
              UnorderedElementsAre("done to done: the core alone"));
  EXPECT_THAT(Differences<PayoutState>(),
              UnorderedElementsAre("settled to settled: the core alone",
                                   "refused to refused: the core alone"));
}

TEST(StateOracleTest, SaysWhatIsWrong) {
  const Lease active{.id = {3}};
  Lease ended = active;
  ended.state = LeaseState::kExpired;
  EXPECT_EQ(WhatIsWrong<Lease>(nullptr, active), "");
  EXPECT_EQ(WhatIsWrong(&active, ended), "");
  EXPECT_EQ(WhatIsWrong<Lease>(nullptr, ended), "lease-3 begins as expired");
  EXPECT_EQ(WhatIsWrong(&ended, active), "lease-3 went from expired to active");
}

// More than states: only what was known before comes accepted, only what was
// superseded is committed late, and nothing is taken up by another account.
TEST(StateOracleTest, LooksAtTrialsMoreClosely) {
  Trial known{.id = {1}, .state = TrialState::kAccepted};
  EXPECT_FALSE(IsLegal(known));
  known.known_from = {7};
  EXPECT_TRUE(IsLegal(known));

  Trial abandoned{.id = {2}, .lease = {1}, .account = {1}};
  abandoned.state = TrialState::kAbandoned;
  Trial committed = abandoned;
  committed.state = TrialState::kCommitted;
  EXPECT_FALSE(IsLegal(abandoned, committed));
  abandoned.reason = kSuperseded;
  EXPECT_TRUE(IsLegal(abandoned, committed));

  abandoned.reason = "";
  Trial again = abandoned;
  again.state = TrialState::kAssigned;
  again.lease = {2};
  EXPECT_TRUE(IsLegal(abandoned, again));
  again.account = {2};
  EXPECT_FALSE(IsLegal(abandoned, again));
}

}  // namespace
}  // namespace archpool
