// SPDX-License-Identifier: Apache-2.0
// Who is paid for work that was given to two, and what its client is charged:
// the first commitment of a network is its result, another that comes in time
// is paid as work while the budget has it, and whoever stands by for another
// uses up its client's turn like everybody else.
#include <algorithm>
#include <map>
#include <numeric>
#include <string>
#include <variant>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/core/leaves/reward.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

constexpr Amount kReward = 100 * kAmountPerCoin;
constexpr WorkUnits kPlenty = 1'000'000'000;

// alice's list of two is half done when nothing is heard of her any more, and
// bob is to train the other half beside her.
class Story {
 public:
  explicit Story(WorkUnits work_units = kPlenty, int64_t trials_max = 0)
      : alice(pool.Make("alice", Role::kMiner)),
        bob(pool.Make("bob", Role::kMiner)),
        carol(pool.Make("carol", Role::kMiner)),
        alices(pool.Open(alice, "a")),
        bobs(pool.Open(bob, "b")),
        carols(pool.Open(carol, "c")),
        client_before_(Balance(pool.client)) {
    TaskSpec spec = TinySpec(8);
    spec.subspaces = 2;
    spec.terms.reward = kReward;
    spec.budget.work_units = work_units;
    spec.budget.trials_max = trials_max;
    task_ = *state().Find(pool.Submit(spec));
    primary = pool.Do(AcquireLease{alice, alices}).grant->lease;
    ARCHPOOL_CHECK(primary.trials.size() == 2);
    first = primary.trials[0];
    rest = primary.trials[1];
    pool.Deliver(alice, alices, primary, first, 900);
    pool.VerifyAll();
    pool.Advance(pool.policy.silence_term + absl::Seconds(1));
    const auto reply = pool.Do(AcquireLease{bob, bobs});
    ARCHPOOL_CHECK(reply.grant.has_value());
    backup = reply.grant->lease;
    ARCHPOOL_CHECK(backup.primary == primary.id && backup.trials.size() == 1);
    copy = backup.trials[0];
    first_units = UnitsOf(first);
    rest_units = UnitsOf(rest);
    ARCHPOOL_CHECK(UnitsOf(copy) == rest_units);
  }

  const PoolState& state() const { return pool.pool.state(); }
  const Trial& Find(TrialId trial) const { return *state().Find(trial); }
  WorkUnits UnitsOf(TrialId trial) const { return Find(trial).work_units; }
  Amount Balance(AccountId account) const {
    return state().money().BalanceOf(Place::Of(account));
  }
  // alice's half that bob has too.
  absl::Status AliceReportsTheRest(SessionId from = {}) {
    return pool
        .Do(ReportTrials{alice,
                         from.IsSet() ? from : alices,
                         primary.id,
                         primary.attempt,
                         {FakeReport(rest, task_.spec->recipe.segments, 950)}})
        .results.at(0)
        .status;
  }
  void BobDelivers() { pool.Deliver(bob, bobs, backup, copy, 950); }

  // A commitment at the very same moment would be no later one.
  void PassASecond() { pool.Advance(absl::Seconds(1)); }

  // Ends the task: everybody is paid for so much, the bonus goes to `finder`,
  // and the client is charged that and the fee, no more.
  void ExpectPaid(WorkUnits alices_units, WorkUnits bobs_units,
                  AccountId finder) {
    End();
    const std::vector<Event> events = pool.pool.TakeEvents();
    ExpectEscrowIsEmpty(events);
    const std::vector<AccountId> miners = {alice, bob, carol};
    std::vector<int64_t> units;
    for (const AccountId miner : miners) {
      units.push_back(AcceptedUnitsOf(miner, events));
    }
    EXPECT_EQ(units[0], alices_units);
    EXPECT_EQ(units[1], bobs_units);
    const WorkUnits budget = task_.spec->budget.work_units;
    ASSERT_LE(std::accumulate(units.begin(), units.end(), WorkUnits{0}),
              budget);
    const std::vector<Amount> pays =
        SplitByRunningTotals(task_.work_pot, units, budget);
    Amount paid = 0;
    for (size_t i = 0; i < miners.size(); ++i) {
      const Amount bonus = miners[i] == finder ? task_.bonus_pot : 0;
      EXPECT_EQ(Balance(miners[i]), pays[i] + bonus) << miners[i].ToString();
      paid += Balance(miners[i]);
    }
    const Amount charged = client_before_ - Balance(pool.client);
    EXPECT_EQ(charged, paid + state().money().BalanceOf(Place::Fees()));
    EXPECT_LE(charged, kReward);
  }

