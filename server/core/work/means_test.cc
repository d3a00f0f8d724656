// SPDX-License-Identifier: Apache-2.0
// A worker is given what its machine holds and its line sends, and what is too
// large for it is left to others.
#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/crypto/sha256.h"
#include "common/nas/sampling.h"
#include "common/nas/subspace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/core/books/task_book.h"
#include "server/core/pool.h"
#include "server/core/rules/network_setup.h"
#include "server/core/rules/worker_means.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/spaces.h"

namespace archpool {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int64_t kMebi = int64_t{1} << 20;
constexpr int64_t kCorrect = 700;

TEST(TrainingRoomTest, ALineThatIsWaitedForTakesAnything) {
  const PoolPolicy policy;
  const DatasetManifest manifest = TinyManifest();
  for (const int64_t rate : {int64_t{0}, policy.upload_rate_least, INT64_MAX}) {
    EXPECT_TRUE(RoomFor({.upload_bytes_per_second = rate}, manifest, policy)
                    .IsUnlimited())
        << rate;
  }
  // Three files of four bytes a parameter, in two minutes.
  const TrainingRoom room =
      RoomFor({.upload_bytes_per_second = 4'096}, manifest, policy);
  EXPECT_EQ(room.parameters_max, 40'960);
  EXPECT_FALSE(room.IsUnlimited());
  EXPECT_TRUE(room.Fits({.parameters = 40'960, .memory_bytes = INT64_MAX}));
  EXPECT_FALSE(room.Fits({.parameters = 40'961}));
}

TEST(TrainingRoomTest, OfAWorkersMemoryAsMuchIsLeftAsOfAnExaminers) {
  PoolPolicy policy;
  policy.memory_max_bytes = 4'096 * kMebi;
  const DatasetManifest manifest = TinyManifest();
  const auto room = [&](int64_t memory_bytes) {
    return RoomFor({.memory_bytes = memory_bytes}, manifest, policy)
        .memory_max_bytes;
  };
  EXPECT_EQ(room(0), INT64_MAX) << "not said";
  EXPECT_EQ(room(4'096 * kMebi), INT64_MAX) << "nothing larger is given out";
  EXPECT_EQ(room(INT64_MAX), INT64_MAX);
  EXPECT_EQ(room(256 * kMebi), 128 * kMebi);
  EXPECT_EQ(room(2'048 * kMebi), MemoryForTraining(manifest, 2'048 * kMebi));
  EXPECT_LT(room(2'048 * kMebi), 1'536 * kMebi);
  policy.memory_max_bytes = 0;  // without a bound
  EXPECT_EQ(room(256 * kMebi), 128 * kMebi);
}

TEST(PassedOverTest, WhoHasNoMoreRoomHasNoneForAnyOfIt) {
  const TrainingRoom slow{.parameters_max = 100};
  const TrainingRoom small{.memory_max_bytes = 1'000};
  PassedOver passed;
  EXPECT_TRUE(passed.IsEmpty());
  EXPECT_TRUE(passed.IsTooLargeFor({})) << "nothing was passed";
  passed.Add({.parameters = 300, .memory_bytes = 10}, slow);
  passed.Add({.parameters = 200, .memory_bytes = 20}, slow);
  EXPECT_FALSE(passed.IsEmpty());
  EXPECT_TRUE(passed.IsTooLargeFor(slow));
  EXPECT_TRUE(passed.IsTooLargeFor({.parameters_max = 199}));
  EXPECT_FALSE(passed.IsTooLargeFor({.parameters_max = 200}));
  EXPECT_FALSE(passed.IsTooLargeFor(small));
  PassedOver other;
  other.Add({.parameters = 1, .memory_bytes = 2'000}, small);
  passed.Add(other);
  EXPECT_FALSE(passed.IsTooLargeFor(slow));
  EXPECT_TRUE(
      passed.IsTooLargeFor({.parameters_max = 100, .memory_max_bytes = 1'000}));
  EXPECT_FALSE(
      passed.IsTooLargeFor({.parameters_max = 0, .memory_max_bytes = 1'000}))
      << "it would lack another thing";
}

TEST(BoxWalkTest, WhoMayHaveWhatWasPassedGoesOnFromBeforeIt) {
  const TrainingRoom slow{.parameters_max = 100};
  const SubspaceId box{1};
  const AccountId alice{1}, bob{2};
  TaskIndex index;
  BoxWalk walk{.stream = 7, .looked = 90, .looked_for_all = 40};
  walk.too_large.Add({.parameters = 300}, slow);
  index.memory.walks[box] = walk;
  EXPECT_EQ(index.memory.WalkOf(box, 7, bob, slow, 1).looked, 90);
  EXPECT_FALSE(index.memory.WalkOf(box, 7, bob, slow, 1).IsForAll());
  EXPECT_EQ(index.memory.WalkOf(box, 7, bob, {}, 1).looked, 40);
  EXPECT_TRUE(index.memory.WalkOf(box, 7, bob, {}, 1).IsForAll());
  EXPECT_EQ(index.memory.WalkOf(box, 8, bob, slow, 1).looked, 0)
      << "other numbers";
  index.memory.walks[box].rejected_of = alice;
  EXPECT_EQ(index.memory.WalkOf(box, 7, alice, slow, 1).looked, 90);
  EXPECT_EQ(index.memory.WalkOf(box, 7, bob, slow, 1).looked, 40);
  index.memory.walks[box].dearest_too_large = 2;
  EXPECT_EQ(index.memory.WalkOf(box, 7, alice, slow, 1).looked, 40);
  EXPECT_EQ(index.memory.WalkOf(box, 7, alice, slow, 2).looked, 90);
}

// As a search from the start would find it.
TEST(TaskMemoryTest, WhatIsFreeAgainIsReturnedTo) {
  const SearchSpace space = TinySpace(4);
  const auto id_of = [](int64_t i) { return Sha256(absl::StrCat(i)); };
  TaskMemory memory;
  for (int64_t i = 0; i < 6; ++i) {
    memory.ranking.push_back({.architecture = space.ArchitectureAt(i),
                              .looked_at = true,
                              .possible = i != 1,
                              .id = id_of(i)});
  }
  memory.ranking_begin = 5;
  memory.walks[SubspaceId{1}].taken.Add(id_of(3));
  memory.walks[SubspaceId{2}].taken.Add(id_of(2));
  memory.GiveBack(id_of(5));
  EXPECT_EQ(memory.ranking_begin, 5u) << "it was not passed";
  memory.GiveBack(id_of(3));
  EXPECT_EQ(memory.ranking_begin, 3u);
  EXPECT_FALSE(memory.walks.contains(SubspaceId{1}));
  EXPECT_TRUE(memory.walks.contains(SubspaceId{2}));
  memory.GiveBack(id_of(4));
  EXPECT_EQ(memory.ranking_begin, 3u);
  memory.GiveBack(Subspace::Whole(space));
  EXPECT_EQ(memory.ranking_begin, 0u);
}

// Sixteen networks, of which half are too large for the small worker.
class MeansTest : public ::testing::Test {
 protected:
  MeansTest() {
    alice = pool.Make("alice", Role::kMiner);
    bob = pool.Make("bob", Role::kMiner);
    smalls = pool.Open(alice, "small");
    larges = pool.Open(alice, "large");
    bobs = pool.Open(bob, "large");
    for (int64_t i = 0; i < spec.space.size(); ++i) {
      const auto candidate =
          MakeCandidate(spec.space, spec.space.ArchitectureAt(i),
                        SetupOf(spec, TinyManifest(), pool.policy));
      ARCHPOOL_CHECK(candidate.ok());
      sizes.push_back(SizeOf(candidate->plan, spec.recipe));
    }
  }
  // Means that leave room for the smaller half.
  WorkerMeans SlowLine() const {
    std::vector<int64_t> parameters;
    for (const TrainingSize& size : sizes) {
      parameters.push_back(size.parameters);
    }
    std::sort(parameters.begin(), parameters.end());
    return {.upload_bytes_per_second = parameters[7] / 10 + 1};
  }
  WorkerMeans SmallMachine() const {
    std::vector<int64_t> memory;
    for (const TrainingSize& size : sizes) memory.push_back(size.memory_bytes);
    std::sort(memory.begin(), memory.end());
    return {.memory_bytes = 2 * memory[7]};
  }
  WorkerMeans SmallDisk() const {
    std::vector<int64_t> bytes;
    for (const TrainingSize& size : sizes) {
      bytes.push_back(size.checkpoints_bytes);
    }
    std::sort(bytes.begin(), bytes.end());
    return {.checkpoints_bytes = bytes[7]};
  }
  TrainingRoom RoomOf(const WorkerMeans& means) const {
    return RoomFor(means, TinyManifest(), pool.policy);
  }
  int64_t CountFitting(const WorkerMeans& means) const {
    return std::count_if(
        sizes.begin(), sizes.end(),
        [&](const TrainingSize& size) { return RoomOf(means).Fits(size); });
  }
  AcquireLease::Reply Ask(AccountId account, SessionId session,
                          const WorkerMeans& means = {}) {
    return pool.Do(
        AcquireLease{.caller = account, .session = session, .means = means});
  }
  bool Fits(const Architecture& architecture, const WorkerMeans& means) const {
    return RoomOf(means).Fits(
        sizes[static_cast<size_t>(spec.space.RankOf(architecture))]);
  }
  // Trains what the worker is given until it is given nothing: all of it fits,
  // and is noted. Why there is no more.
  AcquireLease::Reply TrainAll(AccountId account, SessionId session,
                               const WorkerMeans& means = {}) {
    for (int i = 0; i < 100; ++i) {
      AcquireLease::Reply reply = Ask(account, session, means);
      if (!reply.grant) return reply;
      for (const Assignment& one : reply.grant->assignments) {
        EXPECT_TRUE(Fits(one.architecture, means));
        EXPECT_TRUE(trained.insert(one.architecture_id).second);
        pool.Deliver(account, session, reply.grant->lease, one.trial, kCorrect);
      }
      pool.VerifyAll();
    }
    ADD_FAILURE() << "it goes on and on";
    return {};
  }
  // The small worker trains what it can, then another one the rest.
  void TrainInTurn(TaskId task, const WorkerMeans& means, AccountId other,
                   SessionId others, const std::string& what_is_too_small) {
    const auto fitting = static_cast<size_t>(CountFitting(means));
    ASSERT_GT(fitting, 0u);
    ASSERT_LT(fitting, sizes.size());
    for (int i = 0; i < 3; ++i) {  // asking again changes nothing
      const AcquireLease::Reply idle = TrainAll(alice, smalls, means);
      EXPECT_EQ(idle.idle_reason, "TOO_LARGE_HERE");
      EXPECT_THAT(idle.idle_message,
                  AllOf(HasSubstr("is too large for this worker"),
                        HasSubstr(what_is_too_small)));
      EXPECT_EQ(trained.size(), fitting);
    }
    ASSERT_NE(pool.pool.state().Find(task), nullptr) << "it has not ended";
    const AcquireLease::Reply last = TrainAll(other, others);
    EXPECT_EQ(last.idle_reason, "NO_OPEN_TASK");
    EXPECT_EQ(trained.size(), sizes.size());
    pool.VerifyAll();
    EXPECT_EQ(pool.pool.state().Find(task), nullptr);
  }
  // Both workers are small, and ask again and again.
  void AskForAnHour() {
    for (int i = 0; i <= 60; ++i) {
      pool.Advance(absl::Minutes(1));
      Ask(alice, smalls, SmallMachine());
      Ask(bob, bobs, SmallMachine());
    }
  }
  std::optional<EndReason> WhyEnded() {
    std::optional<EndReason> reason;
    for (const Event& event : pool.pool.TakeEvents()) {
      const auto* task = std::get_if<Task>(&event);
      if (task != nullptr) reason = task->end_reason;
    }
    return reason;
  }
  TaskId SubmitRanked() {
    const TaskId task = pool.Submit(spec);
    RankCandidates ranking{.task = task};
    for (int64_t i = spec.space.size() - 1; i >= 0; --i) {
      ranking.candidates.push_back(spec.space.ArchitectureAt(i));
    }
    std::stable_sort(
        ranking.candidates.begin(), ranking.candidates.end(),
        [&](const Architecture& a, const Architecture& b) {
          return sizes[static_cast<size_t>(spec.space.RankOf(a))].parameters >
                 sizes[static_cast<size_t>(spec.space.RankOf(b))].parameters;
        });
    pool.Do(ranking);
    return task;
  }

  // Room for nothing.
  static constexpr WorkerMeans kNoLine{.upload_bytes_per_second = 1};
  static constexpr WorkerMeans kNoMemory{.memory_bytes = 1'000};

  TestPool pool;
  TaskSpec spec = TinySpec(4);
  std::vector<TrainingSize> sizes;  // by rank
  std::set<Digest> trained;
  AccountId alice, bob;
  SessionId smalls, larges, bobs;
};

TEST_F(MeansTest, ASlowLineGetsWhatItCanSend) {
  TrainInTurn(pool.Submit(spec), SlowLine(), bob, bobs, "KiB/s");
}

TEST_F(MeansTest, ASmallMachineGetsWhatItHolds) {
  TrainInTurn(pool.Submit(spec), SmallMachine(), bob, bobs, "MiB of memory");
}

TEST_F(MeansTest, ASmallDiskGetsWhatItKeeps) {
  TrainInTurn(pool.Submit(spec), SmallDisk(), bob, bobs, "--checkpoints-mib");
}

TEST_F(MeansTest, OfARankingASmallDiskGetsWhatItKeeps) {
  TrainInTurn(SubmitRanked(), SmallDisk(), alice, larges, "--checkpoints-mib");
}

// What one worker passed is not rejected for its account.
TEST_F(MeansTest, AnotherWorkerOfTheAccountGetsTheRest) {
  TrainInTurn(pool.Submit(spec), SlowLine(), alice, larges, "KiB/s");
}

TEST_F(MeansTest, AnotherWorkerOfTheAccountHasMoreMemory) {
  TrainInTurn(pool.Submit(spec), SmallMachine(), alice, larges, "--memory-mib");
}

TEST_F(MeansTest, LongListsGrowByWhatFits) {
  spec.trials_per_lease = 16;
  spec.subspaces = 1;
  TrainInTurn(pool.Submit(spec), SlowLine(), bob, bobs, "KiB/s");
}

TEST_F(MeansTest, OfARankingTooASlowLineGetsWhatItCanSend) {
  TrainInTurn(SubmitRanked(), SlowLine(), alice, larges, "KiB/s");
}

TEST_F(MeansTest, OfARankingTooASmallMachineGetsWhatItHolds) {
  spec.trials_per_lease = 16;
  TrainInTurn(SubmitRanked(), SmallMachine(), bob, bobs, "MiB of memory");
}

TEST_F(MeansTest, WhoCanTakeNothingTakesNothingFromOthers) {
  const TaskId task = pool.Submit(spec);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Ask(alice, smalls, kNoLine).idle_reason, "TOO_LARGE_HERE");
    const auto grant = Ask(bob, bobs).grant;
    ASSERT_TRUE(grant.has_value()) << "at its first request";
    for (const Assignment& one : grant->assignments) {
      pool.Deliver(bob, bobs, grant->lease, one.trial, kCorrect);
    }
    pool.VerifyAll();
  }
  EXPECT_EQ(pool.pool.state().IndexOf(task).boxes.done_count(), 0);
}

// Their client's reward is not held for what nobody there can train.
TEST_F(MeansTest, WhatIsTooLargeForAllWhoAskEndsItsTask) {
  spec.budget.time_limit = absl::Hours(100);
  const TaskId task = pool.Submit(spec);
  TrainAll(alice, smalls, SmallMachine());
  AskForAnHour();
  pool.VerifyAll();
  EXPECT_EQ(pool.pool.state().Find(task), nullptr);
  EXPECT_EQ(WhyEnded(), EndReason::kExhausted);
}

TEST_F(MeansTest, NotWhereOneCameThatCouldTakeIt) {
  spec.budget.time_limit = absl::Hours(100);
  const TaskId task = pool.Submit(spec);
  TrainAll(alice, smalls, SmallMachine());
  pool.Advance(absl::Minutes(30));
  const auto grant = Ask(bob, bobs).grant;
  ASSERT_TRUE(grant.has_value());
  for (const Assignment& one : grant->assignments) {
    pool.Deliver(bob, bobs, grant->lease, one.trial, kCorrect);
  }
  pool.VerifyAll();
  for (int i = 0; i < 59; ++i) {
    pool.Advance(absl::Minutes(1));
    Ask(alice, smalls, SmallMachine());
  }
  EXPECT_EQ(pool.pool.state().Find(task)->state, TaskState::kActive);
  AskForAnHour();
  EXPECT_TRUE(WhyEnded().has_value());
}

// A line that was measured again, or is not known any more, counts from the
// next request on.
TEST_F(MeansTest, WhatAWorkerSaysLastCounts) {
  pool.Submit(spec);
  EXPECT_FALSE(Ask(alice, smalls, kNoLine).grant.has_value());
  EXPECT_TRUE(Ask(alice, smalls).grant.has_value());
}

TEST_F(MeansTest, WhatAnAccountLeftUndoneIsNotForItsSmallWorker) {
  const TaskId task = pool.Submit(spec);
  TrainAll(alice, smalls, SlowLine());
  const auto left = Ask(alice, larges).grant;
  ASSERT_TRUE(left.has_value());
  pool.Do(ReleaseLease{alice, larges, left->lease.id, left->lease.attempt});
  EXPECT_EQ(Ask(alice, smalls, SlowLine()).idle_reason, "TOO_LARGE_HERE");
  EXPECT_EQ(Ask(alice, smalls, kNoMemory).idle_reason, "TOO_LARGE_HERE");
  ASSERT_NE(pool.pool.state().Find(task), nullptr);
  const auto again = Ask(alice, larges).grant;
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->assignments[0].trial.value, left->lease.trials.back().value)
      << "the latest first";
}

TEST_F(MeansTest, WhatGoesOnToTheNextRungIsNotForASmallWorker) {
  spec.recipe.further_epochs = {2, 6};
  spec.trials_per_lease = 1;
  pool.Submit(spec);
  for (const int64_t correct : {500, 700, 600}) {
    const auto grant = Ask(alice, larges).grant;
    ASSERT_TRUE(grant.has_value());
    pool.Deliver(alice, larges, grant->lease, grant->assignments[0].trial,
                 correct);
    pool.VerifyAll();
  }
  EXPECT_EQ(Ask(alice, smalls, kNoLine).idle_reason, "TOO_LARGE_HERE");
  EXPECT_EQ(Ask(alice, smalls, kNoMemory).idle_reason, "TOO_LARGE_HERE");
  const auto grant = Ask(alice, larges).grant;
  ASSERT_TRUE(grant.has_value());
  EXPECT_EQ(grant->assignments[0].rung, 1);
}

TEST_F(MeansTest, NobodyStandsByForWhatIsTooLarge) {
  spec = TinySpec(8);
  spec.trials_per_lease = 4;
  spec.subspaces = 2;
  pool.Submit(spec);
  const LeaseGrant silent = *Ask(alice, larges).grant;
  pool.Deliver(alice, larges, silent.lease, silent.lease.trials[0], 900);
  pool.VerifyAll();
  pool.Advance(pool.policy.silence_term + absl::Seconds(1));
  EXPECT_EQ(Ask(bob, bobs, kNoLine).idle_reason, "TOO_LARGE_HERE");
  EXPECT_EQ(Ask(bob, bobs, kNoMemory).idle_reason, "TOO_LARGE_HERE");
  const auto backup = Ask(bob, bobs).grant;
  ASSERT_TRUE(backup.has_value());
  EXPECT_EQ(backup->lease.role, LeaseRole::kBackup);
}

TEST(MeansBookTest, KeepsWhatWasSaidLast) {
  const SessionId one{1}, other{2};
  MeansBook book;
  EXPECT_EQ(book.Of(one), WorkerMeans());
  book.Note(one, {.upload_bytes_per_second = 5, .memory_bytes = 6});
  book.Note(one, {.memory_bytes = 7});
  EXPECT_EQ(book.Of(one), WorkerMeans{.memory_bytes = 7});
  EXPECT_EQ(book.Of(other), WorkerMeans());
  book.Forget(one);
  EXPECT_EQ(book.Of(one), WorkerMeans());
}

// More subspaces than one request tries hold only what is too large: what fits
// lies behind them.
TEST(ManyBoxesTest, WhatFitsIsFoundBehindWhatDoesNot) {
  Dimension width{.name = "width", .choices = {}};
  for (int64_t i = 64; i > 0; --i) width.choices.emplace_back(4 * i);
  Dimension kernel{.name = "kernel", .choices = {}};
  for (const int64_t size : {7, 5, 3}) kernel.choices.emplace_back(size);
  BlockTemplate block = testing::MakeBlock("conv", 3, 4);
  block.width = testing::Ref("width");
  block.kernel = testing::Ref("kernel");
  ChainTemplate chain;
  chain.stages = {{.stride = 1, .blocks = {block}}};
  TaskSpec spec = TinySpec(2);
  spec.space = testing::MakeSpace({width, kernel}, chain);
  spec.subspaces = spec.space.size();
  TestPool pool;
  pool.Submit(spec);
  const AccountId alice = pool.Make("alice", Role::kMiner);
  const SessionId session = pool.Open(alice, "small");
  const auto smallest = MakeCandidate(
      spec.space, spec.space.ArchitectureAt(spec.space.size() - 1),
      SetupOf(spec, TinyManifest(), pool.policy));
  ASSERT_TRUE(smallest.ok());
  AcquireLease command{.caller = alice, .session = session};
  command.means.upload_bytes_per_second = smallest->plan.parameters / 10 + 1;
  AcquireLease::Reply reply;
  int asked = 0;
  do {
    reply = pool.Do(command);
  } while (!reply.grant && ++asked < 50);
  ASSERT_TRUE(reply.grant.has_value()) << reply.idle_message;
  EXPECT_LE(asked, 10);
}

}  // namespace
}  // namespace archpool
