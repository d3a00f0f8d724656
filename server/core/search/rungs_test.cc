// SPDX-License-Identifier: Apache-2.0
// Successive halving: whose trainings continue, and how.
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "common/base/counter_rng.h"
#include "gtest/gtest.h"
#include "server/core/leaves/rung_board.h"
#include "server/core/pool.h"
#include "server/core/state/queries.h"
#include "tests/support/pool_fixture.h"

namespace archpool {
namespace {

Digest NameOf(int64_t architecture) {
  return Sha256(std::to_string(architecture));
}

// Against the definition, after every one of many random changes.
TEST(RungBoardTest, TheBestPartWaitsUnlessItIsPromoted) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    CounterRng rng(seed, 0);
    const int64_t divisor = 2 + rng.Below(4);
    RungBoard board(divisor);
    std::map<int64_t, RungBoard::Result> results;
    std::set<Digest> promoted;
    for (int64_t step = 1; step <= 60; ++step) {
      const uint32_t what = rng.Below(4);
      if (what < 2 || results.empty()) {
        const RungBoard::Result result{.ppm = rng.Below(20),
                                       .trial = {step},
                                       .architecture = NameOf(rng.Below(30))};
        results[step] = result;
        board.Insert(result);
      } else {
        auto chosen = results.begin();
        std::advance(chosen, rng.Below(static_cast<uint32_t>(results.size())));
        if (what == 2) {
          board.Erase(chosen->second);
          results.erase(chosen);
        } else {
          const Digest& architecture = chosen->second.architecture;
          const bool is_new = promoted.insert(architecture).second;
          if (!is_new) promoted.erase(architecture);
          board.SetPromoted(architecture, is_new);
        }
      }
      std::vector<RungBoard::Result> sorted;
      for (const auto& [id, result] : results) sorted.push_back(result);
      std::sort(sorted.begin(), sorted.end());
      sorted.resize(sorted.size() / static_cast<size_t>(divisor));
      std::vector<int64_t> expected;
      for (const RungBoard::Result& result : sorted) {
        if (promoted.contains(result.architecture)) continue;
        expected.push_back(result.trial.value);
      }
      std::vector<int64_t> waiting;
      for (const RungBoard::Result& result : board.waiting()) {
        waiting.push_back(result.trial.value);
      }
      ASSERT_EQ(waiting, expected) << "seed " << seed << ", step " << step;
    }
  }
}

class RungsTest : public ::testing::Test {
 protected:
  explicit RungsTest(const PoolPolicy& policy = AuditEverything())
      : pool(policy) {
    alice = pool.Make("alice", Role::kMiner);
    bob = pool.Make("bob", Role::kMiner);
    alice_session = pool.Open(alice, "w1");
    bob_session = pool.Open(bob, "w1");
    TaskSpec spec = TinySpec(8);
    spec.trials_per_lease = 1;
    spec.recipe.further_epochs = {2, 6};
    task = pool.Submit(spec);
  }
  LeaseGrant Acquire(AccountId miner, SessionId session) {
    auto reply = pool.Do(AcquireLease{miner, session});
    EXPECT_TRUE(reply.grant.has_value()) << reply.idle_reason;
    return *reply.grant;
  }
  Trial Find(TrialId trial) { return *pool.pool.state().Find(trial); }
  // Takes a lease and trains its list to `correct` of 1,000. The last trial.
  Trial Train(AccountId miner, SessionId session, int64_t correct) {
    const LeaseGrant grant = Acquire(miner, session);
    for (const Assignment& one : grant.assignments) {
      pool.Deliver(miner, session, grant.lease, one.trial, correct);
      pool.Verify(correct, correct);
    }
    return Find(grant.assignments.back().trial);
  }

  TestPool pool;
  AccountId alice, bob;
  SessionId alice_session, bob_session;
  TaskId task;
};

// alice's first result is seen, and what she claims after that is taken at her
// word as far as nothing hides behind it.
class TrustedRungsTest : public RungsTest {
 protected:
  static PoolPolicy Policy() {
    PoolPolicy policy;
    policy.audit_floor_ppm = 0;
    policy.audit_rate_factor_ppm = 0;
    policy.credit_block = 1;
    policy.pays_unverified = false;
    policy.audit_wait_term = absl::Minutes(10);
    return policy;
  }
  TrustedRungsTest() : RungsTest(Policy()) {}