  TestPool pool;
  AccountId alice;
  AccountId bob;
  AccountId carol;
  SessionId alices;
  SessionId bobs;
  SessionId carols;
  Lease primary;
  Lease backup;
  TrialId first;  // alice's, accepted
  TrialId rest;   // hers as well
  TrialId copy;   // bob's of that
  WorkUnits first_units = 0;
  WorkUnits rest_units = 0;

 private:
  void End() {
    pool.VerifyAll();
    if (state().Find(task_.id) != nullptr) {
      pool.Do(CancelTask{task_.id, pool.client});
    }
    pool.VerifyAll();
    pool.Advance(absl::Minutes(10));
    pool.VerifyAll();
    ASSERT_EQ(state().Find(task_.id), nullptr);
  }
  static WorkUnits AcceptedUnitsOf(AccountId account,
                                   const std::vector<Event>& events) {
    std::map<TrialId, Trial> trials;  // as they were put last
    for (const Event& event : events) {
      const auto* trial = std::get_if<Trial>(&event);
      if (trial != nullptr) trials[trial->id] = *trial;
    }
    WorkUnits units = 0;
    for (const auto& [id, trial] : trials) {
      if (trial.account != account) continue;
      units += trial.state == TrialState::kAccepted ? trial.work_units : 0;
    }
    return units;
  }
  void ExpectEscrowIsEmpty(const std::vector<Event>& events) {
    const Place escrow = Place::EscrowOf(task_.id);
    EXPECT_EQ(state().money().BalanceOf(escrow), 0);
    Amount in = 0;
    Amount out = 0;
    for (const Event& event : events) {
      const auto* transfer = std::get_if<Transfer>(&event);
      if (transfer == nullptr) continue;
      in += transfer->to == escrow ? transfer->amount : 0;
      out += transfer->from == escrow ? transfer->amount : 0;
    }
    EXPECT_EQ(in, kReward);
    EXPECT_EQ(out, kReward);
  }

  Amount client_before_ = 0;
  Task task_;
};

// The heartbeat that tells bob to stop may be under way.
TEST(BackupsTest, WhatABackupCommitsInTimeIsPaidAsWorkAlone) {
  Story story;
  story.pool.Do(RenewLease{story.alice, story.alices, story.primary.id});
  ASSERT_THAT(story.AliceReportsTheRest(), IsOk());
  story.pool.Answer(story.alice, story.rest);
  EXPECT_EQ(story.Find(story.copy).reason, kSuperseded);
  EXPECT_EQ(story.state().Find(story.backup.id), nullptr) << "nothing is left";
  story.PassASecond();
  story.BobDelivers();
  story.ExpectPaid(story.first_units + story.rest_units, story.rest_units,
                   story.alice);
}

TEST(BackupsTest, WhoeverCommitsFirstFoundIt) {
  Story story;
  story.BobDelivers();
  EXPECT_EQ(story.Find(story.rest).reason, kSuperseded);
  EXPECT_EQ(story.state().Find(story.primary.id), nullptr);
  story.PassASecond();
  EXPECT_THAT(story.AliceReportsTheRest(), IsOk());
  story.pool.Answer(story.alice, story.rest);
  story.ExpectPaid(story.first_units + story.rest_units, story.rest_units,
                   story.bob);
}

TEST(BackupsTest, WhatComesTooLateIsNeitherPaidNorCharged) {
  Story story;
  story.BobDelivers();
  story.pool.Advance(story.pool.policy.silence_term + absl::Seconds(1));
  EXPECT_THAT(story.AliceReportsTheRest(), FailsWith("LEASE_ENDED"));
  story.ExpectPaid(story.first_units, story.rest_units, story.bob);
}

