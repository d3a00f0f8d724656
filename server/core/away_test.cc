// SPDX-License-Identifier: Apache-2.0
// The pool's own trouble costs nobody anything: time in which it was away, in
// which its operator had closed it, or in which it refused files, is added to
// what was to be done by then.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "server/core/pool.h"
#include "server/core/state/answers.h"
#include "tests/support/lone_miner_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

class AwayTest : public LoneMinerTest {
 protected:
  using LoneMinerTest::LoneMinerTest;

  const Trial& TrialNow(size_t i) { return *state().Find(lease.trials[i]); }
  // With the worker heard all the while.
  void AdvanceHeard(absl::Duration duration) {
    const absl::Time end = pool.now + duration;
    while (pool.now < end) {
      pool.Do(ReviewTrials{alice, session, {}});
      pool.Advance(std::min(end - pool.now, pool.policy.silence_term / 4));
    }
  }
  // What was in memory is lost; the new process begins `away` later.
  void Restart(absl::Duration away) {
    pool.now += away;
    pool.pool = Pool(pool.policy, state().Snapshot());
    pool.Do(Tick{});
  }
  // The state is loaded again within the same process.
  void Reload(absl::Duration away) {
    pool.now += away;
    pool.pool = Pool(pool.policy, state().Snapshot(), pool.pool.expiry_hold());
    pool.Do(Tick{});
  }
};

// A server that was down past the deadline of an answer, and the term in which
// expiry is held: nobody could have answered.
TEST_F(AwayTest, AnAuditOutlivesAnOutage) {
  Commit(0);
  ASSERT_EQ(AuditOf(0).state, AuditState::kAsked);
  const absl::Duration left = *AuditOf(0).expire_time - pool.now;
  Restart(left + absl::Seconds(1));
  EXPECT_GE(*AuditOf(0).expire_time - pool.now, left);
  pool.Advance(pool.policy.silence_term + absl::Seconds(1));
  ASSERT_EQ(TrialNow(0).reason, "");
  pool.Answer(alice, lease.trials[0]);
  EXPECT_EQ(pool.Verify(700, 690).state, TrialState::kAccepted);
}

// Time left is what it was, but not more: who does not answer is found out.
TEST_F(AwayTest, AnAuditThatNobodyAnswersEndsAfterAnOutageAllTheSame) {
  Commit(0);
  const absl::Duration left = *AuditOf(0).expire_time - pool.now;
  Restart(absl::Hours(5));
  AdvanceHeard(left + absl::Seconds(15));
  EXPECT_EQ(TrialNow(0).reason, "AUDIT_UNANSWERED");
}

TEST_F(AwayTest, LeasesUploadsAndTasksMoveByTheSameTime) {
  Commit(0);
  const absl::Time expires = state().Find(lease.id)->expire_time;
  const absl::Time list_due = state().Find(lease.id)->deadline;
  const absl::Time upload = TrialNow(0).upload_deadline.value();
  const absl::Duration away = absl::Hours(40);
  const absl::Time noted = state().pool_clock().time;
  const absl::Duration unnoted = pool.now - noted;
  Restart(away);
  const absl::Duration added = away + unnoted;
  EXPECT_EQ(state().Find(task)->time_away, added)
      << "what was promised is in receipts, and stays";
  EXPECT_EQ(state().Find(lease.id)->expire_time, expires + added);
  EXPECT_EQ(state().Find(lease.id)->deadline, list_due + added);
  EXPECT_EQ(TrialNow(0).upload_deadline, upload + added);
  EXPECT_LE(unnoted, absl::Seconds(5));
}

TEST_F(AwayTest, AServerThatIsStoppedAgainAndAgainAddsEachTime) {
  Commit(0);
  for (int i = 0; i < 50; ++i) {
    const absl::Duration left = *AuditOf(0).expire_time - pool.now;
    Restart(absl::Minutes(10));
    EXPECT_GE(*AuditOf(0).expire_time - pool.now, left);
    EXPECT_LE(*AuditOf(0).expire_time - pool.now, left + absl::Seconds(5));
  }
}

