// SPDX-License-Identifier: Apache-2.0
#include "server/intake/known_results.h"

#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "server/storage/memory_store.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

// A pool whose events are committed to a store that can be read.
class KnownResultsTest : public ::testing::Test {
 protected:
  KnownResultsTest() {
    miner_ = pool_.Make("miner", Role::kMiner);
    session_ = pool_.Open(miner_, "w");
  }

  // Submits a task and trains `trials` networks for it; cancels it where
  // `ends`.
  TaskId Train(const TaskSpec& spec, int trials, bool ends) {
    const TaskId task =
        pool_.Submit(spec, "request " + std::to_string(++requests_));
    for (int i = 0; i < trials;) {
      const auto grant =
          pool_.Do(AcquireLease{miner_, session_, {}}).grant.value();
      for (const Assignment& one : grant.assignments) {
        pool_.Deliver(miner_, session_, grant.lease, one.trial, 600);
        pool_.Verify(600, 500);
        ++i;
      }
    }
    if (ends) pool_.Do(CancelTask{task, pool_.client});
    pool_.VerifyAll();
    return task;
  }

  std::vector<Trial> Collect(const TaskSpec& spec) {
    MemoryStore store;
    const auto loaded = store.TakeOver();
    EXPECT_TRUE(loaded.ok());
    const auto committed = store.Commit(loaded->generation, loaded->sequence,
                                        pool_.pool.TakeEvents());
    EXPECT_TRUE(committed.ok()) << committed;
    auto known = CollectKnownResults(store, pool_.client, spec);
    EXPECT_TRUE(known.ok()) << known.status();
    return *std::move(known);
  }

  TestPool pool_;
  AccountId miner_;
  SessionId session_;
  int requests_ = 0;
};

TEST_F(KnownResultsTest, AreThoseOfEndedTasksUnderTheSameRecipe) {
  TaskSpec spec = TinySpec(4);
  spec.trials_per_lease = 1;
  Train(spec, 3, /*ends=*/true);
  TaskSpec other = spec;
  other.recipe.epochs = 2;
  Train(other, 2, /*ends=*/true);
  Train(spec, 1, /*ends=*/false);
  EXPECT_EQ(Collect(spec).size(), 3u);
}

TEST_F(KnownResultsTest, AreSpeltInTheNewSpace) {
  TaskSpec spec = TinySpec(4);
  spec.trials_per_lease = 1;
  Train(spec, 3, /*ends=*/true);
  // Its first dimension is the widths, and more of them are allowed now.
  const TaskSpec wider = TinySpec(6);
  const std::vector<Trial> known = Collect(wider);
  ASSERT_EQ(known.size(), 3u);
  for (const Trial& trial : known) {
    EXPECT_TRUE(wider.space.IsValid(trial.architecture));
  }
}

// The same choices are another network where the template differs.
TEST_F(KnownResultsTest, OfAnotherTemplateNothingIsKnown) {
  TaskSpec spec = TinySpec(4);
  spec.trials_per_lease = 1;
  Train(spec, 3, /*ends=*/true);
  TaskSpec other = spec;
  ChainTemplate chain = spec.space.chain_template();
  chain.stem_width = int64_t{5};
  auto space = SearchSpace::Create(spec.space.dimensions(), std::move(chain));
  ASSERT_TRUE(space.ok()) << space.status();
  other.space = *std::move(space);
  EXPECT_TRUE(Collect(other).empty());
}

TEST_F(KnownResultsTest, WhatPassesTheNewLimitsIsLeftOut) {
  TaskSpec spec = TinySpec(4);
  spec.trials_per_lease = 1;
  Train(spec, 3, /*ends=*/true);
  TaskSpec small = spec;
  small.limits.parameters_max = 1;
  EXPECT_TRUE(Collect(small).empty());
}

TEST_F(KnownResultsTest, OfADatasetThatIsNotRegisteredNothingIsKnown) {
  TaskSpec spec = TinySpec(4);
  spec.trials_per_lease = 1;
  Train(spec, 1, /*ends=*/true);
  spec.dataset = Sha256("another");
  EXPECT_TRUE(Collect(spec).empty());
}

// Where a known result may be trained further, its weights have to be here, and
// stay until the task is open.
TEST(HoldWeightsTest, AResultWithoutWeightsIsNoneThatGoesFurther) {
  const TemporaryDirectory directory;
  const BlobStore blobs = *BlobStore::Open(directory.path() + "/blobs");
  Trial here;
  here.id = TrialId{1};
  here.state = TrialState::kAccepted;
  here.commitment.emplace().weights_digest = *blobs.Put("weights");
  VerdictIn(here).basis = TrialBasis::kAudited;
  Trial gone = here;
  gone.id = TrialId{2};
  gone.commitment->weights_digest = Sha256("collected");
  Trial sampled_out = gone;
  sampled_out.id = TrialId{3};
  sampled_out.verdict->basis = TrialBasis::kSampledOut;
  const std::vector<Trial> known = {here, gone, sampled_out};

  TaskSpec spec = TinySpec(4);
  std::vector<BlobHold> held;
  EXPECT_EQ(HoldWeights(blobs, spec, known, held), known)
      << "nobody trains them further";
  spec.recipe.further_epochs = {1};
  EXPECT_EQ(HoldWeights(blobs, spec, known, held),
            (std::vector{here, sampled_out}));
  const auto remove = [&] {
    return blobs
        .Remove(here.commitment->weights_digest, absl::InfiniteFuture(),
                []() -> absl::StatusOr<bool> { return false; })
        ->is_gone;
  };
  EXPECT_FALSE(remove()) << "the task is not open yet";
  held.clear();
  EXPECT_TRUE(remove());
}

}  // namespace
}  // namespace archpool
