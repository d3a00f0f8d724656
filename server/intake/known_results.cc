// SPDX-License-Identifier: Apache-2.0
#include "server/intake/known_results.h"

#include <optional>
#include <utility>

#include "common/base/status.h"
#include "common/nas/translation.h"
#include "server/core/commands/commands.h"

namespace archpool {
namespace {

constexpr int64_t kTasksMax = 100;
constexpr int64_t kPage = 1'000;
// For all tasks together: bounds what a submission costs.
constexpr int64_t kPagesMax = 64;

// Adds what `task` found; true while more may be read.
absl::StatusOr<bool> AddResultsOf(Reader& reader, const Task& task,
                                  const TaskSpec& spec, int64_t& pages,
                                  std::vector<Trial>& known) {
  TrialId after;
  while (true) {
    if (++pages > kPagesMax) return false;
    ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<Trial> page,
                              reader.Trials(task.id, after, kPage));
    for (const Trial& trial : page) {
      // What that task knew already is some earlier task's to tell.
      if (trial.state != TrialState::kAccepted || trial.known_from.IsSet()) {
        continue;
      }
      std::optional<Architecture> here =
          Translate(task.spec->space, trial.architecture, spec.space);
      if (!here) continue;
      if (known.size() >= kKnownResultsMax) return false;
      known.push_back(trial);
      known.back().architecture = *std::move(here);
    }
    if (static_cast<int64_t>(page.size()) < kPage) return true;
    after = page.back().id;
  }
}

}  // namespace

absl::StatusOr<std::vector<Trial>> CollectKnownResults(Reader& reader,
                                                       AccountId client,
                                                       const TaskSpec& spec) {
  std::vector<Trial> known;
  ARCHPOOL_ASSIGN_OR_RETURN(
      const std::vector<Task> tasks,
      reader.Tasks(
          {.client = client, .dataset = spec.dataset, .limit = kTasksMax}));
  int64_t pages = 0;
  for (const Task& task : tasks) {
    if (!IsEnded(task.state) || task.spec->recipe != spec.recipe) continue;
    ARCHPOOL_ASSIGN_OR_RETURN(const bool has_room,
                              AddResultsOf(reader, task, spec, pages, known));
    if (!has_room) break;
  }
  return known;
}

}  // namespace archpool
