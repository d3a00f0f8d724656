// SPDX-License-Identifier: Apache-2.0
// Honest work is paid through the trouble of the real world: a pool that goes
// down and comes back, wrong clocks, sick verifiers, slow lines, machines that
// vanish. ARCHPOOL_SOAK: a thousand seeds.
#include "simulator/trouble.h"

#include <cstdlib>
#include <string>
#include <vector>

#include "common/base/sanitized.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

int64_t Seeds() {
  if (std::getenv("ARCHPOOL_SOAK") != nullptr) return 1'000;
  return kIsSanitized ? 4 : 40;
}

TEST(Trouble, HonestWorkIsPaidWhateverHappens) {
  TroubleResult sum;
  for (int64_t seed = 1; seed <= Seeds(); ++seed) {
    TroubleOptions options;
    options.seed = static_cast<uint64_t>(seed);
    // Half of them settle in many steps, with whatever comes between.
    if (seed % 2 == 0) options.policy.settle_trials_max = 10;
    const TroubleResult one = SimulateTrouble(options);
    EXPECT_THAT(one.violations, ::testing::IsEmpty());
    EXPECT_EQ(one.fakes_paid, 0) << "seed " << seed;
    EXPECT_EQ(one.pay.ended(), one.pay.committed) << "seed " << seed;
    sum.pay.paid += one.pay.paid;
    sum.pay.committed += one.pay.committed;
    sum.pay.absent += one.pay.absent;
    sum.pay.undecided += one.pay.undecided;
    sum.tasks_nothing_learnt += one.tasks_nothing_learnt;
    sum.fakes += one.fakes;
    sum.outages += one.outages;
    sum.maintenances += one.maintenances;
    sum.droughts += one.droughts;
    sum.sicknesses += one.sicknesses;
    sum.mishaps += one.mishaps;
    sum.vanishings += one.vanishings;
  }
  // The seeds would prove nothing of what is not in them.
  EXPECT_GT(sum.pay.absent, 0);
  // Seldom: few seeds may have none.
  EXPECT_GE(sum.pay.undecided, kIsSanitized ? 0 : 1);
  EXPECT_GT(sum.tasks_nothing_learnt, 0);
  EXPECT_GT(sum.fakes, 0);
  EXPECT_GT(sum.outages, Seeds());
  EXPECT_GT(sum.maintenances, Seeds() / 2);
  EXPECT_GT(sum.droughts, Seeds() / 2);
  EXPECT_GT(sum.sicknesses, Seeds());
  EXPECT_GT(sum.mishaps, Seeds());
  EXPECT_GT(sum.vanishings, Seeds());
  EXPECT_GT(sum.pay.paid, sum.pay.committed * 3 / 4);
}

// Where nothing goes wrong, all is paid.
TEST(Trouble, WithoutAnyEverythingIsPaid) {
  TroubleOptions options;
  options.outages = options.maintenances = options.droughts = 0;
  options.sicknesses = options.mishaps = options.vanishings = 0;
  options.slow_lines = options.cheats = options.faults = 0;
  const TroubleResult result = SimulateTrouble(options);
  EXPECT_THAT(result.violations, ::testing::IsEmpty());
  EXPECT_GT(result.pay.committed, 100);
  EXPECT_EQ(result.pay.paid, result.pay.committed);
}

TEST(Trouble, ASeedRepeatsBitForBit) {
  TroubleOptions options;
  options.seed = 7;
  options.duration = absl::Hours(3);
  const std::string first = SimulateTrouble(options).events_sha256;
  EXPECT_EQ(SimulateTrouble(options).events_sha256, first);
  options.seed = 8;
  EXPECT_NE(SimulateTrouble(options).events_sha256, first);
}

// What miners' clocks say reaches the core, and nothing hangs on it.
TEST(Trouble, MinersClocksDecideNothing) {
  TroubleOptions options;
  options.outages = 0;  // in which the pool's own clock is set
  options.duration = absl::Hours(3);
  options.seed = 3;
  const std::string wrong = SimulateTrouble(options).events_sha256;
  options.clocks = false;
  EXPECT_EQ(SimulateTrouble(options).events_sha256, wrong);
}

// The oracle's rule, on histories that are made up: it must be able to fail.
class PayOracleTest : public ::testing::Test {
 protected:
  PayOracleTest() : oracle_(TroubleOptions().policy) {
    oracle_.NotePool(true, now_);
    oracle_.NoteMachine(kMiner, {.pace = 1, .line_rate = 1e6}, now_);
    oracle_.NoteVerifier(kVerifier, true, now_);
    trial_.id = TrialId{1};
    trial_.task = TaskId{1};
    trial_.account = kMiner;
    trial_.lease = LeaseId{1};
    trial_.work_units = 60'000'000;
    trial_.commitment.emplace().weights_size_bytes = 1'000'000;
    Put(TrialState::kCommitted);
  }

