// The index over one open task's records. Part of server/core/pool_state.h.
#ifndef ARCHPOOL_SERVER_CORE_STATE_TASK_INDEX_H_
#define ARCHPOOL_SERVER_CORE_STATE_TASK_INDEX_H_

#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "server/core/leaves/box_score.h"
#include "server/core/leaves/box_tree.h"
#include "server/core/leaves/claim_front.h"
#include "server/core/leaves/rung_board.h"
#include "server/core/leaves/settling.h"
#include "server/core/records/entities.h"
#include "server/core/rules/worker_means.h"

namespace archpool {

// How far the search for something to draw in a box got without finding it.
struct BoxWalk {
  uint64_t stream = 0;   // whose numbers; another one's walk begins anew
  int64_t looked = 0;    // attempts
  bool is_over = false;  // there are no more
  // It passed something that this account alone may not have; what some workers
  // have no room for. And until where it had passed nothing of the kind: there
  // whoever may have that goes on.
  AccountId rejected_of;
  PassedOver too_large;
  int64_t looked_for_all = 0;

  bool IsForAll() const { return !rejected_of.IsSet() && too_large.IsEmpty(); }
  bool IsFor(AccountId account, const TrainingRoom& room) const {
    return (!rejected_of.IsSet() || rejected_of == account) &&
           too_large.IsTooLargeFor(room);
  }
};

// What is known of an open task in memory alone: how far what goes on for
// several commands has come. After a restart it begins anew, and comes to the
// same.
struct TaskMemory {
  // Counts the changes of its trials, but for those of their pay and maturity.
  int64_t results_version = 0;
  Settling settling;
  absl::btree_map<SubspaceId, BoxWalk> walks;

  // The policy's latest ranking; what was learnt about a candidate is kept, and
  // the taken ones at its head are passed for good.
  struct Ranked {
    Architecture architecture;
    bool looked_at = false;
    bool possible = false;
    Digest id;
    int64_t parameters = 0;
    int64_t macs = 0;
    int64_t memory_bytes = 0;
    WorkUnits work_units = 0;
  };
  std::vector<Ranked> ranking;
  size_t ranking_begin = 0;
};

// What the core knows of an open task beyond its record; derived from the
// others, but for its memory.
struct TaskIndex : TaskMemory {
  absl::btree_set<SubspaceId> subspaces;
  BoxTree tree;  // which of them an architecture lies in
  absl::btree_set<TrialId> trials;
  absl::btree_set<LeaseId> leases;  // active
  // Networks tried or being tried, and by how many trials: one, and one more
  // for each backup's. Never given out again otherwise.
  absl::btree_map<Digest, int64_t> architectures;
  // By rung, but the last: which of its results go on. And how many trials
  // train, or have trained, a network at a rung above the first.
  std::vector<RungBoard> rungs;
  absl::btree_map<std::pair<Digest, int64_t>, int64_t> promoted;
  // By result: how often its account took it on and gave it up again.
  absl::btree_map<TrialId, int64_t> resumptions_given_up;
  // By result: the trials that go on from its weights.
  absl::btree_map<TrialId, std::vector<TrialId>> grown;
  // What accounts trained, and was rejected: the same account would train the
  // same bits again, so it is never given the network at that rung again. Nor
  // what its machine cannot train.
  absl::btree_set<std::tuple<AccountId, Digest, int64_t>> rejected;
  bool WasRejected(AccountId account, const Digest& architecture,
                   int64_t rung = 0) const {
    return rejected.contains({account, architecture, rung});
  }
  // Accepted results that are above chance, the client's earlier ones included.
  // Of these, the ones that show that something is learnt: they are above it on
  // the held-out split too, as far as that was measured. One guess in some 740
  // is above it on one split. And measured results at chance, by account.
  int64_t above_chance_count = 0;
  int64_t learnt_count = 0;
  absl::btree_map<AccountId, int64_t> at_chance;
  // What an account left undone: it gets that back before anything else.
  absl::btree_map<AccountId, absl::btree_set<TrialId>> abandoned;
  absl::btree_set<AuditId> audits;  // open ones
  ClaimFront claims;                // of the measured results
  // Pending and accepted trials whose credit has not matured, by account in the
  // order of their commitments.
  absl::btree_map<AccountId, absl::btree_set<std::pair<absl::Time, TrialId>>>
      immature;
  int64_t assigned_count = 0;
  int64_t pending_count = 0;
  int64_t pending_at_chance_count = 0;  // of these
  int64_t accepted_count = 0;
  WorkUnits reserved_units = 0;  // assigned and pending
  absl::btree_map<AccountId, WorkUnits> reserved_by;
  WorkUnits accepted_units = 0;
  absl::btree_map<SubspaceId, BoxScore> scores;
  TopShare high_reward;
  // The open ones, by falling promise, then by id.
  absl::btree_set<std::pair<double, SubspaceId>> open;
  int64_t done_subspaces = 0;  // completed or pruned
  BoxWalk WalkOf(SubspaceId box, uint64_t stream, AccountId account,
                 const TrainingRoom& room) const {
    const auto found = walks.find(box);
    if (found == walks.end() || found->second.stream != stream) {
      return {.stream = stream};
    }
    const BoxWalk& walk = found->second;
    if (walk.IsFor(account, room)) return walk;
    return {.stream = stream,
            .looked = walk.looked_for_all,
            .looked_for_all = walk.looked_for_all};
  }
  int64_t ranking_basis = 0;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_STATE_TASK_INDEX_H_