// A process that was stopped, or whose database was, without a restart.
TEST_F(AwayTest, AGapInTheTicksIsTimeAway) {
  Commit(0);
  const absl::Time expires = *AuditOf(0).expire_time;
  pool.now += absl::Minutes(30);
  pool.Do(Tick{});
  EXPECT_EQ(*AuditOf(0).expire_time, expires + absl::Minutes(30));
  pool.now += absl::Seconds(2);  // a busy moment is none
  pool.Do(Tick{});
  EXPECT_EQ(*AuditOf(0).expire_time, expires + absl::Minutes(30));
}

// Whoever could make the state be loaded again could put expiry off forever.
TEST_F(AwayTest, ReloadsAddNothing) {
  Commit(0);
  const absl::Time expires = *AuditOf(0).expire_time;
  for (int i = 0; i < 100; ++i) Reload(absl::Seconds(1));
  EXPECT_EQ(*AuditOf(0).expire_time, expires);
  AdvanceHeard(expires - pool.now + absl::Seconds(15));
  EXPECT_EQ(TrialNow(0).reason, "AUDIT_UNANSWERED");
}

// Where the commit that added the time is lost, the next one adds it.
TEST_F(AwayTest, ATickThatWasNotCommittedIsMadeUpFor) {
  Commit(0);
  const absl::Time expires = *AuditOf(0).expire_time;
  const PoolSnapshot committed = state().Snapshot();
  pool.now += absl::Minutes(30);
  pool.Do(Tick{});
  pool.pool = Pool(pool.policy, committed, pool.pool.expiry_hold());
  pool.now += absl::Seconds(1);
  pool.Do(Tick{});
  EXPECT_GE(*AuditOf(0).expire_time, expires + absl::Minutes(30));
}

// Whatever is left when the pool is killed is added by the next one.
TEST_F(AwayTest, TimeIsAddedInStepsAndAKillBetweenTwoChangesNothing) {
  Commit(0);
  const PoolSnapshot before = state().Snapshot();
  pool.now += absl::Hours(3);
  Pool at_once(pool.policy, before);
  EXPECT_FALSE(at_once.Execute(Tick{}, pool.now)->more);
  PoolPolicy policy = pool.policy;
  policy.deadlines_per_step_max = 1;
  for (const bool is_killed : {false, true}) {
    Pool stepwise(policy, before);
    int steps = 1;
    for (; stepwise.Execute(Tick{}, pool.now)->more; ++steps) {
      ASSERT_LT(steps, 100);
      EXPECT_THAT(
          stepwise.Execute(RenewLease{alice, session, lease.id}, pool.now)
              .status(),
          FailsWith("POOL_RETURNS"));
      if (is_killed) stepwise = Pool(policy, stepwise.state().Snapshot());
    }
    EXPECT_GE(steps, 5) << "a task, a lease, a trial, an audit, a session";
    EXPECT_TRUE(stepwise.state().Snapshot().records ==
                at_once.state().Snapshot().records);
    EXPECT_THAT(stepwise.Execute(RenewLease{alice, session, lease.id}, pool.now)
                    .status(),
                IsOk());
  }
}

TEST_F(AwayTest, APoolThatIsAwayAgainBetweenTwoStepsAddsBoth) {
  Commit(0);
  const PoolSnapshot before = state().Snapshot();
  pool.now += absl::Hours(3);
  Pool at_once(pool.policy, before);
  ASSERT_TRUE(at_once.Execute(Tick{}, pool.now).ok());
  PoolPolicy policy = pool.policy;
  policy.deadlines_per_step_max = 1;
  Pool stepwise(policy, before);
  ASSERT_TRUE(stepwise.Execute(Tick{}, pool.now)->more);
  ASSERT_TRUE(stepwise.Execute(Tick{}, pool.now)->more);
  pool.now += absl::Hours(1);
  at_once = Pool(pool.policy, at_once.state().Snapshot());
  ASSERT_TRUE(at_once.Execute(Tick{}, pool.now).ok());
  stepwise = Pool(policy, stepwise.state().Snapshot());
  while (stepwise.Execute(Tick{}, pool.now)->more) {
  }
  EXPECT_TRUE(stepwise.state().Snapshot().records ==
              at_once.state().Snapshot().records);
}