  const PoolState& state() const { return pool.pool.state(); }
  // Of a trial that has matured; unset: there is none.
  AuditId AuditOfMatured() const {
    for (const AuditId id : state().IndexOf(task).audits) {
      if (IsMatured(*state().Find(state().Find(id)->trial))) return id;
    }
    return {};
  }
  void AnswerAll() {
    const absl::btree_set<AuditId> audits = state().IndexOf(task).audits;
    for (const AuditId id : audits) pool.Answer(alice, Find(id).trial);
  }
  bool VerifyOne() {
    AnswerAll();
    const auto grant = pool.Do(AcquireAudit{pool.verifier, "v1"});
    if (!grant) return false;
    const int64_t correct = CommitmentOf(grant->trial).claimed_correct;
    pool.Do(ReportAudit{pool.verifier, grant->audit.id, grant->audit.attempt,
                        "v1", WeightsMeasured{correct, correct}});
    return true;
  }
  // The first of alice's trials that is not drawn; unset: each was.
  TrialId CommitUndrawn() {
    for (int i = 0; i < 50; ++i) {
      if (VerifyOne()) continue;
      const LeaseGrant grant = Acquire(alice, alice_session);
      const TrialId trial = grant.assignments.at(0).trial;
      pool.Commit(alice, alice_session, grant.lease, trial, i == 0 ? 900 : 700);
      if (state().audits().Of(trial).IsSet()) {
        pool.Answer(alice, trial);
      } else if (Find(trial).state == TrialState::kCommitted) {
        return trial;
      }
    }
    return {};
  }
  Audit Find(AuditId audit) { return *state().Find(audit); }
  using RungsTest::Find;
};

// Weights for the next rung are wanted of what was not drawn as well. A miner
// whose weights the pool's own disk refused for a day has done nothing wrong.
TEST_F(TrustedRungsTest, WhatTheDiskRefusedForADayIsNobodysFault) {
  const TrialId undrawn = CommitUndrawn();
  ASSERT_TRUE(undrawn.IsSet());
  for (absl::Duration t; t < pool.policy.refused_time_max;
       t += absl::Minutes(10)) {
    pool.Do(ExtendAnswers{absl::Minutes(10)});
  }
  while (Find(undrawn).state == TrialState::kCommitted) {
    pool.Do(ReviewTrials{alice, alice_session, {}});
    pool.Advance(pool.policy.silence_term / 4);
  }
  EXPECT_EQ(Find(undrawn).reason, "FILES_REFUSED");
  const Account& account = *state().Find(alice);
  EXPECT_EQ(account.trials_rejected, 1);
  EXPECT_EQ(account.rejections_in_a_row, 0);
}

// A pool that was away for more than a day has refused nothing to a machine
// that never came back, and says so.
TEST_F(TrustedRungsTest, OfASilentMachineNothingWasRefused) {
  const TrialId undrawn = CommitUndrawn();
  ASSERT_TRUE(undrawn.IsSet());
  pool.now += pool.policy.refused_time_max + absl::Hours(4);
  pool.pool = Pool(pool.policy, state().Snapshot());
  pool.Do(Tick{});
  const absl::Duration left = *Find(undrawn).upload_deadline - pool.now;
  ASSERT_GT(left, absl::ZeroDuration()) << "the time away is added";
  pool.Advance(left + absl::Minutes(1));
  EXPECT_EQ(Find(undrawn).reason, "WEIGHTS_MISSING");
  EXPECT_EQ(state().Find(alice)->rejections_in_a_row, 0);
}

