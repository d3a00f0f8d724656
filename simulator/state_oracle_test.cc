// SPDX-License-Identifier: Apache-2.0
// The oracle's view of states beside the core's: every difference is named
// here, with its reason, so that neither can be changed alone unseen.
#include "simulator/state_oracle.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/core/records/transitions.h"

namespace archpool {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAreArray;

void Compare(const std::string& step, bool by_core, bool by_oracle,
             std::vector<std::string>& differences) {
  if (by_core == by_oracle) return;
  differences.push_back(
      absl::StrCat(step, by_core ? ": the core alone" : ": the oracle alone"));
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

// Of each state that the oracle lets nothing follow, that it may stay as it
// is.
template <typename State>
std::vector<std::string> EndsTwice() {
  std::vector<std::string> ends;
  for (size_t from = 0; from < kCountOf<State>; ++from) {
    const auto state = static_cast<State>(from);
    bool may_go_on = false;
    for (size_t to = 0; to < kCountOf<State>; ++to) {
      may_go_on = may_go_on || MayFollow(state, static_cast<State>(to));
    }
    if (may_go_on) continue;
    ends.push_back(absl::StrCat(ToString(state), " to ", ToString(state),
                                ": the core alone"));
  }
  return ends;
}

// So each of them is an end for the core too, and each of the core's is one.
template <typename State>
void ExpectObjectionsToEnds() {
  EXPECT_THAT(Differences<State>(),
              UnorderedElementsAreArray(EndsTwice<State>()));
}

TEST(StateOracleTest, AgreesWithTheCoreOnWhatNeverIsOver) {
  EXPECT_THAT(Differences<AccountState>(), IsEmpty());
  EXPECT_THAT(Differences<SubspaceState>(), IsEmpty());
  EXPECT_THAT(Differences<TrialState>(), IsEmpty());
}

// The core forgets what is over, so there is nothing for its table to refuse;
// the oracle remembers, and objects to an end that is put down once more.
TEST(StateOracleTest, ObjectsToEndsThatTheCoreHasForgotten) {
  ExpectObjectionsToEnds<TaskState>();
  ExpectObjectionsToEnds<SessionState>();
  ExpectObjectionsToEnds<LeaseState>();
  ExpectObjectionsToEnds<AuditState>();
  ExpectObjectionsToEnds<PayoutState>();
  EXPECT_THAT(EndsTwice<SessionState>(),
              ElementsAre("closed to closed: the core alone"));
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
