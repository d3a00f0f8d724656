// SPDX-License-Identifier: Apache-2.0
#include "tests/support/random_spec.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/model/limits.h"

namespace archpool {
namespace {

// Two dimensions of 2 to 9 choices, so that boxes differ between tasks.
SearchSpace RandomSpace(CounterRng& rng) {
  std::vector<ChoiceValue> widths;
  for (uint32_t i = 0; i < 2 + rng.Below(8); ++i) {
    widths.emplace_back(int64_t{8} * (i + 1));
  }
  ChainTemplate chain;
  chain.stages = {StageTemplate{
      .blocks = {BlockTemplate{.operation = DimensionRef{"operation"},
                               .width = DimensionRef{"width"}}}}};
  auto space = SearchSpace::Create(
      {{"width", widths},
       {"operation", {std::string("conv"), std::string("separable")}}},
      chain);
  ARCHPOOL_CHECK(space.ok());
  return *space;
}

}  // namespace

TaskSpec RandomSpec(CounterRng& rng, const Digest& dataset) {
  const auto in = [&rng](int64_t low, int64_t high) {
    return low + static_cast<int64_t>(
                     rng.Below64(static_cast<uint64_t>(high - low + 1)));
  };
  const auto of = [&in](const Range<int64_t>& range) {
    return in(range.min, range.max);
  };
  TaskSpec spec;
  spec.name = absl::StrCat("task '", in(0, 1'000'000), "' {\"a\", \\b}");
  spec.dataset = dataset;
  spec.space = RandomSpace(rng);
  spec.limits = {.parameters_max = of(limits::kParametersMax),
                 .macs_max = of(limits::kMacsMax)};
  spec.recipe = {.batch_size = of(limits::kBatchSize),
                 .epochs = of(limits::kEpochs),
                 .learning_rate_ppm = of(limits::kLearningRatePpm),
                 .momentum_ppm = of(limits::kMomentumPpm),
                 .weight_decay_ppm = of(limits::kWeightDecayPpm),
                 .label_smoothing_ppm = of(limits::kLabelSmoothingPpm),
                 .warmup_ppm = of(limits::kWarmupPpm),
                 .shift_pixels_max = of(limits::kShiftPixels),
                 .horizontal_flip = in(0, 1) == 1,
                 .segments = of(limits::kSegments),
                 .promoted_one_in = in(2, 4)};
  for (int64_t rung = in(0, 2); rung > 0; --rung) {
    spec.recipe.further_epochs.push_back(of(limits::kEpochs));
  }
  spec.budget = {.work_units = in(1, 1'000'000'000'000),
                 .trials_max = in(0, 1000),
                 .time_limit = absl::Seconds(in(60, 86'400)),
                 .target_accuracy_ppm = of(limits::kTargetAccuracyPpm)};
  spec.terms = {.reward = of(limits::kReward),
                .finders_bonus_ppm = of(limits::kFindersBonusPpm),
                .bonus_accuracy_min_ppm = of(limits::kBonusAccuracyPpm),
                .bonus_macs_max = in(0, 1'000'000'000)};
  spec.search = {.policy = in(0, 1) == 1 ? "evolution:20:5" : "",
                 .halved_macs_ppm = of(limits::kHalvedPpm),
                 .halved_parameters_ppm = of(limits::kHalvedPpm)};
  spec.subspaces = of(limits::kSubspaces);
  spec.trials_per_lease = of(limits::kTrialsPerLease);
  spec.results_visible_to_miners =
      in(0, 1) == 1 ? ResultSight::kAfterEnd : ResultSight::kNever;
  return spec;
}

}  // namespace archpool