// Whoever was told that a trial is settled keeps nothing of it, and may be
// gone: verifiers alone are asked. Where there are none it stays paid.
TEST_F(TrustedRungsTest, WhatHasMaturedIsNotAskedOfItsMiner) {
  int64_t correct = 900;
  for (int i = 0; i < 200 && !AuditOfMatured().IsSet(); ++i) {
    if (VerifyOne()) continue;
    const LeaseGrant grant = Acquire(alice, alice_session);
    pool.Deliver(alice, alice_session, grant.lease,
                 grant.assignments.at(0).trial, correct);
    correct = 700;
  }
  ASSERT_TRUE(AuditOfMatured().IsSet());
  const Audit audit = Find(AuditOfMatured());
  EXPECT_EQ(audit.kind, AuditKind::kWhole);
  EXPECT_EQ(audit.state, AuditState::kWaiting);
  AnswerAll();
  pool.Advance(pool.policy.audit_wait_term + absl::Minutes(10));
  const Trial trial = Find(audit.trial);
  EXPECT_FALSE(state().audits().Of(trial.id).IsSet());
  EXPECT_EQ(trial.state, TrialState::kAccepted) << trial.reason;
  EXPECT_TRUE(IsMatured(trial));
  EXPECT_EQ(BasisOf(trial), TrialBasis::kUnverified) << "nothing grows from it";
}

TEST_F(RungsTest, TheBestOfThreeGoesOnFromItsOwnWeights) {
  Train(alice, alice_session, 500);
  const Trial best = Train(alice, alice_session, 700);
  Train(alice, alice_session, 600);
  const LeaseGrant grant = Acquire(alice, alice_session);
  ASSERT_EQ(grant.assignments.size(), 1u);
  const Assignment& next = grant.assignments[0];
  EXPECT_EQ(next.rung, 1);
  EXPECT_EQ(next.resumes, best.id);
  EXPECT_EQ(next.initial_weights, CommitmentOf(best).weights_digest);
  EXPECT_EQ(next.architecture_id, best.architecture_id);
  EXPECT_NE(next.trial_key, TrialKey(*pool.pool.state().Find(task),
                                     best.architecture_id, alice, 0))
      << "what is drawn for the second rung is drawn anew";
  // Two epochs, where the first rung had one.
  const Trial trial = Find(next.trial);
  EXPECT_GT(trial.work_units, best.work_units * 3 / 2);
  EXPECT_LT(trial.work_units, best.work_units * 5 / 2);
}

TEST_F(RungsTest, NobodyIsPromotedTwice) {
  std::map<std::pair<Digest, int64_t>, int> met;
  for (int i = 0; i < 30; ++i) {
    const auto reply = pool.Do(AcquireLease{alice, alice_session});
    if (!reply.grant) break;
    for (const Assignment& one : reply.grant->assignments) {
      EXPECT_EQ(++met[std::pair(one.architecture_id, one.rung)], 1);
      pool.Deliver(alice, alice_session, reply.grant->lease, one.trial,
                   400 + 7 * (i * 11 % 37));
      pool.Verify(400 + 7 * (i * 11 % 37), 400 + 7 * (i * 11 % 37));
    }
  }
  std::map<int64_t, int> by_rung;
  for (const auto& [key, count] : met) ++by_rung[key.second];
  EXPECT_GE(by_rung[1], 5);
  EXPECT_GE(by_rung[2], 1);
  // Somewhat more than a third: who was among the best once may have gone on.
  EXPECT_LE(by_rung[1], by_rung[0] / 2);
  EXPECT_LE(by_rung[2], by_rung[1] / 2);
}

// Whoever has the weights continues; only what they forsake starts again.
TEST_F(RungsTest, AnotherAccountTrainsFromTheStartWhatIsForsaken) {
  Train(alice, alice_session, 500);
  Train(alice, alice_session, 500);
  const Trial best = Train(alice, alice_session, 700);
  const LeaseGrant early = Acquire(bob, bob_session);
  EXPECT_EQ(early.assignments[0].rung, 0) << "alice may still go on";
  pool.Do(ReleaseLease{bob, bob_session, early.lease.id, early.lease.attempt});
  pool.Advance(pool.policy.lease_term);
  const LeaseGrant late = Acquire(bob, bob_session);
  ASSERT_EQ(late.assignments[0].rung, 1);
  EXPECT_EQ(late.assignments[0].architecture_id, best.architecture_id);
  EXPECT_FALSE(late.assignments[0].resumes.IsSet());
  const Trial trial = Find(late.assignments[0].trial);
  // Three epochs, and an evaluation as before.
  EXPECT_GT(trial.work_units, best.work_units * 2);
  EXPECT_LT(trial.work_units, best.work_units * 3);
  // And alice has none of it any more.
  const LeaseGrant other = Acquire(alice, alice_session);
  EXPECT_NE(other.assignments[0].architecture_id, best.architecture_id);
}

