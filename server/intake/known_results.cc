// SPDX-License-Identifier: Apache-2.0
#include "server/intake/known_results.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/status.h"
#include "common/nas/cost_table.h"
#include "common/nas/sampling.h"
#include "common/nas/translation.h"
#include "server/core/commands/commands.h"
#include "server/core/rules/known_result.h"
#include "server/core/rules/network_setup.h"
#include "server/core/state/answers.h"

namespace archpool {
namespace {

constexpr int64_t kTasksMax = 100;
constexpr int64_t kPage = 1'000;
// For all tasks together: bounds what a submission costs.
constexpr int64_t kPagesMax = 64;

// The new task, and what it asks of a network.
struct Wanted {
  const TaskSpec& spec;
  const NetworkSetup setup;
};

// The trial as it is spelt in the new space; nullopt where it is no result of
// it.
std::optional<Trial> SpellIn(const Wanted& wanted, const Task& task,
                             Trial trial) {
  std::optional<Architecture> here =
      Translate(task.spec->space, trial.architecture, wanted.spec.space);
  if (!here) return std::nullopt;
  trial.architecture = *std::move(here);
  if (!IsResultOf(wanted.spec, wanted.setup, trial)) return std::nullopt;
  return trial;
}

// Adds what `task` found; true while more may be read.
absl::StatusOr<bool> AddResultsOf(Reader& reader, const Task& task,
                                  const Wanted& wanted, int64_t& pages,
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
      std::optional<Trial> here = SpellIn(wanted, task, trial);
      if (!here) continue;
      if (known.size() >= kKnownResultsMax) return false;
      known.push_back(*std::move(here));
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
  const absl::StatusOr<DatasetRecord> dataset = reader.GetDataset(spec.dataset);
  if (absl::IsNotFound(dataset.status())) return known;
  ARCHPOOL_RETURN_IF_ERROR(dataset.status());
  const Wanted wanted{
      .spec = spec,
      .setup = SetupOfKnown(spec, dataset->manifest, kCostTableVersion)};
  ARCHPOOL_ASSIGN_OR_RETURN(
      const std::vector<Task> tasks,
      reader.Tasks(
          {.client = client, .dataset = spec.dataset, .limit = kTasksMax}));
  int64_t pages = 0;
  for (const Task& task : tasks) {
    if (!IsEnded(task.state) || task.spec->recipe != spec.recipe) continue;
    ARCHPOOL_ASSIGN_OR_RETURN(const bool has_room,
                              AddResultsOf(reader, task, wanted, pages, known));
    if (!has_room) break;
  }
  return known;
}

std::vector<Trial> HoldWeights(const BlobStore& blobs, const TaskSpec& spec,
                               std::vector<Trial> known,
                               std::vector<BlobHold>& held) {
  const auto is_gone = [&](const Trial& trial) {
    // A trial that no audit drew has left them with its miner, which is known.
    if (BasisOf(trial) == TrialBasis::kSampledOut ||
        !WantsWeights(spec.recipe, trial)) {
      return false;
    }
    const Digest& weights = CommitmentOf(trial).weights_digest;
    held.push_back(blobs.Hold(weights));
    if (!blobs.Size(weights).ok()) return true;
    blobs.Renew(weights);
    return false;
  };
  known.erase(std::remove_if(known.begin(), known.end(), is_gone), known.end());
  return known;
}

}  // namespace archpool
