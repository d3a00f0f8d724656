// SPDX-License-Identifier: Apache-2.0
// A small pool for tests: a tiny space, a dataset, and the accounts that the
// commands need. The pool itself is the real core.
#ifndef ARCHPOOL_TESTS_SUPPORT_POOL_FIXTURE_H_
#define ARCHPOOL_TESTS_SUPPORT_POOL_FIXTURE_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "common/base/check.h"
#include "server/core/pool.h"
#include "server/core/state/look_up.h"
#include "server/core/state/queries.h"
#include "tests/support/fake_commitment.h"

namespace archpool {

// Three dimensions, `widths` × 2 × 2 networks of one stage.
SearchSpace TinySpace(int widths);

DatasetManifest TinyManifest();

TaskSpec TinySpec(int widths);

// Every trial is audited: nothing in a test hangs on a draw.
PoolPolicy AuditEverything();

// Time starts at the epoch and moves when a test says so.
class TestPool {
 public:
  explicit TestPool(const PoolPolicy& pool_policy = AuditEverything());

  template <typename Command>
  absl::StatusOr<typename Command::Reply> Try(const Command& command) {
    auto reply = Execute(pool, command);
    if (twin) {
      const auto other = Execute(*twin, command);
      ARCHPOOL_CHECK(other.status() == reply.status());
      if constexpr (requires { *other == *reply; }) {
        ARCHPOOL_CHECK(!reply.ok() || *other == *reply);
      }
    }
    return reply;
  }
  template <typename Command>
  typename Command::Reply Do(const Command& command) {
    auto reply = Try(command);
    if (!reply.ok()) {
      std::fprintf(stderr, "%s\n", reply.status().ToString().c_str());
    }
    ARCHPOOL_CHECK(reply.ok());
    return *std::move(reply);
  }

  AccountId Make(const std::string& name, Role role);
  // REQUIRES: it is there.
  const Account& Find(AccountId id) const { return *pool.state().Find(id); }
  SessionId Open(AccountId miner, const std::string& worker);
  TaskId Submit(const TaskSpec& spec, const std::string& request_id = "r1");
  void Advance(absl::Duration duration);
  // Commits one trial with a claim; what the pool wants of it.
  ReportTrials::Result Commit(AccountId miner, SessionId session,
                              const Lease& lease, TrialId trial, int64_t claim);
  // Sends what is wanted of a committed trial, an audit's segment included.
  void Answer(AccountId miner, TrialId id);
  // Commits one trial with a claim, and delivers what is wanted of it.
  void Deliver(AccountId miner, SessionId session, const Lease& lease,
               TrialId trial, int64_t claim);
  // Answers and passes every audit that is open, those that this brings
  // included, as a pool of honest miners does when its tasks end.
  void VerifyAll();
  // Takes the next audit and reports what was measured; where that blames its
  // miner, a second verifier measures the same.
  ReportAudit::Reply Verify(int64_t validation_correct,
                            int64_t held_out_correct);

  PoolPolicy policy;
  absl::Time now = absl::UnixEpoch();
  Pool pool;
  // Where it is set, hears every command too, and is to decide the same.
  std::optional<Pool> twin;
  // Where it is set, each pool is told of it what it does not hold itself, as
  // an engine does from its store. REQUIRES: it has what was taken of `pool`.
  Archive* archive = nullptr;
  AccountId client;
  AccountId verifier;

 private:
  template <typename Command>
  absl::StatusOr<typename Command::Reply> Execute(Pool& to, Command command) {
    if (archive != nullptr) {
      ARCHPOOL_CHECK(LookUp(to.state(), *archive, command).ok());
    }
    return to.Execute(command, now);
  }
};

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_SUPPORT_POOL_FIXTURE_H_
