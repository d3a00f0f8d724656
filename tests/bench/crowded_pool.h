// SPDX-License-Identifier: Apache-2.0
// A pool in which as much is open as a benchmark asks for: copies of the
// records of a small one, which is quicker than asking for each.
#ifndef ARCHPOOL_TESTS_BENCH_CROWDED_POOL_H_
#define ARCHPOOL_TESTS_BENCH_CROWDED_POOL_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/core/pool.h"
#include "tests/support/pool_fixture.h"

namespace archpool {

// One task and one miner, with 1,000 sessions.
class CrowdedPool {
 public:
  // Whose copies there are.
  struct Crowd {
    int64_t leases = 0;   // each with a box of its own, and a trial
    int64_t asked = 0;    // audits whose miner is to answer
    int64_t waiting = 0;  // that wait for a verifier
  };

  CrowdedPool(const PoolPolicy& policy, const Crowd& crowd) : pool(policy) {
    TaskSpec spec = TinySpec(60);
    spec.subspaces = 4;
    spec.recipe.segments = 1;
    spec.budget.work_units = kWorkUnitsMax;
    spec.budget.time_limit = absl::Hours(1'000);
    task = pool.Submit(spec);
    miner = pool.Make("m", Role::kMiner);
    session = pool.Open(miner, "w");
    Take();
    const TrialId asked = Commit();
    const TrialId waiting = Commit();
    pool.Answer(miner, waiting);
    Take();
    snapshot_ = pool.pool.state().Snapshot();
    for (int64_t i = 1; i < kSessions; ++i) CopySession(i);
    for (int64_t i = 0; i < crowd.leases; ++i) CopyLease(i);
    for (int64_t i = 0; i < crowd.asked; ++i) CopyAudit(asked, i);
    for (int64_t i = 0; i < crowd.waiting; ++i) CopyAudit(waiting, i);
    for (Event& record : copies_)
      snapshot_.records.push_back(std::move(record));
    // As after a while: the hold after a start is over.
    pool.pool = Pool(pool.policy, snapshot_, pool.pool.expiry_hold());
    pool.Do(Tick{});
    pool.pool.TakeEvents();
  }

  TestPool pool;
  TaskId task;
  AccountId miner;
  SessionId session;

 private:
  static constexpr int64_t kSessions = 1'000;

  void Take() {
    const auto grant = pool.Do(AcquireLease{miner, session}).grant;
    ARCHPOOL_CHECK(grant.has_value());
    lease_ = grant->lease;
  }
  TrialId Commit() {
    for (const TrialId trial : pool.pool.state().Find(lease_.id)->trials) {
      if (pool.pool.state().Find(trial)->state != TrialState::kAssigned)
        continue;
      pool.Commit(miner, session, lease_, trial, 500);
      return trial;
    }
    ARCHPOOL_CHECK(false);
  }

  template <typename Id>
  Id Next(int64_t& last) {
    return Id{++last};
  }
  SessionId SessionOf(int64_t i) const {
    return i % kSessions == 0 ? session : sessions_[i % kSessions - 1];
  }
  void CopySession(int64_t i) {
    Session copy = *pool.pool.state().Find(session);
    copy.id = Next<SessionId>(snapshot_.last_ids.session);
    copy.worker_name = absl::StrCat("w", i);
    sessions_.push_back(copy.id);
    copies_.emplace_back(copy);
  }
  void CopyLease(int64_t i) {
    const PoolState& state = pool.pool.state();
    const Lease& from = *state.Find(lease_.id);
    SubspaceRecord box = *state.Find(from.subspace);
    box.id = Next<SubspaceId>(snapshot_.last_ids.subspace);
    box.split_off =
        SplitOff{.parent = from.subspace, .dimension = 0, .choices = 1};
    copies_.emplace_back(box);
    Lease lease = from;
    lease.id = Next<LeaseId>(snapshot_.last_ids.lease);
    lease.subspace = box.id;
    lease.session = SessionOf(i);
    lease.trials.clear();
    for (const TrialId one : from.trials) {
      Trial trial = *state.Find(one);
      trial.id = Next<TrialId>(snapshot_.last_ids.trial);
      trial.lease = lease.id;
      trial.subspace = box.id;
      lease.trials.push_back(trial.id);
      copies_.emplace_back(trial);
    }
    copies_.emplace_back(lease);
  }
  void CopyAudit(TrialId of, int64_t i) {
    const PoolState& state = pool.pool.state();
    Trial trial = *state.Find(of);
    trial.id = Next<TrialId>(snapshot_.last_ids.trial);
    trial.commitment->session = SessionOf(i);
    *trial.commitment->commit_time += absl::Microseconds(i);
    copies_.emplace_back(trial);
    Audit audit = *state.Find(state.audits().Of(of));
    audit.id = Next<AuditId>(snapshot_.last_ids.audit);
    audit.trial = trial.id;
    copies_.emplace_back(audit);
  }

  Lease lease_;
  PoolSnapshot snapshot_;
  std::vector<Event> copies_;
  std::vector<SessionId> sessions_;
};

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_BENCH_CROWDED_POOL_H_
