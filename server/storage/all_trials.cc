// SPDX-License-Identifier: Apache-2.0
#include "server/storage/all_trials.h"

#include <cstdint>
#include <iterator>
#include <utility>

#include "common/base/status.h"

namespace archpool {
namespace {
constexpr int64_t kTrialsPerRead = 10'000;
}  // namespace

absl::StatusOr<std::vector<Trial>> AllTrials(Reader& reader, TaskId task) {
  std::vector<Trial> trials;
  TrialId after;
  while (true) {
    ARCHPOOL_ASSIGN_OR_RETURN(std::vector<Trial> page,
                              reader.Trials(task, after, kTrialsPerRead));
    const bool is_last = static_cast<int64_t>(page.size()) < kTrialsPerRead;
    if (!page.empty()) after = page.back().id;
    std::move(page.begin(), page.end(), std::back_inserter(trials));
    if (is_last) return trials;
  }
}

}  // namespace archpool
