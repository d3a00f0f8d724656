// SPDX-License-Identifier: Apache-2.0
// Which audit a verifier takes, over random histories of a pool with honest,
// lying, failing and doubted verifiers.
#include "server/core/state/verifier_desk.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/counter_rng.h"
#include "common/base/sanitized.h"
#include "gtest/gtest.h"
#include "tests/support/pool_fixture.h"

namespace archpool {
namespace {

constexpr int kSteps = 2'000;
// A history under sanitizers takes thirty times as long.
constexpr uint64_t kHistories = kIsSanitized ? 1 : 4;
constexpr uint32_t kMiners = 8;

PoolPolicy Suspicious() {
  PoolPolicy policy = AuditEverything();
  policy.second_look_ppm = 300'000;
  policy.planted_ppm = 50'000;
  policy.planted_passes_min = 1;
  policy.rejections_to_suspend = 1'000'000;
  policy.leases_on_trust = 1'000'000;
  policy.open_sessions_per_account_max = 100;
  return policy;
}

// Looks at every audit that waits: of those that the verifier may take, the one
// whose miner was served longest ago, and of these the first.
AuditId NextOf(const PoolState& state, const PoolPolicy& policy,
               const VerifierBook& book, const AcquireAudit& command,
               absl::Time now) {
  const VerifierKey key{command.caller, command.verifier_name};
  const VerifierStanding& standing = *book.Find(key);
  if (now < standing.rest_until) return {};
  const VerifierDesk desk(state, policy, book);
  std::optional<std::pair<int64_t, AuditId>> best;
  for (const auto& [task, record] : state.tasks().all()) {
    for (const AuditId id : state.IndexOf(task).audits) {
      const Audit& audit = *state.Find(id);
      const Trial& trial = *state.Find(audit.trial);
      if (audit.state != AuditState::kWaiting ||
          !desk.MayTake(audit, key, now)) {
        continue;
      }
      const auto trusted = book.Working(policy, now);
      const bool is_for_others =
          standing.IsDoubted(policy) && !trusted.empty() &&
          std::find(trusted.begin(), trusted.end(), key) == trusted.end();
      if (is_for_others && now < *audit.wait_time + policy.second_look_max) {
        continue;
      }
      const auto served = book.served().find(trial.account);
      const std::pair position(
          served == book.served().end() ? 0 : served->second, id);
      if (!best || position < *best) best = position;
    }
  }
  return best ? best->second : AuditId();
}

class RandomHistory {
 public:
  explicit RandomHistory(uint64_t seed) : rng_(seed, 0), pool_(Suspicious()) {
    for (uint32_t i = 0; i < kMiners; ++i) {
      const AccountId miner = pool_.Make(absl::StrCat("m", i), Role::kMiner);
      for (const int64_t threads : {1, 2}) {
        const SessionId session =
            pool_.Do(OpenSession{miner, absl::StrCat("w", threads), threads});
        workers_.push_back({miner, session});
      }
    }
    other_verifier_ = pool_.Make("verifier-b", Role::kVerifier);
  }

  void Step() {
    const uint32_t choice = rng_.Below(20);
    if (choice < 8) return Work();
    if (choice < 18) return Examine();
    if (choice < 19) return pool_.Advance(absl::Seconds(rng_.Below(120)));
    if (rng_.Below(20) == 0) Restart();
  }

  int taken() const { return taken_; }
  int passed_over() const { return passed_over_; }

 private:
  struct Worker {
    AccountId account;
    SessionId session;
  };

  void Work() {
    // Some have much more than others.
    const size_t last = workers_.size() - 1;
    const Worker& worker = workers_[rng_.Below(3) == 0 ? last : Below(last)];
    const auto grant =
        pool_.Do(AcquireLease{worker.account, worker.session}).grant;
    if (!grant) {
      TaskSpec spec = TinySpec(64);
      spec.terms.reward = kAmountPerCoin;
      spec.budget.time_limit = absl::Hours(1'000);
      spec.budget.work_units = kWorkUnitsMax;
      // Refused where many are open; then the next trial ends one.
      (void)pool_.Try(SubmitTask{pool_.client, spec,
                                 absl::StrCat("r", ++submitted_), Digest()});
      return;
    }
    for (const Assignment& one : grant->assignments) {
      pool_.Deliver(worker.account, worker.session, grant->lease, one.trial,
                    500);
    }
  }

  void Examine() {
    const AcquireAudit command{
        rng_.Below(3) == 0 ? other_verifier_ : pool_.verifier,
        absl::StrCat("v", rng_.Below(4))};
    const VerifierKey key{command.caller, command.verifier_name};
    const PoolState& state = pool_.pool.state();
    VerifierBook book = pool_.pool.verifiers();
    book.Hear(key, pool_.now);
    AuditId expected = state.audits().HeldBy(key.account, key.name);
    const bool holds_one = expected.IsSet();
    if (!holds_one) {
      expected = NextOf(state, pool_.policy, book, command, pool_.now);
    }
    const bool is_any = IsAnyWaiting();
    const auto grant = pool_.Do(command);
    ASSERT_EQ(grant ? grant->audit.id : AuditId(), expected);
    if (!grant) {
      passed_over_ += is_any ? 1 : 0;
      return;
    }
    taken_ += holds_one ? 0 : 1;
    Report(*grant);
  }

  bool IsAnyWaiting() const {
    return !pool_.pool.state().audits().waiting().miners().empty();
  }

  void Report(const AuditGrant& grant) {
    const uint32_t choice = rng_.Below(16);
    AuditFinding finding = WeightsMeasured{500, 500};
    if (choice == 0) return;  // it lets its lease run out
    if (choice == 1) finding = WeightsMeasured{100, 100};
    if (choice == 2) finding = TrainingRefuted{"SEGMENT_DIFFERS"};
    if (choice == 3) finding = AuditInconclusive{"EXAMINER_CRASHED"};
    if (grant.audit.is_planted && choice < 12)
      finding = TrainingRefuted{"PLANTED"};
    pool_.Do(ReportAudit{grant.audit.verifier, grant.audit.id,
                         grant.audit.attempt, grant.audit.verifier_name,
                         finding});
  }

  void Restart() {
    const PoolSnapshot snapshot = pool_.pool.state().Snapshot();
    switch (rng_.Below(3)) {
      case 0:
        pool_.pool = Pool(snapshot, pool_.pool);
        break;
      case 1:
        pool_.pool = Pool(pool_.policy, snapshot, pool_.pool.expiry_hold(),
                          pool_.pool.verifiers());
        break;
      default:
        pool_.pool = Pool(pool_.policy, snapshot);  // nobody was served yet
    }
  }

  size_t Below(size_t bound) {
    return rng_.Below(static_cast<uint32_t>(bound));
  }

  CounterRng rng_;
  TestPool pool_;
  std::vector<Worker> workers_;
  AccountId other_verifier_;
  int submitted_ = 0;
  int taken_ = 0;
  int passed_over_ = 0;
};

TEST(VerifierDeskTest, TheNextAuditIsTheFirstOfAllThatMayBeTaken) {
  for (uint64_t seed = 1; seed <= kHistories; ++seed) {
    SCOPED_TRACE(seed);
    RandomHistory history(seed);
    for (int step = 0; step < kSteps; ++step) {
      SCOPED_TRACE(step);
      history.Step();
      if (::testing::Test::HasFatalFailure()) return;
    }
    // The histories are such that something can be seen in them.
    EXPECT_GT(history.taken(), 300);
    EXPECT_GT(history.passed_over(), 30);
  }
}

}  // namespace
}  // namespace archpool