  void Put(TrialState state, const std::string& reason = "") {
    trial_.state = state;
    trial_.reason = reason;
    oracle_.Note(trial_, now_);
  }
  void Ask() {
    audit_ = {.id = AuditId{1}, .trial = trial_.id, .task = trial_.task};
    audit_.state = AuditState::kAsked;
    audit_.segment = 1;
    oracle_.Note(audit_, now_);
  }
  void AwaitVerifiers() {
    audit_.state = AuditState::kWaiting;
    oracle_.Note(audit_, now_);
  }
  // The verifier is at work on another miner's.
  void HoldAnother() {
    Audit other{.id = AuditId{2}, .trial = TrialId{99}, .task = TaskId{9}};
    other.state = AuditState::kLeased;
    other.verifier = kVerifier.account;
    other.verifier_name = kVerifier.name;
    oracle_.Note(other, now_);
  }
  void EndTask(Amount pay) {
    SetSettlement(trial_, {.pay = pay});
    oracle_.Note(trial_, now_);
    Task task;
    task.id = trial_.task;
    task.state = TaskState::kSucceeded;
    oracle_.Note(task, now_);
  }
  void Refuse() {
    Lease lease;
    lease.id = LeaseId{1};
    lease.account = kMiner;
    lease.create_time = now_;
    lease.deadline = now_ + absl::Minutes(10);
    oracle_.Note(lease, now_);
    now_ += absl::Minutes(5);
    oracle_.NoteRefused(trial_.id, lease.id, "LEASE_ENDED", now_);
  }
  void SetAway(bool is_away) {
    oracle_.NoteMachine(
        kMiner, {.pace = 1, .line_rate = 1e6, .is_away = is_away}, now_);
  }
  // As many audits as make a miner proven pass.
  void Prove() {
    for (int64_t i = 2; i < 30; ++i) {
      Trial passed = trial_;
      passed.id = TrialId{i};
      passed.state = TrialState::kAccepted;
      VerdictIn(passed).basis = TrialBasis::kAudited;
      oracle_.Note(passed, now_);
    }
  }
  ::testing::AssertionResult Complains(const std::string& of) {
    for (const std::string& one : oracle_.violations()) {
      if (one.find(of) != std::string::npos)
        return ::testing::AssertionSuccess();
    }
    return ::testing::AssertionFailure()
           << ::testing::PrintToString(oracle_.violations());
  }

  static constexpr AccountId kMiner{7};
  const VerifierKey kVerifier{AccountId{8}, "v"};
  absl::Time now_ = absl::UnixEpoch();
  PayOracle oracle_;
  Trial trial_;
  Audit audit_;
};

TEST_F(PayOracleTest, AcceptsWhatIsPaid) {
  Put(TrialState::kAccepted);
  EndTask(5);
  EXPECT_THAT(oracle_.violations(), ::testing::IsEmpty());
  EXPECT_EQ(oracle_.report().paid, 1);
}

TEST_F(PayOracleTest, ObjectsToAnHonestTrialThatIsVoided) {
  Put(TrialState::kRejected, "VOIDED_BY_OPERATOR");
  EXPECT_TRUE(Complains("trial-1 of account-7 was rejected: VOIDED"));
}

TEST_F(PayOracleTest, ObjectsToAnHonestTrialThatIsBlamed) {
  Put(TrialState::kRejected, "SEGMENT_FALSE");
  EXPECT_TRUE(Complains("was rejected: SEGMENT_FALSE"));
}

TEST_F(PayOracleTest, ObjectsToWhatIsAcceptedAndNotPaid) {
  Put(TrialState::kAccepted);
  EndTask(0);
  EXPECT_TRUE(Complains("accepted and is not paid"));
}

TEST_F(PayOracleTest, ObjectsToAnHonestAccountThatIsSuspended) {
  Account account;
  account.id = kMiner;
  account.state = AccountState::kSuspended;
  oracle_.Note(account, now_);
  EXPECT_TRUE(Complains("account-7 is suspended"));
}

TEST_F(PayOracleTest, CountsAMachineThatDidNotComeBack) {
  Ask();
  SetAway(true);
  now_ += absl::Hours(25);
  Put(TrialState::kRejected, "AUDIT_UNANSWERED");
  EXPECT_THAT(oracle_.violations(), ::testing::IsEmpty());
  EXPECT_EQ(oracle_.report().absent, 1);
  EXPECT_EQ(oracle_.report().absent_unblamed, 0);
}

TEST_F(PayOracleTest, ObjectsToBlameForAMachineThatIsMerelyAway) {
  Ask();
  SetAway(true);
  now_ += absl::Hours(23);
  Put(TrialState::kRejected, "AUDIT_UNANSWERED");
  EXPECT_TRUE(Complains("is away and was blamed after 23h"));
}

TEST_F(PayOracleTest, CountsWhatATaskCouldNotWaitFor) {
  Ask();
  SetAway(true);
  now_ += absl::Hours(1);
  Put(TrialState::kRejected, "MINER_AWAY");
  EXPECT_THAT(oracle_.violations(), ::testing::IsEmpty());
  EXPECT_EQ(oracle_.report().absent, 1);
  EXPECT_EQ(oracle_.report().absent_unblamed, 1);
}

