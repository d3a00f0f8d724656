// SPDX-License-Identifier: Apache-2.0
// What is known of an open task in memory alone: how far work of
// several commands has come. After a restart it begins again, and comes to the
// same.
#ifndef ARCHPOOL_SERVER_CORE_BOOKS_TASK_MEMORY_H_
#define ARCHPOOL_SERVER_CORE_BOOKS_TASK_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/time/time.h"
#include "server/core/leaves/settling.h"
#include "server/core/records/entities.h"
#include "server/core/rules/worker_means.h"

namespace archpool {

// How far the search for something to draw in a box got without finding it.
struct BoxWalk {
  uint64_t stream = 0;   // whose numbers; another one's walk begins again
  int64_t looked = 0;    // attempts
  bool is_over = false;  // there are no more
  // It passed something that this account alone may not have; what some workers
  // have no room for. And until where it had passed nothing of the kind: there
  // an account that may have it continues.
  AccountId rejected_of;
  PassedOver too_large;
  int64_t looked_for_all = 0;

  bool IsForAll() const { return !rejected_of.IsSet() && too_large.IsEmpty(); }
  bool IsFor(AccountId account, const TrainingRoom& room) const {
    return (!rejected_of.IsSet() || rejected_of == account) &&
           too_large.IsTooLargeFor(room);
  }
};

// A candidate of the policy's ranking, and what was learnt about it.
struct RankedCandidate {
  Architecture architecture;
  bool looked_at = false;
  bool possible = false;
  Digest id;
  int64_t parameters = 0;
  int64_t macs = 0;
  int64_t memory_bytes = 0;
  int64_t checkpoints_bytes = 0;
  WorkUnits work_units = 0;
};

// Whether all that is left is too large for the workers that are there. Begins
// again whenever one of them is given something, or hears another reason.
struct TooLargeForAll {
  std::optional<absl::Time> since;
  absl::btree_set<SessionId> told;  // that it is for them

  void Note(SessionId session, absl::Time now) {
    if (!since) since = now;
    told.insert(session);
  }
};

// Value type; thread-compatible.
struct TaskMemory {
  // The walk of that stream in the box, as far as it holds for this account and
  // its worker's room; else where a new one begins.
  BoxWalk WalkOf(SubspaceId box, uint64_t stream, AccountId account,
                 const TrainingRoom& room) const;

  // Counts the changes of its trials, but for those of their pay and maturity.
  int64_t results_version = 0;
  Settling settling;
  absl::btree_map<SubspaceId, BoxWalk> walks;
  TooLargeForAll too_large;
  // The policy's latest ranking; the taken ones at its head are passed for
  // good.
  std::vector<RankedCandidate> ranking;
  size_t ranking_begin = 0;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_BOOKS_TASK_MEMORY_H_
