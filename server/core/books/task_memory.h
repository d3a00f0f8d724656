// SPDX-License-Identifier: Apache-2.0
// What is known of an open task in memory alone: how far work of several
// commands has come, and what need not be computed twice. It saves work and
// decides nothing: after a restart it begins again, and comes to the same
// (docs/adr/0035-what-a-load-forgets.md).
#ifndef ARCHPOOL_SERVER_CORE_BOOKS_TASK_MEMORY_H_
#define ARCHPOOL_SERVER_CORE_BOOKS_TASK_MEMORY_H_

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/time/time.h"
#include "server/core/leaves/settling.h"
#include "server/core/records/entities.h"
#include "server/core/rules/worker_means.h"

namespace archpool {

// Which networks were passed: never wrong of one that was, and right of most
// others. In one that passed thousands it says yes of all.
class PassedNetworks {
 public:
  void Add(const Digest& id) { bits_.set(BitOf(id)); }
  bool MayContain(const Digest& id) const { return bits_.test(BitOf(id)); }

 private:
  static constexpr size_t kBits = 1'024;
  static size_t BitOf(const Digest& id) { return id.Prefix64() % kBits; }

  std::bitset<kBits> bits_;
};

// How far the search for something to draw in a box got without finding it. A
// search from the start passes the same again; what may have changed that, ends
// the walk.
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
  // The most that a training costs which it passed as too large: who cannot pay
  // for that is told so.
  WorkUnits dearest_too_large = 0;
  PassedNetworks taken;  // passed because somebody trains it, or has

  bool IsForAll() const { return !rejected_of.IsSet() && too_large.IsEmpty(); }
  bool IsFor(AccountId account, const TrainingRoom& room,
             WorkUnits units_left) const {
    return (!rejected_of.IsSet() || rejected_of == account) &&
           too_large.IsTooLargeFor(room) && dearest_too_large <= units_left;
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

// Value type; thread-compatible.
struct TaskMemory {
  // The walk of that stream in the box, as far as it holds for this account,
  // its worker's room and what it may spend; else where a new one begins.
  BoxWalk WalkOf(SubspaceId box, uint64_t stream, AccountId account,
                 const TrainingRoom& room, WorkUnits units_left) const;
  // Nobody trains the network any more, or has: searches that passed it go
  // back.
  void GiveBack(const Digest& network);
  // The box is open again.
  void GiveBack(const Subspace& box);

  // Counts the changes of its trials, but for those of their pay and maturity.
  int64_t results_version = 0;
  int64_t trials_version = 0;  // counts all of them
  Settling settling;
  // While it gives up, in steps, what its leases have not begun: up to which
  // lease it has.
  std::optional<LeaseId> given_up_to;
  absl::btree_map<SubspaceId, BoxWalk> walks;
  // The policy's latest ranking, and a place in it before which nothing can be
  // had, as was seen of each.
  std::vector<RankedCandidate> ranking;
  size_t ranking_begin = 0;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_BOOKS_TASK_MEMORY_H_
