// SPDX-License-Identifier: Apache-2.0
// The SearchDesk keeps the search policy of every active task fed with verdicts
// and turns it into RankCandidates commands. It knows the pool by its events
// alone, so it runs beside the core: on a thread of the server, and in the
// simulator after each commit. Deterministic. Not thread-safe.
#ifndef ARCHPOOL_SERVER_SEARCH_SEARCH_DESK_H_
#define ARCHPOOL_SERVER_SEARCH_SEARCH_DESK_H_

#include <memory>
#include <optional>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "common/nas/search/search_policy.h"
#include "server/core/books/dataset_book.h"
#include "server/core/commands/commands.h"
#include "server/core/rules/policy.h"
#include "server/core/state/pool_state.h"

namespace archpool {

class SearchDesk {
 public:
  // `policy` is for tasks that ask for none; `pool_policy` is the core's.
  explicit SearchDesk(const SearchPolicySpec& policy,
                      const PoolPolicy& pool_policy = PoolPolicy())
      : policy_(policy), pool_policy_(pool_policy) {}

  // Begins again from what a store loaded.
  void Load(const PoolSnapshot& snapshot);
  // The same in parts: the records follow, task before trial, in any number of
  // calls of Watch.
  void BeginLoad();
  // The events of one commit.
  void Watch(absl::Span<const Event> events);
  // A ranking for each task that needs one: it is new, enough verdicts came, or
  // the last one is nearly used up.
  std::vector<RankCandidates> Rank();

  // What one step of the search came to.
  struct Step {
    bool is_idle = false;  // no task needs a ranking
    std::optional<RankCandidates> ranking;
  };
  // Looks for the ranking of one task, for a bounded time; where that did not
  // suffice, the task has its turn again. Clients take turns, and the tasks of
  // each. Where `is_stopped` comes true it returns soon, with nothing.
  Step RankNext(absl::FunctionRef<bool()> is_stopped);

 private:
  struct TaskDesk {
    AccountId client;
    std::shared_ptr<const TaskSpec> spec;
    Digest secret;
    std::unique_ptr<SearchPolicy> policy;
    std::vector<Subspace> boxes;  // live ones, and whose they are
    std::vector<SubspaceId> box_ids;
    absl::btree_map<SubspaceId, size_t> box_slots;
    std::vector<Subspace> dead_boxes;  // pruned
    absl::btree_map<TrialId, Trial> trials;
    absl::btree_map<Digest, int64_t> held;  // networks tried or being tried
    // Networks that the policy has seen, and whether accepted.
    absl::btree_map<Digest, bool> learnt;
    absl::btree_map<TrialId, Architecture> pending;
    int64_t ranked = 0;                   // by the last ranking
    absl::btree_set<Digest> ranked_left;  // of those, not tried yet
    int64_t verdicts = 0;
    int64_t ranked_at = -1;  // verdicts by then
    bool must_rebuild = false;
    // The last step was cut short, and found nothing; and this many looks did
    // since it last found something or learnt something.
    bool goes_on = false;
    int64_t looks_in_vain = 0;
    int64_t searched_at = -1;  // verdicts by the last step
  };

  void Note(const Task& task);
  void Note(const SubspaceRecord& subspace);
  void Note(const Trial& trial);
  void Note(const DatasetRecord& dataset);
  template <typename Record>
  void Note(const Record&) {}
  const DatasetManifest& ManifestOf(const TaskDesk& desk) const;
  static void Forget(TaskDesk& desk, SubspaceId box);
  std::unique_ptr<SearchPolicy> MakePolicy(const TaskDesk& desk) const;
  void Learn(TaskDesk& desk, const Trial& trial);
  void Rebuild(TaskDesk& desk, absl::FunctionRef<bool()> is_stopped);
  bool NeedsRanking(const TaskDesk& desk) const;
  // The task whose turn it is, or an unset id.
  TaskId NextInTurn();
  std::optional<RankCandidates> RankTask(TaskId id, TaskDesk& desk,
                                         absl::FunctionRef<bool()> is_stopped);

  SearchPolicySpec policy_;
  PoolPolicy pool_policy_;
  DatasetBook datasets_;
  absl::btree_map<TaskId, TaskDesk> tasks_;
  bool is_loading_ = false;
  // The client whose turn was last, and the last task of each client.
  AccountId last_client_;
  absl::btree_map<AccountId, TaskId> last_task_of_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_SEARCH_SEARCH_DESK_H_
