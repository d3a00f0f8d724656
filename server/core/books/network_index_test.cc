// SPDX-License-Identifier: Apache-2.0
#include "server/core/books/network_index.h"

#include <string>

#include "gtest/gtest.h"

namespace archpool {
namespace {

constexpr AccountId kAlice{1};
constexpr AccountId kBob{2};

Digest Network(int i) { return Sha256(std::to_string(i)); }

Trial Of(int64_t id, AccountId account, int network, TrialState state) {
  Trial trial;
  trial.id = {id};
  trial.account = account;
  trial.architecture_id = Network(network);
  trial.state = state;
  return trial;
}

NetworkIndex TwoRungs() {
  Recipe recipe;
  recipe.further_epochs = {1};
  recipe.promoted_one_in = 2;
  return NetworkIndex(recipe);
}

TEST(NetworkIndexTest, ANetworkIsTakenAsLongAsATrialHoldsIt) {
  NetworkIndex index = TwoRungs();
  const Trial primary = Of(1, kAlice, 5, TrialState::kAssigned);
  const Trial backup = Of(2, kBob, 5, TrialState::kAccepted);
  index.Count(primary, 0, 1);
  index.Count(backup, 0, 1);
  index.Count(primary, 0, -1);
  EXPECT_TRUE(index.IsTaken(Network(5)));
  index.Count(backup, 0, -1);
  EXPECT_FALSE(index.IsTaken(Network(5)));
  index.Count(Of(3, kAlice, 6, TrialState::kAbandoned), 0, 1);
  index.Count(Of(4, kAlice, 7, TrialState::kRejected), 0, 1);
  EXPECT_FALSE(index.IsTaken(Network(6)));
  EXPECT_FALSE(index.IsTaken(Network(7)));
}

TEST(NetworkIndexTest, WhatAnAccountFailedAtItIsNotGivenAgain) {
  NetworkIndex index = TwoRungs();
  index.Count(Of(1, kAlice, 5, TrialState::kRejected), 0, 1);
  EXPECT_TRUE(index.WasRejected(kAlice, Network(5)));
  EXPECT_FALSE(index.WasRejected(kAlice, Network(5), 1));
  EXPECT_FALSE(index.WasRejected(kBob, Network(5)));
  Trial impossible = Of(2, kBob, 6, TrialState::kAbandoned);
  EXPECT_FALSE(index.WasRejected(kBob, Network(6)));
  impossible.reason = kImpossible;
  index.Count(impossible, 0, 1);
  EXPECT_TRUE(index.WasRejected(kBob, Network(6)));
}

TEST(NetworkIndexTest, WhatIsLeftUndoneIsRememberedUnlessAnotherWasFaster) {
  NetworkIndex index = TwoRungs();
  index.Count(Of(1, kAlice, 5, TrialState::kAbandoned), 0, 1);
  Trial superseded = Of(2, kAlice, 6, TrialState::kAbandoned);
  superseded.reason = kSuperseded;
  index.Count(superseded, 0, 1);
  ASSERT_EQ(SetIn(index.abandoned, kAlice).size(), 1);
  EXPECT_EQ(*SetIn(index.abandoned, kAlice).begin(), TrialId{1});
}

TEST(NetworkIndexTest, TheBestHalfWaitsForTheNextRungUntilItIsThere) {
  NetworkIndex index = TwoRungs();
  for (int i = 1; i <= 4; ++i) {
    index.Count(Of(i, kAlice, i, TrialState::kAccepted), 100 * i, 1);
  }
  ASSERT_EQ(index.rungs.size(), 1);
  const auto& waiting = index.rungs[0].waiting();
  ASSERT_EQ(waiting.size(), 2);
  EXPECT_EQ(waiting.begin()->trial, TrialId{4});
  Trial further = Of(9, kAlice, 4, TrialState::kAssigned);
  further.rung = 1;
  further.resumes = {4};
  index.Add(further);
  index.Count(further, 0, 1);
  EXPECT_TRUE(index.IsTaken(Network(4), 1));
  EXPECT_EQ(waiting.begin()->trial, TrialId{3});
  EXPECT_EQ(index.grown.at(TrialId{4}).size(), 1);
  index.Count(further, 0, -1);
  further.state = TrialState::kAbandoned;
  index.Count(further, 0, 1);
  EXPECT_EQ(waiting.begin()->trial, TrialId{4});
  EXPECT_EQ(index.resumptions_given_up.at(TrialId{4}), 1);
}

}  // namespace
}  // namespace archpool