TEST_F(RungsTest, WhatWasGivenUpIsOfferedAgain) {
  Train(alice, alice_session, 500);
  Train(alice, alice_session, 500);
  const Trial best = Train(alice, alice_session, 700);
  for (int i = 0; i < 3; ++i) {
    const LeaseGrant grant = Acquire(alice, alice_session);
    EXPECT_EQ(grant.assignments[0].resumes, best.id);
    pool.Do(ReleaseLease{alice, alice_session, grant.lease.id,
                         grant.lease.attempt});
  }
  // It cannot continue from there, it seems: whoever asks trains from the
  // start.
  const LeaseGrant grant = Acquire(bob, bob_session);
  EXPECT_EQ(grant.assignments[0].architecture_id, best.architecture_id);
  EXPECT_EQ(grant.assignments[0].rung, 1);
  EXPECT_FALSE(grant.assignments[0].resumes.IsSet());
}

// Boxes are searched on one scale: what six epochs more reach says nothing of
// what one epoch of a neighbour will.
TEST_F(RungsTest, HigherRungsAreNoResultsOfTheirBox) {
  Train(alice, alice_session, 500);
  Train(alice, alice_session, 500);
  Train(alice, alice_session, 700);
  const auto results = [&] {
    int64_t count = 0;
    for (const auto& [box, score] :
         pool.pool.state().IndexOf(task).boxes.scores()) {
      count += score.accepted();
    }
    return count;
  };
  EXPECT_EQ(results(), 3);
  const Trial second = Train(alice, alice_session, 900);
  EXPECT_EQ(second.rung, 1);
  EXPECT_EQ(second.state, TrialState::kAccepted);
  EXPECT_EQ(results(), 3);
}

// What was given up as hopeless keeps no task open.
TEST_F(RungsTest, AResultInAPrunedBoxIsNotWaitedFor) {
  Train(alice, alice_session, 500);
  Train(alice, alice_session, 500);
  Train(alice, alice_session, 700);
  PoolSnapshot snapshot = pool.pool.state().Snapshot();
  for (Event& record : snapshot.records) {
    auto* box = std::get_if<SubspaceRecord>(&record);
    if (box == nullptr) continue;
    box->state = SubspaceState::kPruned;
    box->prune_reason = "HOPELESS";
  }
  Pool loaded(pool.policy, snapshot);
  const auto reply =
      loaded.Execute(AcquireLease{alice, alice_session}, pool.now);
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->idle_reason, "NO_OPEN_TASK");
  EXPECT_EQ(loaded.state().Find(task)->state, TaskState::kFinishing)
      << "its finalists are looked at, and nothing else";
}

// A restart of the server changes nothing of who continues.
TEST_F(RungsTest, SurvivesAReload) {
  Train(alice, alice_session, 500);
  Train(alice, alice_session, 500);
  const Trial best = Train(alice, alice_session, 700);
  Pool loaded(pool.policy, pool.pool.state().Snapshot());
  const auto reply =
      loaded.Execute(AcquireLease{alice, alice_session}, pool.now);
  ASSERT_TRUE(reply.ok() && reply->grant.has_value());
  EXPECT_EQ(reply->grant->assignments[0].resumes, best.id);
}

