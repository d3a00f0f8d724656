// SPDX-License-Identifier: Apache-2.0
// The leases that a worker holds and what is still to be trained on them.
// Thread-safe: one thread trains, while heartbeats and the courier bring what
// the pool says.
#ifndef ARCHPOOL_WORKER_AGENT_LEASE_BOOK_H_
#define ARCHPOOL_WORKER_AGENT_LEASE_BOOK_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/wire/work_wire.h"

namespace archpool {

class LeaseBook {
 public:
  // One trial to train, and the lease that it is on.
  struct Order {
    std::shared_ptr<const wire::WorkLease> lease;
    wire::WorkAssignment assignment;
  };

  // A lease that was handed out: for the first time, or again, with what it
  // has grown by.
  void Add(wire::WorkLease lease);
  // What a report made the lease grow by; none means that it grows no more.
  void Append(LeaseId lease, std::vector<wire::WorkAssignment> assignments);
  // The pool says that these are over, or committed by somebody else.
  void End(const std::vector<LeaseId>& leases);
  void Withdraw(const std::vector<TrialId>& trials);

  // What to train next: the first trial of the oldest lease that has any.
  std::optional<Order> Next() const;
  // `trial` is trained, was before, or cannot be.
  void Finish(TrialId trial);
  // `trial` is neither finished, nor withdrawn, nor of a lease that is over.
  bool IsWanted(TrialId trial) const;
  // One trial is left, and no report will add another: it is time to ask for
  // the next lease.
  bool IsRunningOut() const;

  // What the worker holds; empties the book.
  std::vector<std::shared_ptr<const wire::WorkLease>> Close();
  // The lease as it was handed out; null where it is not held.
  std::shared_ptr<const wire::WorkLease> Find(LeaseId lease) const;
  std::vector<LeaseId> leases() const;

 private:
  struct Page {
    std::shared_ptr<const wire::WorkLease> lease;
    std::deque<wire::WorkAssignment> left;
    std::set<TrialId> known;  // all that ever were on the list
    bool may_grow = false;
  };
  void AddTo(Page& page, std::vector<wire::WorkAssignment> assignments)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Strike(TrialId trial) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Page* PageOf(LeaseId lease) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable absl::Mutex mutex_;
  std::vector<Page> pages_ ABSL_GUARDED_BY(mutex_);  // in order of arrival
};

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_AGENT_LEASE_BOOK_H_
