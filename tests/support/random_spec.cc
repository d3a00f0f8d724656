#include "tests/support/random_spec.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"

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
  TaskSpec spec;
  spec.name = absl::StrCat("task '", in(0, 1'000'000), "' {\"a\", \\b}");
  spec.dataset = dataset;
  spec.space = RandomSpace(rng);
  spec.limits = {.parameters_max = in(0, kPlanParametersMax),
                 .macs_max = in(0, kPlanMacsMax)};
  spec.recipe = {.batch_size = in(1, 4096),
                 .epochs = in(1, 1000),
                 .learning_rate_ppm = in(1, 10'000'000),
                 .momentum_ppm = in(0, 999'999),
                 .weight_decay_ppm = in(0, 1'000'000),
                 .label_smoothing_ppm = in(0, 900'000),
                 .warmup_ppm = in(0, 1'000'000),
                 .shift_pixels_max = in(0, 8),
                 .horizontal_flip = in(0, 1) == 1,
                 .segments = in(1, 1024),
                 .promoted_one_in = in(2, 4)};
  for (int64_t rung = in(0, 2); rung > 0; --rung) {
    spec.recipe.further_epochs.push_back(in(1, 1000));
  }
  spec.budget = {.work_units = in(1, 1'000'000'000'000),
                 .trials_max = in(0, 1000),
                 .time_limit = absl::Seconds(in(60, 86'400)),
                 .target_accuracy_ppm = in(0, 1'000'000)};
  spec.terms = {.reward = in(1, kAmountMax),
                .finders_bonus_ppm = in(0, 500'000),
                .bonus_accuracy_min_ppm = in(0, 1'000'000),
                .bonus_macs_max = in(0, 1'000'000'000)};
  spec.search = {.policy = in(0, 1) == 1 ? "evolution:20:5" : "",
                 .halved_macs_ppm = in(0, 1'000'000),
                 .halved_parameters_ppm = in(0, 1'000'000)};
  spec.subspaces = in(1, 16'384);
  spec.trials_per_lease = in(1, 64);
  return spec;
}

}  // namespace archpool
