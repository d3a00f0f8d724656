// SPDX-License-Identifier: Apache-2.0
// A pool of two miners and any verifiers, for tests of what these bring. Header
// only.
#ifndef ARCHPOOL_TESTS_SUPPORT_VERIFIERS_FIXTURE_H_
#define ARCHPOOL_TESTS_SUPPORT_VERIFIERS_FIXTURE_H_

#include <optional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/core/pool.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {

inline PoolPolicy Strict() {
  PoolPolicy policy = AuditEverything();
  policy.leases_need_verifiers = true;
  policy.results_to_split = 1'000'000;
  return policy;
}

class VerifiersTest : public ::testing::Test {
 protected:
  explicit VerifiersTest(const PoolPolicy& policy = Strict()) : pool(policy) {
    alice = pool.Make("alice", Role::kMiner);
    bob = pool.Make("bob", Role::kMiner);
    other_account = pool.Make("verifier-b", Role::kVerifier);
    alices = pool.Open(alice, "a");
    bobs = pool.Open(bob, "b");
    TaskSpec spec = TinySpec(60);
    spec.budget.work_units = kWorkUnitsMax;
    spec.budget.time_limit = absl::Hours(100);
    spec.subspaces = 1;
    spec.trials_per_lease = 1;
    task = pool.Submit(spec);
  }

  const PoolState& state() const { return pool.pool.state(); }
  const Trial& Find(TrialId trial) { return *state().Find(trial); }
  const Audit& AuditOf(TrialId trial) {
    return *state().Find(state().audits().Of(trial));
  }
  const Account& Alice() { return *state().Find(alice); }

  std::optional<AuditGrant> Take(const std::string& name,
                                 AccountId account = {}) {
    return pool.Do(
        AcquireAudit{account.IsSet() ? account : pool.verifier, name});
  }
  ReportAudit::Reply Say(const AuditGrant& grant, const AuditFinding& finding) {
    return pool.Do(ReportAudit{grant.audit.verifier, grant.audit.id,
                               grant.audit.attempt, grant.audit.verifier_name,
                               finding});
  }
  // Takes the next audit and says that of it.
  ReportAudit::Reply Look(const std::string& name,
                          const AuditFinding& finding) {
    const auto grant = Take(name);
    ARCHPOOL_CHECK(grant.has_value());
    return Say(*grant, finding);
  }
  std::string IdleReason(AccountId miner, SessionId session) {
    return pool.Do(AcquireLease{miner, session}).idle_reason;
  }
  // A trial whose audit waits for verifiers.
  TrialId Committed(AccountId miner, SessionId session, int64_t claim = 500) {
    const auto reply = pool.Do(AcquireLease{miner, session});
    if (!reply.grant) std::fprintf(stderr, "%s\n", reply.idle_message.c_str());
    ARCHPOOL_CHECK(reply.grant.has_value());
    const TrialId trial = reply.grant->assignments.at(0).trial;
    pool.Deliver(miner, session, reply.grant->lease, trial, claim);
    return trial;
  }
  static WeightsMeasured Right(int64_t correct = 500) {
    return WeightsMeasured{correct, correct};
  }

  TestPool pool;
  AccountId alice;
  AccountId bob;
  AccountId other_account;
  SessionId alices;
  SessionId bobs;
  TaskId task;
};

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_SUPPORT_VERIFIERS_FIXTURE_H_
