// SPDX-License-Identifier: Apache-2.0
#include "server/search/search_desk.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/endless_space.h"
#include "tests/support/pool_fixture.h"

namespace archpool {
namespace {

// A pool with a desk beside it, as the server has one.
class SearchDeskTest : public ::testing::Test {
 protected:
  void Submit(const TaskSpec& spec) {
    pool_.Submit(spec);
    Settle();
  }
  void Settle() {
    desk_.Watch(pool_.pool.TakeEvents());
    for (const RankCandidates& command : desk_.Rank()) {
      last_ = command.candidates;
      pool_.Do(command);
    }
    desk_.Watch(pool_.pool.TakeEvents());
  }

  TestPool pool_;
  SearchDesk desk_{SearchPolicySpec{.kind = SearchPolicyKind::kRandom}};
  std::vector<Architecture> last_;
};

TEST_F(SearchDeskTest, FollowsTheTasksOwnPolicy) {
  TaskSpec spec = TinySpec(4);
  spec.search.policy = "exhaustive";
  Submit(spec);
  ASSERT_GE(last_.size(), 3u);
  for (size_t i = 1; i < last_.size(); ++i) {
    EXPECT_LT(spec.space.RankOf(last_[i - 1]), spec.space.RankOf(last_[i]));
  }
}

// An endless space takes its turns and no more: other clients' tasks are ranked
// between them, and in the end it rests.
TEST_F(SearchDeskTest, AnEndlessSpaceTakesTurns) {
  SearchDesk desk(SearchPolicySpec{.kind = SearchPolicyKind::kExhaustive});
  TestPool pool;
  const TaskId hostile = pool.Submit(EndlessSpec(), "endless");
  const TaskId other = pool.Submit(TinySpec(4), "small");
  desk.Watch(pool.pool.TakeEvents());
  SearchDesk::Step first = desk.RankNext(NeverStopped);
  ASSERT_TRUE(first.ranking.has_value());
  EXPECT_EQ(first.ranking->task, hostile);
  const SearchDesk::Step second = desk.RankNext(NeverStopped);
  ASSERT_TRUE(second.ranking.has_value());
  EXPECT_EQ(second.ranking->task, other);
  EXPECT_TRUE(desk.RankNext(NeverStopped).is_idle);
}

// Where the looks bring nothing the task has further turns, and rests in the
// end: the core draws for itself.
TEST_F(SearchDeskTest, RestsAfterManyLooksInVain) {
  SearchDesk desk(SearchPolicySpec{.kind = SearchPolicyKind::kExhaustive});
  TestPool pool;
  const TaskId task = pool.Submit(EndlessSpec());
  TaskSpec impossible = *pool.pool.state().Find(task)->spec;
  impossible.limits.parameters_max = 1;
  Task record = *pool.pool.state().Find(task);
  record.spec = std::make_shared<const TaskSpec>(impossible);
  desk.Watch({*pool.pool.state().FindDataset(impossible.dataset), record});
  SearchDesk::Step step = desk.RankNext(NeverStopped);
  EXPECT_FALSE(step.ranking.has_value());
  int64_t turns = 1;
  for (; !step.ranking && turns < 2'000; ++turns) {
    step = desk.RankNext(NeverStopped);
  }
  ASSERT_TRUE(step.ranking.has_value());
  EXPECT_TRUE(step.ranking->candidates.empty());
  EXPECT_TRUE(desk.RankNext(NeverStopped).is_idle);
}

// A start loads no dataset that no open task is of.
TEST(SearchDeskDatasetTest, ComesWithTheTask) {
  TestPool pool;
  pool.pool.TakeEvents();
  SearchDesk desk(SearchPolicySpec{.kind = SearchPolicyKind::kLocal});
  desk.Load(pool.pool.state().Snapshot());
  pool.Submit(TinySpec(4));
  desk.Watch(pool.pool.TakeEvents());
  EXPECT_EQ(desk.Rank().size(), 1u);
}

// Equal accuracies: what is cheaper is worth more, and its neighbours come
// next.
TEST_F(SearchDeskTest, CountsWhatANetworkCosts) {
  const auto neighbours_of_the_cheaper = [&](int64_t halved_macs_ppm) {
    SearchDesk desk(SearchPolicySpec{.kind = SearchPolicyKind::kLocal});
    TestPool pool;
    TaskSpec spec = TinySpec(4);
    spec.search.halved_macs_ppm = halved_macs_ppm;
    const TaskId task = pool.Submit(spec);
    desk.Watch(pool.pool.TakeEvents());
    Trial dear{.id = TrialId{900},
               .task = task,
               .architecture = spec.space.ArchitectureAt(0),
               .architecture_id = Sha256("dear"),
               .macs = 1'000'000,
               .state = TrialState::kAccepted};
    dear.commitment.emplace();
    dear.measured = Measured{.validation_correct = 505};
    Trial cheap = dear;
    cheap.id = TrialId{901};
    cheap.architecture = spec.space.ArchitectureAt(spec.space.size() - 1);
    cheap.architecture_id = Sha256("cheap");
    cheap.macs = 1'000;
    cheap.measured->validation_correct = 500;
    desk.Watch({dear, cheap});
    const auto rankings = desk.Rank();
    size_t near = 0;
    for (const Architecture& one : rankings.at(0).candidates) {
      size_t apart = 0;
      for (size_t d = 0; d < one.choices.size(); ++d) {
        apart += one.choices[d] != cheap.architecture.choices[d] ? 1 : 0;
      }
      near += apart == 1 ? 1 : 0;
    }
    return near;
  };
  EXPECT_GT(neighbours_of_the_cheaper(10'000), neighbours_of_the_cheaper(0));
}

}  // namespace
}  // namespace archpool
