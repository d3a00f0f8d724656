// SPDX-License-Identifier: Apache-2.0
// What workers do, in memory at the edge: heartbeats cost no commit. Knows open
// sessions, their active leases and when each runs out, from the engine's
// events and from what handlers look up. Thread-safe. Sessions that are silent
// for long are forgotten, and looked up again when they speak.
#ifndef ARCHPOOL_SERVER_RPC_SESSION_DIRECTORY_H_
#define ARCHPOOL_SERVER_RPC_SESSION_DIRECTORY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/model/worker_activity.h"
#include "server/core/records/entities.h"

namespace archpool::rpc {

// What a heartbeat says, for people.
struct WorkerProgress {
  std::optional<WorkerActivity> activity;  // nullopt: it did not say
  TrialId trial;
  int64_t step = 0;
  int64_t steps = 0;
};

// Who speaks in a session, and what its commitments are signed with.
struct OpenWorker {
  AccountId account;
  PublicKey key;
};

struct WorkerRecord {
  SessionId session;
  AccountId account;
  std::string worker_name;
  PublicKey key;
  WorkerProgress progress;
  absl::Time last_seen;
  // Why it got no work when it asked last; "" where it got some.
  std::string idle_reason;
  std::string idle_message;
};

// A worker that got no session.
struct RefusedWorker {
  std::string worker_name;
  std::string reason;
  std::string message;
  absl::Time time;
};

class SessionDirectory {
 public:
  // Sessions not heard of for `forget_after` are dropped.
  explicit SessionDirectory(absl::Duration forget_after)
      : forget_after_(forget_after) {}

  // A session opened or closed, or was loaded or looked up; until it speaks, it
  // was last heard of when it opened.
  void Update(const Session& session, absl::Time now)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Update(const Lease& lease) ABSL_LOCKS_EXCLUDED(mutex_);
  void Update(const Task& task) ABSL_LOCKS_EXCLUDED(mutex_);
  // There is something that the lease's holder should hear of soon.
  void SetNews(LeaseId lease) ABSL_LOCKS_EXCLUDED(mutex_);

  // The worker of an open session; nullopt where it is not known here.
  std::optional<OpenWorker> Find(SessionId session) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Nothing where the session is not known here.
  void Note(SessionId session, const WorkerProgress& progress, absl::Time now)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // What a request for work was answered; nothing where the session is unknown.
  void NoteAnswer(SessionId session, const std::string& idle_reason,
                  const std::string& idle_message) ABSL_LOCKS_EXCLUDED(mutex_);
  // A session was refused. The latest are kept, some for each account.
  void NoteRefused(AccountId account, RefusedWorker refused)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Since `since`, the newest last.
  std::vector<RefusedWorker> RefusedOf(AccountId account,
                                       absl::Time since) const
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Whether somebody else, with another key, opened a session of that account
  // and name, and was heard since `since`.
  bool IsNameInUse(AccountId account, const std::string& worker_name,
                   const PublicKey& key, absl::Time since) const
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Open sessions of the account that are known here.
  int64_t CountOf(AccountId account) const ABSL_LOCKS_EXCLUDED(mutex_);

  // From when on a heartbeat of that session asks the core about the lease: a
  // `margin` before it runs out; at once where there is news of it, or where it
  // is not known to be active.
  absl::Time RenewTimeOf(SessionId session, LeaseId lease,
                         absl::Duration margin) const
      ABSL_LOCKS_EXCLUDED(mutex_);

  std::vector<WorkerRecord> All() const ABSL_LOCKS_EXCLUDED(mutex_);  // by id
  // The account's, by id.
  std::vector<WorkerRecord> Of(AccountId account) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Those that hold a lease of one of that client's tasks, by id. What they
  // train is left out where they hold one of another client's, too.
  std::vector<WorkerRecord> WorkingFor(AccountId client) const
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct ActiveLease {
    SessionId session;
    TaskId task;
    absl::Time expire_time;
    bool has_news = false;  // until it is renewed
  };
  using Sessions = absl::btree_map<SessionId, WorkerRecord>;
  // The session behind it.
  Sessions::iterator Forget(Sessions::iterator session)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ForgetSilent(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const absl::Duration forget_after_;
  mutable absl::Mutex mutex_;
  Sessions sessions_ ABSL_GUARDED_BY(mutex_);
  // The same by account and name, for which each opening asks.
  absl::btree_set<std::tuple<AccountId, std::string, SessionId>> names_
      ABSL_GUARDED_BY(mutex_);
  absl::btree_map<AccountId, int64_t> counts_ ABSL_GUARDED_BY(mutex_);
  absl::btree_map<LeaseId, ActiveLease> leases_ ABSL_GUARDED_BY(mutex_);
  absl::btree_map<TaskId, AccountId> clients_ ABSL_GUARDED_BY(mutex_);
  absl::btree_map<AccountId, std::vector<RefusedWorker>> refused_
      ABSL_GUARDED_BY(mutex_);
  absl::Time next_sweep_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_SESSION_DIRECTORY_H_
