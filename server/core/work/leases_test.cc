// SPDX-License-Identifier: Apache-2.0
// What a request for work is answered while tasks come to their end in it.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/nas/cost_table.h"
#include "common/nas/sampling.h"
#include "gtest/gtest.h"
#include "server/core/pool.h"
#include "server/core/rules/network_setup.h"
#include "tests/support/pool_fixture.h"

namespace archpool {
namespace {

// Of TinySpace's dimensions, those with a choice where there is one width.
constexpr size_t kKernel = 1;
constexpr size_t kOperation = 2;

// Four networks in one box, which each lease is one of.
TaskSpec FourNetworks() {
  TaskSpec spec = TinySpec(1);
  spec.subspaces = 1;
  spec.trials_per_lease = 1;
  return spec;
}

WorkUnits CostOf(const TaskSpec& spec, const PoolPolicy& policy,
                 const Architecture& architecture) {
  const DatasetManifest manifest = TinyManifest();
  const auto candidate =
      MakeCandidate(spec.space, architecture, SetupOf(spec, manifest, policy));
  ARCHPOOL_CHECK(candidate.ok());
  return TrialWorkUnits(candidate->plan, manifest.train_count,
                        spec.recipe.epochs, manifest.validation_count);
}

Architecture WithTheOther(Architecture network, size_t dimension) {
  network.choices[dimension] ^= 1;
  return network;
}

DatasetManifest LargeManifest() {
  DatasetManifest manifest = TinyManifest();
  manifest.train_count = 4'000'000;
  return manifest;
}

// Trainings of ten minutes of the reference core and more.
TaskSpec LongTrainings() {
  TaskSpec spec = FourNetworks();
  spec.dataset = LargeManifest().Id();
  spec.recipe.epochs = 1'000;
  spec.budget.work_units = kWorkUnitsMax;
  spec.budget.time_limit = absl::Hours(1'000);
  return spec;
}

// A pool with one task and one worker, which trains what it is given.
class OneTask {
 public:
  OneTask(const PoolPolicy& policy, const TaskSpec& spec,
          const std::string& secret)
      : pool(policy), alice(pool.Make("alice", Role::kMiner)) {
    session = pool.Open(alice, "w1");
    pool.Do(RegisterDataset{pool.client, LargeManifest(), Sha256("held-out")});
    task = pool.Do(SubmitTask{pool.client, spec, "r1", Sha256(secret)});
  }
  AcquireLease::Reply Ask() { return pool.Do(AcquireLease{alice, session}); }
  // The network that came next, accepted with the claim.
  Architecture Train(int64_t claim) {
    const auto grant = Ask().grant;
    ARCHPOOL_CHECK(grant.has_value() && grant->assignments.size() == 1);
    pool.Deliver(alice, session, grant->lease, grant->assignments[0].trial,
                 claim);
    pool.VerifyAll();
    return grant->assignments[0].architecture;
  }

  TestPool pool;
  AccountId alice;
  SessionId session;
  TaskId task;
};

// A worker at one of them, which is heard all the while.
class SlowWorker : public OneTask {
 public:
  SlowWorker() : OneTask(AuditEverything(), LongTrainings(), "secret") {
    Begin(session);
  }
  void Begin(SessionId of) {
    session = of;
    lease = Ask().grant->lease;
    begin = pool.now;
    work =
        absl::Microseconds(pool.pool.state().Find(lease.trials[0])->work_units);
    ARCHPOOL_CHECK(work > absl::Minutes(10));
  }
  bool IsOpen() { return pool.pool.state().Find(task) != nullptr; }
  // Until this many times what the training takes the reference core.
  void TrainUntil(double times) {
    while (pool.now < begin + times * work && IsOpen()) {
      (void)pool.Try(RenewLease{alice, session, lease.id});
      pool.Advance(pool.policy.silence_term / 2);
    }
  }

  Lease lease;
  absl::Time begin;
  absl::Duration work;
};

// Past its lease's deadline, which it outlasts as long as it is heard.
TEST(LeasesTest, ASlowTrainingMayBeCommittedAfterItsTaskHasEnded) {
  SlowWorker slow;
  slow.TrainUntil(2.5);
  EXPECT_GT(slow.pool.now, slow.lease.deadline);
  slow.pool.Do(CancelTask{slow.task, slow.pool.client});
  slow.TrainUntil(3);
  ASSERT_TRUE(slow.IsOpen());
  slow.pool.Deliver(slow.alice, slow.session, slow.lease, slow.lease.trials[0],
                    500);
  slow.pool.VerifyAll();
  EXPECT_FALSE(slow.IsOpen());
  EXPECT_GT(slow.pool.pool.state().money().BalanceOf(Place::Of(slow.alice)), 0);
}

TEST(LeasesTest, AFinishingTaskWaitsNoLongerThanAPaceExplains) {
  SlowWorker slow;
  slow.TrainUntil(1);
  slow.pool.Do(CancelTask{slow.task, slow.pool.client});
  slow.TrainUntil(20);
  EXPECT_FALSE(slow.IsOpen());
  EXPECT_LE(slow.pool.now, slow.begin + kPaceRoom * slow.work +
                               2 * slow.pool.policy.silence_term);
}

// Of tasks that end after so many of them, if those are alike.
class ShortTime : public OneTask {
 public:
  static TaskSpec Spec() {
    TaskSpec spec = LongTrainings();
    spec.subspaces = 2;
    spec.trials_per_lease = 8;
    return spec;
  }
  static TaskSpec Spec(double trainings) {
    TaskSpec spec = Spec();
    OneTask any(Policy(), spec, "secret");
    const TrialId first = any.Ask().grant.value().lease.trials[0];
    spec.budget.time_limit =
        trainings *
        absl::Microseconds(any.pool.pool.state().Find(first)->work_units);
    return spec;
  }
  static PoolPolicy Policy() {
    PoolPolicy policy = AuditEverything();
    policy.lease_span = absl::Hours(5);
    return policy;
  }
  explicit ShortTime(double trainings)
      : OneTask(Policy(), Spec(trainings), "secret") {}
  absl::Duration WorkOf(const std::vector<TrialId>& trials) {
    WorkUnits units = 0;
    for (const TrialId id : trials) {
      units += pool.pool.state().Find(id)->work_units;
    }
    return absl::Microseconds(units);
  }
};

TEST(LeasesTest, NoListIsLongerThanItsTaskLasts) {
  for (const double trainings : {1.5, 2.5, 3.5, 4.5}) {
    ShortTime one(trainings);
    const Task task = *one.pool.pool.state().Find(one.task);
    const auto first = one.Ask().grant;
    ASSERT_TRUE(first.has_value());
    EXPECT_LE(one.pool.now + one.WorkOf(first->lease.trials), task.deadline);
    // What is taken ahead comes after it.
    const auto next =
        one.pool.Do(AcquireLease{one.alice, one.session, {first->lease.id}});
    if (!next.grant) continue;
    EXPECT_LE(one.pool.now + one.WorkOf(first->lease.trials) +
                  one.WorkOf(next.grant->lease.trials),
              task.deadline);
  }
}

TEST(LeasesTest, NothingIsTakenAheadThatCannotFinishInTime) {
  ShortTime one(2.5);
  const auto first = one.Ask().grant;
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(one.pool.Do(AcquireLease{one.alice, one.session, {first->lease.id}})
                .idle_reason,
            "TIME_TOO_SHORT");
}

// Nobody holds a network that it does not train.
TEST(LeasesTest, WhoNeverCommittedIsNotWaitedForForLong) {
  SlowWorker slow;
  const PoolState& state = slow.pool.pool.state();
  const double deadline =
      absl::FDivDuration(slow.lease.deadline - slow.begin, slow.work);
  slow.TrainUntil(deadline + kPaceRoom - 0.2);
  EXPECT_NE(state.Find(slow.lease.id), nullptr);
  slow.TrainUntil(deadline + kPaceRoom + 0.2);
  EXPECT_EQ(state.Find(slow.lease.id), nullptr);
}

TEST(LeasesTest, WhoseAccountIsSlowIsWaitedForLonger) {
  SlowWorker slow;
  const PoolState& state = slow.pool.pool.state();
  slow.TrainUntil(5.5);
  slow.pool.Deliver(slow.alice, slow.session, slow.lease, slow.lease.trials[0],
                    500);
  slow.Begin(slow.pool.Open(slow.alice, "another"));
  const double deadline =
      absl::FDivDuration(slow.lease.deadline - slow.begin, slow.work);
  slow.TrainUntil(deadline + 15);
  EXPECT_NE(state.Find(slow.lease.id), nullptr);
}

// The box is split in the very request in which what stays in it turns out to
// be too expensive: whoever is given some of the other part is to find its task
// going on.
TEST(LeasesTest, NobodyIsGivenALeaseOfATaskThatEnds) {
  PoolPolicy policy = AuditEverything();
  policy.results_to_split = 2;
  int tried = 0;
  for (int i = 0; i < 16; ++i) {
    const std::string secret = absl::StrCat("secret ", i);
    TaskSpec spec = FourNetworks();
    const auto cost_of = [&](const Architecture& network) {
      return CostOf(spec, policy, network);
    };
    OneTask rehearsal(policy, spec, secret);
    const Architecture first = rehearsal.Train(500);
    const Architecture second = rehearsal.Train(500);
    const bool other_kernel = first.choices[kKernel] != second.choices[kKernel];
    const bool other_operation =
        first.choices[kOperation] != second.choices[kOperation];
    if (other_kernel == other_operation) continue;  // two splits are as good
    const size_t same = other_kernel ? kOperation : kKernel;
    const bool is_first_dear = cost_of(first) > cost_of(second);
    const Architecture& dear = is_first_dear ? first : second;
    const Architecture& cheap = is_first_dear ? second : first;
    const WorkUnits cheap_left = cost_of(WithTheOther(cheap, same));
    if (cost_of(WithTheOther(dear, same)) <= cheap_left) continue;
    ++tried;

    spec.budget.work_units = cost_of(first) + cost_of(second) + cheap_left;
    OneTask real(policy, spec, secret);
    ASSERT_EQ(real.Train(is_first_dear ? 900 : 300), first);
    ASSERT_EQ(real.Train(is_first_dear ? 300 : 900), second);
    const PoolState& state = real.pool.pool.state();
    ASSERT_EQ(state.Find(real.task)->state, TaskState::kActive);
    ASSERT_EQ(state.IndexOf(real.task).boxes.ids().size(), 1u);

    const AcquireLease::Reply reply = real.Ask();
    const Task* task = state.Find(real.task);
    ASSERT_NE(task, nullptr) << "its finalists are not replayed yet";
    EXPECT_EQ(state.IndexOf(real.task).boxes.ids().size(), 2u) << "split";
    EXPECT_EQ(reply.grant.has_value(), task->state == TaskState::kActive)
        << ToString(task->state) << ' ' << reply.idle_reason;
  }
  EXPECT_GT(tried, 0);
}

// A task that has just ended says nothing of why the worker waits.
TEST(LeasesTest, AWorkerWaitsForTheTaskThatGoesOn) {
  PoolPolicy policy = AuditEverything();
  policy.equal_share_ppm =
      0;  // by price alone: the more expensive task comes first
  TestPool pool(policy);
  const AccountId alice = pool.Make("alice", Role::kMiner);
  const AccountId bob = pool.Make("bob", Role::kMiner);
  const SessionId alices = pool.Open(alice, "w1");
  const SessionId bobs = pool.Open(bob, "w1");
  TaskSpec spec = FourNetworks();
  const TaskId leased = pool.Submit(spec, "leased");
  const auto held = pool.Do(AcquireLease{bob, bobs}).grant;
  ASSERT_TRUE(held.has_value());
  ASSERT_EQ(held->lease.task, leased);

  WorkUnits most = 0;
  for (int64_t i = 0; i < spec.space.size(); ++i) {
    most = std::max(most, CostOf(spec, policy, spec.space.ArchitectureAt(i)));
  }
  spec.budget.work_units = most;
  const TaskId ending = pool.Submit(spec, "ending");
  const auto is_active = [&] {
    const Task* task = pool.pool.state().Find(ending);
    return task != nullptr && task->state == TaskState::kActive;
  };
  AcquireLease::Reply reply;
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(is_active());
    reply = pool.Do(AcquireLease{alice, alices});
    if (!reply.grant) break;
    ASSERT_EQ(reply.grant->lease.task, ending);
    pool.Deliver(alice, alices, reply.grant->lease,
                 reply.grant->assignments[0].trial, 500);
    pool.VerifyAll();
  }
  ASSERT_FALSE(reply.grant.has_value());
  ASSERT_FALSE(is_active());
  EXPECT_EQ(reply.idle_reason, "ALL_SUBSPACES_LEASED") << reply.idle_message;
}

}  // namespace
}  // namespace archpool
