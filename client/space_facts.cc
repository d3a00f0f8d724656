// SPDX-License-Identifier: Apache-2.0
#include "client/space_facts.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "client/text.h"
#include "common/base/counter_rng.h"
#include "common/base/millionths.h"
#include "common/base/status.h"
#include "common/nas/cost_table.h"
#include "common/nas/sampling.h"

namespace archpool {
namespace {

constexpr int64_t kDrawnMax = 256;

void Note(const TaskSpec& spec, const DatasetFacts& dataset,
          const absl::StatusOr<Candidate>& candidate, SpaceFacts& facts) {
  ++facts.drawn;
  if (!candidate.ok()) {
    facts.why_impossible = std::string(candidate.status().message());
    return;
  }
  const int64_t cost =
      TrialWorkUnits(candidate->plan, dataset.train_count, spec.recipe.epochs,
                     dataset.validation_count);
  facts.work_units_min =
      facts.possible == 0 ? cost : std::min(facts.work_units_min, cost);
  facts.work_units_max = std::max(facts.work_units_max, cost);
  ++facts.possible;
}

}  // namespace

std::string SpaceFacts::Describe() const {
  std::string text =
      absl::StrCat("A training takes ", FormatMillionths(work_units_min),
                   " to ", FormatMillionths(work_units_max), " core-seconds.");
  if (possible < drawn) {
    absl::StrAppend(&text, " Of ", drawn, " architectures drawn, ", possible,
                    " can be built; of the others one: ", why_impossible);
  }
  return text;
}

absl::StatusOr<SpaceFacts> LookAtSpace(const TaskSpec& spec,
                                       const DatasetFacts& dataset) {
  const NetworkSetup setup = {.input_shape = dataset.shape,
                              .classes = dataset.classes,
                              .limits = spec.limits,
                              .batch_size = spec.recipe.batch_size};
  const int64_t size = spec.space.size();
  CounterRng rng(0, 0);
  SpaceFacts facts;
  for (int64_t i = 0; i < std::min(size, kDrawnMax); ++i) {
    const int64_t rank =
        size <= kDrawnMax
            ? i
            : static_cast<int64_t>(rng.Below64(static_cast<uint64_t>(size)));
    Note(spec, dataset,
         MakeCandidate(spec.space, spec.space.ArchitectureAt(rank), setup),
         facts);
  }
  if (facts.possible == 0) {
    return InvalidArgument(
        "NO_POSSIBLE_ARCHITECTURE",
        absl::StrCat("none of ", facts.drawn,
                     " architectures of the space can be built on these images "
                     "within the limits; one of them: ",
                     facts.why_impossible));
  }
  if (facts.work_units_min > spec.budget.work_units) {
    return InvalidArgument(
        "BUDGET_TOO_SMALL",
        absl::StrCat("budget.core_seconds is ",
                     FormatMillionths(spec.budget.work_units),
                     ", and the cheapest of ", facts.drawn,
                     " architectures drawn takes ",
                     FormatMillionths(facts.work_units_min)));
  }
  return facts;
}

}  // namespace archpool
