// SPDX-License-Identifier: Apache-2.0
#include "client/space_facts.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "absl/numeric/int128.h"
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

// What is noted of all networks that were drawn.
struct Drawn {
  std::set<Digest> ids;
  absl::int128 work_units = 0;
};

void Widen(int64_t value, bool is_first, int64_t& least, int64_t& most) {
  least = is_first ? value : std::min(least, value);
  most = is_first ? value : std::max(most, value);
}

void Note(const TaskSpec& spec, const DatasetFacts& dataset,
          const absl::StatusOr<Candidate>& candidate, Drawn& drawn,
          SpaceFacts& facts) {
  ++facts.drawn;
  if (!candidate.ok()) {
    facts.why_impossible = std::string(candidate.status().message());
    return;
  }
  const int64_t cost =
      TrialWorkUnits(candidate->plan, dataset.train_count, spec.recipe.epochs,
                     dataset.validation_count);
  const bool is_first = facts.possible == 0;
  Widen(cost, is_first, facts.work_units_min, facts.work_units_max);
  Widen(candidate->plan.parameters, is_first, facts.parameters_min,
        facts.parameters_max);
  Widen(candidate->plan.macs, is_first, facts.macs_min, facts.macs_max);
  ++facts.possible;
  drawn.work_units += cost;
  drawn.ids.insert(candidate->id);
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
  Drawn drawn;
  facts.is_whole = size <= kDrawnMax;
  for (int64_t i = 0; i < std::min(size, kDrawnMax); ++i) {
    const int64_t rank =
        size <= kDrawnMax
            ? i
            : static_cast<int64_t>(rng.Below64(static_cast<uint64_t>(size)));
    Note(spec, dataset,
         MakeCandidate(spec.space, spec.space.ArchitectureAt(rank), setup),
         drawn, facts);
  }
  facts.networks = std::ssize(drawn.ids);
  if (facts.possible > 0) {
    facts.work_units_mean =
        static_cast<int64_t>(drawn.work_units / facts.possible);
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