// What was set aside for alice was given to carol when bob was faster.
TEST(BackupsTest, WhereTheBudgetHasRoomForOneTheFirstIsPaid) {
  WorkUnits work_units = 0;
  {
    Story plenty;
    plenty.BobDelivers();
    const auto carols =
        plenty.pool.Do(AcquireLease{plenty.carol, plenty.carols}).grant;
    ASSERT_TRUE(carols.has_value());
    work_units = plenty.first_units + plenty.rest_units +
                 std::max(plenty.rest_units,
                          plenty.UnitsOf(carols->assignments.at(0).trial));
  }
  Story story(work_units);
  story.BobDelivers();
  const auto carols =
      story.pool.Do(AcquireLease{story.carol, story.carols}).grant;
  ASSERT_TRUE(carols.has_value());
  EXPECT_THAT(story.AliceReportsTheRest(), FailsWith("LEASE_ENDED"));
  for (const TrialId trial : carols->lease.trials) {
    story.pool.Deliver(story.carol, story.carols, carols->lease, trial, 500);
  }
  story.ExpectPaid(story.first_units, story.rest_units, story.bob);
}

// The client asked for two trials and pays for three: what was trained in time
// is paid from the units, whoever was faster.
TEST(BackupsTest, ATrialMoreIsPaidWhereBothWereTrained) {
  Story story(kPlenty, /*trials_max=*/2);
  story.BobDelivers();
  story.PassASecond();
  EXPECT_THAT(story.AliceReportsTheRest(), IsOk());
  story.pool.Answer(story.alice, story.rest);
  story.ExpectPaid(story.first_units + story.rest_units, story.rest_units,
                   story.bob);
}

// Its lease was its own until the deadline while bob did the work.
TEST(BackupsTest, TheEndOfATaskWaitsForNoSilentPrimary) {
  Story story;
  ASSERT_TRUE(IsSilent(*story.state().Find(story.primary.id)));
  story.pool.Do(CancelTask{story.primary.task, story.pool.client});
  story.pool.Advance(story.pool.policy.silence_term + absl::Seconds(1));
  EXPECT_EQ(story.state().Find(story.primary.id), nullptr);
}

// What alice had earned by then is hers, and what she had begun is bob's.
TEST(BackupsTest, ABackupOutlivesASuspendedPrimary) {
  Story story;
  story.pool.Do(SetAccountState{"alice", AccountState::kSuspended});
  EXPECT_EQ(story.state().Find(story.primary.id), nullptr);
  EXPECT_NE(story.state().Find(story.backup.id), nullptr);
  EXPECT_THAT(story.AliceReportsTheRest(), FailsWith("LEASE_ENDED"));
  story.BobDelivers();
  EXPECT_THAT(story.AliceReportsTheRest(), FailsWith("LEASE_ENDED"));
  story.ExpectPaid(story.first_units, story.rest_units, story.bob);
}

// A task that is about to end because nothing learns gives out nothing, be it
// for the second time.
TEST(BackupsTest, NobodyStandsByWhereMeasurementsAreAwaited) {
  PoolPolicy policy = AuditEverything();
  policy.nothing_learns_trials = 2;
  TestPool pool(policy);
  const AccountId alice = pool.Make("alice", Role::kMiner);
  const AccountId bob = pool.Make("bob", Role::kMiner);
  const AccountId carol = pool.Make("carol", Role::kMiner);
  const SessionId alices = pool.Open(alice, "a");
  const SessionId bobs = pool.Open(bob, "b");
  const SessionId carols = pool.Open(carol, "c");
  TaskSpec spec = TinySpec(8);
  spec.subspaces = 2;
  pool.Submit(spec);
  const Lease primary = pool.Do(AcquireLease{alice, alices}).grant->lease;
  const Lease other = pool.Do(AcquireLease{carol, carols}).grant->lease;
  constexpr int64_t kAtChance = 100;
  pool.Deliver(alice, alices, primary, primary.trials.at(0), kAtChance);
  pool.VerifyAll();
  pool.Advance(pool.policy.silence_term / 2);
  pool.Do(RenewLease{carol, carols, other.id});
  pool.Advance(pool.policy.silence_term / 2 + absl::Seconds(1));
  ASSERT_EQ(BackupsWanted(*pool.pool.state().Find(primary.id)), 1);
  pool.Commit(carol, carols, other, other.trials.at(0), kAtChance);
  EXPECT_EQ(pool.Do(AcquireLease{bob, bobs}).idle_reason, "RESULTS_AWAITED");
}