// One that knows no steps ran in between, and has added all of it.
TEST_F(AwayTest, StepsThatAnOlderServerPassedOverAreForgotten) {
  Commit(0);
  PoolSnapshot snapshot = state().Snapshot();
  for (Event& record : snapshot.records) {
    if (auto* clock = std::get_if<PoolClock>(&record)) {
      clock->added = AddedTime{.begin = clock->time - absl::Hours(2),
                               .end = clock->time - absl::Hours(1)};
    }
  }
  const absl::Time expires = *AuditOf(0).expire_time;
  pool.pool = Pool(pool.policy, snapshot, pool.pool.expiry_hold());
  EXPECT_THAT(pool.Try(RenewLease{alice, session, lease.id}), IsOk());
  pool.Advance(absl::Seconds(6));
  EXPECT_EQ(*AuditOf(0).expire_time, expires);
  EXPECT_FALSE(state().pool_clock().added.has_value());
}

TEST_F(AwayTest, AWorkerIsNotSlowerForAnOutage) {
  pool.Advance(absl::Seconds(10));
  Commit(0);
  Restart(absl::Hours(10));
  pool.Advance(absl::Seconds(10));
  Commit(1);
  const Moments& pace = state().Find(session)->performance.pace_permille;
  ASSERT_EQ(pace.count, 1);
  const WorkUnits units = TrialNow(0).work_units + TrialNow(1).work_units;
  const absl::Duration seen = pace.sum * absl::Microseconds(units) / 1'000;
  EXPECT_LE(seen, absl::Seconds(21));
  EXPECT_GE(seen, absl::Seconds(14));
}

TEST_F(AwayTest, NothingEndsInMaintenanceAndItsTimeIsAdded) {
  Commit(0);
  const absl::Time expires = *AuditOf(0).expire_time;
  pool.Do(SetMaintenance{true});
  pool.Do(SetMaintenance{true});  // the same again is harmless
  pool.Advance(absl::Hours(3));
  EXPECT_EQ(TrialNow(0).state, TrialState::kCommitted);
  EXPECT_EQ(state().Find(task)->state, TaskState::kActive);
  EXPECT_EQ(pool.Do(AcquireLease{alice, session, {lease.id}}).idle_reason,
            "MAINTENANCE");
  Restart(absl::Hours(2));  // what maintenance is for
  EXPECT_TRUE(state().pool_clock().InMaintenance());
  pool.Advance(absl::Hours(1));
  pool.Do(SetMaintenance{false});
  EXPECT_EQ(*AuditOf(0).expire_time, expires + absl::Hours(6));
  EXPECT_EQ(state().Find(task)->time_away, absl::Hours(6));
  pool.Do(SetMaintenance{false});
  EXPECT_EQ(*AuditOf(0).expire_time, expires + absl::Hours(6));
  pool.Answer(alice, lease.trials[0]);
  EXPECT_EQ(pool.Verify(700, 690).state, TrialState::kAccepted);
}

TEST_F(AwayTest, RefusedFilesMayComeLater) {
  Commit(0);
  const absl::Time expires = *AuditOf(0).expire_time;
  EXPECT_EQ(pool.Do(ExtendAnswers{absl::Minutes(30)}).extended, 2);
  EXPECT_EQ(*AuditOf(0).expire_time, expires + absl::Minutes(30));
  const absl::Time due = state().Find(lease.id)->expire_time;
  pool.Do(ExtendAnswers{absl::Minutes(30)});
  EXPECT_EQ(state().Find(lease.id)->expire_time, due)
      << "leases ask for no files";
  pool.Advance(absl::Minutes(50));
  EXPECT_EQ(TrialNow(0).state, TrialState::kCommitted);
  AdvanceHeard(*AuditOf(0).expire_time - pool.now + absl::Seconds(15));
  EXPECT_EQ(TrialNow(0).reason, "AUDIT_UNANSWERED")
      << "the files were taken again for a whole term";
}