// What a machine goes without for its absence is its one trial.
TEST_F(PayOracleTest, ObjectsToCreditThatIsVoidForAnAbsenceWithoutBlame) {
  Ask();
  SetAway(true);
  now_ += absl::Hours(1);
  Put(TrialState::kRejected, "MINER_AWAY");
  trial_.id = TrialId{2};
  Put(TrialState::kAccepted);
  Put(TrialState::kRejected, "CREDIT_VOID");
  EXPECT_TRUE(Complains("trial-2 of account-7 was rejected: CREDIT_VOID"));
}

TEST_F(PayOracleTest, ObjectsWhereTheMachineWasThere) {
  Ask();
  now_ += absl::Hours(1);
  Put(TrialState::kRejected, "AUDIT_UNANSWERED");
  EXPECT_TRUE(Complains("had its time and was not heard"));
}

// The pool's own absence is no time that it was given.
TEST_F(PayOracleTest, ObjectsWhereThePoolWasAway) {
  Ask();
  SetAway(true);
  oracle_.NotePool(false, now_);
  now_ += absl::Hours(1);
  oracle_.NotePool(true, now_);
  now_ += absl::Minutes(1);
  Put(TrialState::kRejected, "AUDIT_UNANSWERED");
  EXPECT_TRUE(Complains("was waited for only 1m of"));
}

TEST_F(PayOracleTest, CountsWhatNoVerifierCouldTakeOn) {
  Ask();
  oracle_.NoteVerifier(kVerifier, false, now_);
  AwaitVerifiers();
  now_ += absl::Hours(2);
  Put(TrialState::kRejected, "UNVERIFIED");
  EXPECT_THAT(oracle_.violations(), ::testing::IsEmpty());
  EXPECT_EQ(oracle_.report().undecided, 1);
}

TEST_F(PayOracleTest, ObjectsWhereAVerifierWasIdle) {
  Ask();
  AwaitVerifiers();
  now_ += absl::Hours(2);
  Put(TrialState::kRejected, "UNVERIFIED");
  EXPECT_TRUE(Complains("was left undecided while v was idle for 2h"));
}

// That it has much to do is no reason.
TEST_F(PayOracleTest, ObjectsWhereAVerifierWasAtWork) {
  Ask();
  HoldAnother();
  AwaitVerifiers();
  now_ += absl::Hours(2);
  Put(TrialState::kRejected, "UNVERIFIED");
  EXPECT_TRUE(Complains("was left undecided while v was at work for 2h"));
}

TEST_F(PayOracleTest, CountsWhatVerifiersDidNotComeToInADay) {
  Ask();
  HoldAnother();
  AwaitVerifiers();
  now_ += absl::Hours(24);
  Put(TrialState::kRejected, "UNVERIFIED");
  EXPECT_THAT(oracle_.violations(), ::testing::IsEmpty());
  EXPECT_EQ(oracle_.report().undecided, 1);
}

// A drought that ended just now.
TEST_F(PayOracleTest, CountsWhatAVerifierIsJustBackFor) {
  Ask();
  oracle_.NoteVerifier(kVerifier, false, now_);
  AwaitVerifiers();
  now_ += absl::Hours(2);
  oracle_.NoteVerifier(kVerifier, true, now_);
  HoldAnother();
  now_ += absl::Minutes(1);
  Put(TrialState::kRejected, "UNVERIFIED");
  EXPECT_THAT(oracle_.violations(), ::testing::IsEmpty());
}

TEST_F(PayOracleTest, ObjectsWhereTheMinerIsProven) {
  Prove();
  Ask();
  oracle_.NoteVerifier(kVerifier, false, now_);
  AwaitVerifiers();
  now_ += absl::Hours(2);
  Put(TrialState::kRejected, "UNVERIFIED");
  EXPECT_TRUE(Complains("who is proven, was rejected"));
}

TEST_F(PayOracleTest, ObjectsToCreditThatIsVoidForNothing) {
  Put(TrialState::kAccepted);
  Put(TrialState::kRejected, "CREDIT_VOID");
  EXPECT_TRUE(Complains("was rejected: CREDIT_VOID"));
}

TEST_F(PayOracleTest, ObjectsToWorkThatIsRefused) {
  Refuse();
  Put(TrialState::kAbandoned);
  EndTask(0);
  EXPECT_TRUE(Complains("was trained in time and refused: LEASE_ENDED"));
}

TEST_F(PayOracleTest, AcceptsThatItIsHandedInUnderAnotherLease) {
  Refuse();
  Put(TrialState::kAbandoned);
  Put(TrialState::kCommitted);
  Put(TrialState::kAccepted);
  EndTask(5);
  EXPECT_THAT(oracle_.violations(), ::testing::IsEmpty());
}

}  // namespace
}  // namespace archpool