// Nor where it could not be done before its task's time is over.
TEST(BackupsTest, NobodyStandsByForWhatCannotFinishInTime) {
  TestPool pool;
  const AccountId alice = pool.Make("alice", Role::kMiner);
  const AccountId bob = pool.Make("bob", Role::kMiner);
  const SessionId alices = pool.Open(alice, "a");
  const SessionId bobs = pool.Open(bob, "b");
  const absl::Duration silence = pool.policy.silence_term + absl::Seconds(1);
  TaskSpec spec = TinySpec(8);
  spec.subspaces = 2;
  spec.budget.time_limit = silence + absl::Microseconds(1);
  pool.Submit(spec);
  const Lease primary = pool.Do(AcquireLease{alice, alices}).grant->lease;
  pool.Deliver(alice, alices, primary, primary.trials.at(0), 900);
  pool.VerifyAll();
  pool.Advance(silence);
  ASSERT_EQ(BackupsWanted(*pool.pool.state().Find(primary.id)), 1);
  EXPECT_EQ(pool.Do(AcquireLease{bob, bobs}).idle_reason, "TIME_TOO_SHORT");
}

// What two clients were given, and to whom the next lease went.
struct Turns {
  WorkUnits firsts = 0;    // lease, of one client
  WorkUnits backups = 0;   // of that
  WorkUnits seconds = 0;   // lease, of the other client
  bool is_others = false;  // the next lease
};

WorkUnits ChargeOf(const TestPool& pool, const Lease& lease) {
  return pool.pool.state().Find(lease.trials.at(0))->work_units *
         lease.trials_target;
}

Turns TakeTurns(Amount others_reward) {
  PoolPolicy policy = AuditEverything();
  policy.equal_share_ppm = 0;  // by price alone
  TestPool pool(policy);
  const AccountId other = pool.Make("other", Role::kClient);
  pool.Do(Deposit{"other", 100 * kReward, "other-money"});
  DatasetManifest manifest = TinyManifest();
  manifest.train = Sha256("other's");
  pool.Do(RegisterDataset{other, manifest, Sha256("held-out")});
  TaskSpec spec = TinySpec(8);
  spec.subspaces = 2;
  spec.terms.reward = kReward;
  pool.Submit(spec);
  spec.dataset = manifest.Id();
  spec.terms.reward = others_reward;
  const TaskId others = pool.Do(SubmitTask{other, spec, "r", Sha256("secret")});
  const auto lease = [&](const std::string& name) {
    const AccountId miner = pool.Make(name, Role::kMiner);
    const SessionId session = pool.Open(miner, name);
    const auto grant = pool.Do(AcquireLease{miner, session}).grant;
    ARCHPOOL_CHECK(grant.has_value());
    return grant->lease;
  };
  const Lease alices = lease("alice");
  const Lease carols = lease("carol");
  EXPECT_NE(alices.task, others);
  EXPECT_EQ(carols.task, others);
  Turns turns{.firsts = ChargeOf(pool, alices),
              .seconds = ChargeOf(pool, carols)};
  pool.Deliver(alices.account, alices.session, alices, alices.trials.at(0),
               900);
  pool.VerifyAll();
  for (int i = 0; i < 3; ++i) {
    pool.Do(RenewLease{carols.account, carols.session, carols.id});
    pool.Advance(pool.policy.silence_term / 2);
  }
  const Lease bobs = lease("bob");
  EXPECT_EQ(bobs.primary, alices.id);
  turns.backups = ChargeOf(pool, bobs);
  turns.is_others = lease("dave").task == others;
  return turns;
}

// The two clients pay so that the first is next without its backup, and the
// other with it.
TEST(BackupsTest, ABackupIsItsClientsTurn) {
  const Turns alike = TakeTurns(kReward);
  const Amount reward =
      kReward * alike.seconds * 2 / (2 * alike.firsts + alike.backups);
  const Turns turns = TakeTurns(reward);
  ASSERT_EQ(turns.firsts, alike.firsts);
  ASSERT_EQ(turns.seconds, alike.seconds);
  EXPECT_TRUE(turns.is_others);
}

}  // namespace
}  // namespace archpool