TEST_F(AwayTest, AnswersAreExtendedInSteps) {
  Commit(0);
  pool.now += absl::Seconds(1);
  Commit(1);
  const absl::Time first = *AuditOf(0).expire_time;
  const absl::Time second = *AuditOf(1).expire_time;
  const absl::Time due = *TrialNow(0).upload_deadline;
  PoolPolicy policy = pool.policy;
  policy.settle_trials_max = 1;
  pool.pool = Pool(policy, state().Snapshot());
  ExtendAnswers command{.by = absl::Minutes(30)};
  int steps = 0;
  for (bool more = true; more; ++steps) {
    const auto reply = pool.Do(command);
    EXPECT_GE(reply.extended, 1);
    more = reply.rest_before.has_value();
    if (more) command.before = *reply.rest_before;
  }
  EXPECT_GE(steps, 2);
  EXPECT_EQ(*AuditOf(0).expire_time, first + absl::Minutes(30));
  EXPECT_EQ(*AuditOf(1).expire_time, second + absl::Minutes(30));
  EXPECT_EQ(*TrialNow(0).upload_deadline, due + absl::Minutes(30));
}

// Whoever fills the pool's disk buys time for nobody beyond a day, and whoever
// could not send anything for a day is not a fraud.
TEST_F(AwayTest, RefusalsAddUpToABoundAndBlameNobody) {
  Commit(0);
  const absl::Time expires = *AuditOf(0).expire_time;
  for (int i = 0; i < 300; ++i) pool.Do(ExtendAnswers{absl::Minutes(10)});
  EXPECT_EQ(*AuditOf(0).expire_time, expires + pool.policy.refused_time_max);
  pool.Advance(pool.policy.refused_time_max + absl::Hours(1));
  const Account& account = *state().Find(alice);
  EXPECT_EQ(account.rejections_in_a_row, 0);
  EXPECT_EQ(account.audit_rate_ppm, 1'000'000);
}

// What is due after the moment that a tick was meant for waits for the next
// one: a renewal from before may be in the engine's queue.
TEST_F(AwayTest, ATickClosesNothingThatIsDueLater) {
  const absl::Time expires = state().Find(lease.id)->expire_time;
  pool.Advance(expires - pool.now - absl::Seconds(1));
  pool.now += absl::Seconds(2);
  pool.Do(Tick{.closes_until = expires - absl::Microseconds(1)});
  EXPECT_NE(state().Find(lease.id), nullptr);
  pool.Do(Tick{});
  EXPECT_EQ(state().Find(lease.id), nullptr);
}

// ---- Time for an answer ----------------------------------------------------

class AnswerTimeTest : public AwayTest {
 protected:
  AnswerTimeTest() : AwayTest(OverASlowLine()) {}
  static PoolPolicy OverASlowLine() {
    PoolPolicy policy = AuditEverything();
    policy.upload_rate_min = 1;
    return policy;
  }
  absl::Duration TimeFor(size_t i) {
    Commit(i);
    return *AuditOf(i).expire_time - pool.now;
  }
};

// A line at the floor must be able to send what was asked, and what was asked
// of the same worker before.
TEST_F(AnswerTimeTest, FollowsTheBytesThatAreAskedFor) {
  const auto sending = [&](size_t i) {
    return TimeFor(i) - pool.policy.upload_term -
           4 * absl::Microseconds(TrialNow(i).work_units);
  };
  const absl::Duration first = sending(0);
  const auto files = [&](size_t i) { return AuditOf(i).segment > 0 ? 3 : 1; };
  constexpr absl::Duration kFile = absl::Seconds(100);  // at a byte a second
  EXPECT_EQ(first, files(0) * kFile);
  const absl::Duration second = sending(1);
  EXPECT_EQ(second,
            (files(0) + files(1)) * kFile + pool.policy.answer_handling);
}