// What wins was trained, all of it: a false lower rung once took the finder's
// bonus, because the replay of the upper one began with its weights.
class RungProofTest : public ::testing::Test {
 protected:
  static PoolPolicy Trusting() {
    PoolPolicy policy;
    policy.audit_floor_ppm = 0;
    policy.audit_rate_factor_ppm = 0;  // proven by the first audit
    return policy;
  }
  RungProofTest() : pool(Trusting()) {
    alice = pool.Make("alice", Role::kMiner);
    session = pool.Open(alice, "w1");
    TaskSpec spec = TinySpec(8);
    spec.trials_per_lease = 1;
    spec.recipe.further_epochs = {2};
    spec.search.halved_macs_ppm = 1'000;
    task = pool.Submit(spec);
  }
  void Keep() {
    for (const Event& event : pool.pool.TakeEvents()) {
      const Trial* trial = std::get_if<Trial>(&event);
      if (trial != nullptr) trials[trial->id] = *trial;
    }
  }
  // Trains until a result of the second rung is there.
  void TrainToTheTop() {
    int64_t macs = 0;
    for (int i = 0; i < 40; ++i) {
      const auto grant = pool.Do(AcquireLease{alice, session}).grant;
      ASSERT_TRUE(grant.has_value());
      const Assignment one = grant->assignments[0];
      const Trial trial = *pool.pool.state().Find(one.trial);
      if (macs == 0) macs = trial.macs;
      Keep();
      if (trial.resumes.IsSet()) {
        EXPECT_GT(BasisOf(trials.at(trial.resumes)), TrialBasis::kSampledOut)
            << "promoted at its word";
      }
      // Behind the first one, which is cheaper: hardly ever looked at by rule.
      const int64_t claim = trial.rung > 0      ? 950
                            : i == 0            ? 900
                            : trial.macs > macs ? 890
                                                : 500;
      pool.Deliver(alice, session, grant->lease, one.trial, claim);
      pool.VerifyAll();
      Keep();
      if (trial.rung > 0) ++tops;
      if (tops == 3) return;
    }
  }

  TestPool pool;
  AccountId alice;
  SessionId session;
  TaskId task;
  std::map<TrialId, Trial> trials;
  int tops = 0;
};

TEST_F(RungProofTest, APromotionCountsAfterItsAudit) {
  TrainToTheTop();
  EXPECT_EQ(tops, 3);
}

TEST_F(RungProofTest, TheWholeChainBelowAFinalistIsReplayed) {
  TrainToTheTop();
  pool.Do(CancelTask{task, pool.client});
  pool.VerifyAll();
  Keep();
  ASSERT_EQ(pool.pool.state().Find(task), nullptr);
  int winners = 0;
  for (const auto& [id, trial] : trials) {
    if (SettlementOf(trial).finders_bonus == 0) continue;
    ++winners;
    for (TrialId at = id; at.IsSet(); at = trials.at(at).resumes) {
      EXPECT_EQ(BasisOf(trials.at(at)), TrialBasis::kReplayed);
    }
  }
  EXPECT_GT(winners, 0);
}

TEST_F(RungProofTest, ARejectionReachesWhatGrewFromIt) {
  TrainToTheTop();
  pool.Do(CancelTask{task, pool.client});
  const auto upper = std::find_if(
      trials.begin(), trials.end(),
      [](const auto& entry) { return entry.second.resumes.IsSet(); });
  ASSERT_NE(upper, trials.end());
  const TrialId lower = upper->second.resumes;
  // The replay of the lower rung leads elsewhere, whoever looks.
  for (int i = 0; i < 100; ++i) {
    pool.Advance(pool.policy.second_look_term);
    std::vector<TrialId> asked;
    for (const AuditId audit : pool.pool.state().audits().AskedOf(alice)) {
      asked.push_back(pool.pool.state().Find(audit)->trial);
    }
    for (const TrialId trial : asked) pool.Answer(alice, trial);
    for (const char* name : {"v1", "v2"}) {
      while (const auto grant = pool.Do(AcquireAudit{pool.verifier, name})) {
        ReportAudit report{pool.verifier, grant->audit.id, grant->audit.attempt,
                           name, TrainingRefuted{"TRAINING_FALSE"}};
        if (grant->audit.trial != lower) {
          const int64_t correct = CommitmentOf(grant->trial).claimed_correct;
          report.finding = WeightsMeasured{correct, correct};
        }
        pool.Do(report);
        if (grant->audit.trial == lower) break;  // for the other one
      }
    }
  }
  Keep();
  EXPECT_EQ(trials.at(lower).reason, "TRAINING_FALSE");
  EXPECT_EQ(trials.at(upper->first).state, TrialState::kRejected);
  EXPECT_EQ(SettlementOf(trials.at(upper->first)).finders_bonus, 0);
}

}  // namespace
}  // namespace archpool