TEST_F(AnswerTimeTest, FollowsTheMeasuredPace) {
  Session known = *state().Find(session);
  for (int i = 0; i < 3; ++i) known.performance.pace_permille.Add(1'500);
  Trial quick = TrialNow(0);
  quick.commitment.emplace().commit_time = quick.create_time;
  const absl::Time unknown =
      AnswerDeadline(state(), pool.policy, quick, 0, pool.now);
  PoolSnapshot snapshot = state().Snapshot();
  for (Event& record : snapshot.records) {
    if (std::holds_alternative<Session>(record)) record = known;
  }
  Trial trial = TrialNow(0);
  trial.commitment.emplace().session = session;
  const Pool measured(pool.policy, snapshot);
  const absl::Duration units = absl::Microseconds(trial.work_units);
  EXPECT_EQ(AnswerDeadline(measured.state(), pool.policy, trial, 0, pool.now) -
                pool.now,
            pool.policy.upload_term + 6 * units);
  EXPECT_EQ(unknown - pool.now, pool.policy.upload_term + 4 * units)
      << "it took no time the first time";
}

TEST_F(AnswerTimeTest, GivesWhomItDoesNotKnowTheTimeThatItTook) {
  Trial trial = TrialNow(0);
  trial.commitment.emplace().commit_time = pool.now;
  const absl::Duration units = absl::Microseconds(trial.work_units);
  const auto time_for = [&](absl::Duration took) {
    trial.create_time = CommitTimeOf(trial) - took;
    return AnswerDeadline(state(), pool.policy, trial, 0, pool.now) - pool.now -
           pool.policy.upload_term;
  };
  EXPECT_EQ(time_for(3 * units), 12 * units);
  EXPECT_EQ(time_for(90 * units), 20 * units) << "no longer than a slow worker";
}

// A slow line that sends is waited for, a trickle is not, and neither forever.
TEST_F(AnswerTimeTest, AFileThatComesIsWaitedFor) {
  Commit(0);
  const TrialId trial = TrialNow(0).id;
  const auto expires = [&] { return *AuditOf(0).expire_time; };
  const auto note = [&](int64_t bytes, AccountId by) {
    return pool.Do(NoteUpload{by, trial, bytes, absl::Seconds(5)}).is_extended;
  };
  const absl::Time first = expires();
  EXPECT_FALSE(note(5 * (8 << 10) - 1, alice)) << "too slow";
  EXPECT_FALSE(note(1 << 20, pool.client)) << "another's";
  EXPECT_EQ(expires(), first);
  EXPECT_TRUE(note(5 * (8 << 10), alice));
  EXPECT_EQ(expires(), first + absl::Seconds(5));
  while (note(1 << 20, alice)) ASSERT_LT(expires() - first, absl::Minutes(2));
}

// What is asked beside it waits for the same line.
TEST_F(AnswerTimeTest, AFileThatComesIsWaitedForByTheNextAnswers) {
  Commit(0);
  Commit(1);
  const absl::Time second = *AuditOf(1).expire_time;
  EXPECT_TRUE(
      pool.Do(NoteUpload{alice, TrialNow(0).id, 1 << 20, absl::Seconds(1)})
          .is_extended);
  EXPECT_EQ(*AuditOf(1).expire_time, second + absl::Seconds(1));
}

// Weights that come behind other answers are waited for like the first.
TEST_F(AnswerTimeTest, WeightsThatComeAreWaitedForBehindOtherAnswers) {
  Commit(0);
  Commit(1);
  const absl::Time second = TrialNow(1).upload_deadline.value();
  pool.Do(NoteUpload{alice, TrialNow(1).id, 1 << 20, absl::Milliseconds(1)});
  EXPECT_EQ(TrialNow(1).upload_deadline, second + absl::Milliseconds(1));
}

class ShortRefusalTest : public AwayTest {
 protected:
  ShortRefusalTest() : AwayTest(Policy()) {}
  static PoolPolicy Policy() {
    PoolPolicy policy = AuditEverything();
    policy.refused_time_max = absl::Seconds(5);
    return policy;
  }
};

// Else whoever sends slowly enough would never be at fault.
TEST_F(ShortRefusalTest, NoSenderMakesItThePoolsFault) {
  Commit(0);
  EXPECT_FALSE(
      pool.Do(NoteUpload{alice, TrialNow(0).id, 1 << 20, absl::Seconds(5)})
          .is_extended);
  EXPECT_EQ(AuditOf(0).refused_time, absl::ZeroDuration());
}

}  // namespace
}  // namespace archpool
