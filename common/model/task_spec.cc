// SPDX-License-Identifier: Apache-2.0
#include "common/model/task_spec.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "common/base/range.h"
#include "common/base/status.h"
#include "common/model/limits.h"
#include "common/nas/search/search_policy.h"

namespace archpool {
namespace {

absl::Status CheckName(absl::string_view name) {
  const bool printable = std::all_of(
      name.begin(), name.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (limits::kTaskNameLength.Contains(std::ssize(name)) && printable) {
    return absl::OkStatus();
  }
  return InvalidArgument(
      "TASK_NAME",
      absl::StrCat("field name has ", name.size(), " bytes",
                   printable ? "" : ", some of them not printable ASCII",
                   "; it must have 1 to ", limits::kTaskNameLength.max,
                   " printable ASCII characters"));
}

absl::Status CheckBudget(const Budget& budget) {
  constexpr absl::string_view kReason = "BUDGET_RANGE";
  ARCHPOOL_RETURN_IF_ERROR(
      CheckRanges(kReason, "budget",
                  {{"work_units", budget.work_units, limits::kWorkUnits},
                   {"trials_max", budget.trials_max, limits::kTrials},
                   {"target_accuracy_ppm", budget.target_accuracy_ppm,
                    limits::kTargetAccuracyPpm}}));
  return CheckRange(kReason, "budget.time_limit", budget.time_limit,
                    limits::kTimeLimit);
}

absl::Status CheckPolicy(const std::string& text, const SearchSpace& space) {
  if (text.empty()) return absl::OkStatus();
  ARCHPOOL_ASSIGN_OR_RETURN(const SearchPolicySpec policy,
                            ParseSearchPolicy(text));
  if (policy.kind != SearchPolicyKind::kExhaustive ||
      space.size() <= kExhaustiveSizeMax) {
    return absl::OkStatus();
  }
  return InvalidArgument(
      "SEARCH_POLICY",
      absl::StrCat("field search.policy is exhaustive, and the space has ",
                   space.size(), " architectures; at most ", kExhaustiveSizeMax,
                   " are gone through one by one. Say model or random, or give "
                   "a smaller space"));
}

}  // namespace

absl::Status Recipe::Validate() const {
  constexpr absl::string_view kReason = "RECIPE_RANGE";
  constexpr absl::string_view kParent = "recipe";
  ARCHPOOL_RETURN_IF_ERROR(CheckRanges(
      kReason, kParent,
      {{"further_epochs' count", last_rung(), limits::kFurtherRungs},
       {"promoted_one_in", promoted_one_in, limits::kPromotedOneIn}}));
  for (const int64_t further : further_epochs) {
    ARCHPOOL_RETURN_IF_ERROR(CheckRanges(
        kReason, kParent, {{"further_epochs", further, limits::kEpochs}}));
  }
  return CheckRanges(
      kReason, kParent,
      {{"batch_size", batch_size, limits::kBatchSize},
       {"epochs", epochs, limits::kEpochs},
       {"learning_rate_ppm", learning_rate_ppm, limits::kLearningRatePpm},
       {"momentum_ppm", momentum_ppm, limits::kMomentumPpm},
       {"weight_decay_ppm", weight_decay_ppm, limits::kWeightDecayPpm},
       {"label_smoothing_ppm", label_smoothing_ppm, limits::kLabelSmoothingPpm},
       {"warmup_ppm", warmup_ppm, limits::kWarmupPpm},
       {"shift_pixels_max", shift_pixels_max, limits::kShiftPixels},
       {"segments", segments, limits::kSegments}});
}

absl::Status TaskSpec::Validate() const {
  ARCHPOOL_RETURN_IF_ERROR(CheckName(name));
  if (dataset.IsZero()) {
    return InvalidArgument("DATASET_MISSING",
                           "field dataset is empty; give the digest of the "
                           "dataset's manifest");
  }
  if (space.size() == 0) {
    return InvalidArgument("SPACE_EMPTY",
                           "field space has no architecture; give at least "
                           "one dimension");
  }
  ARCHPOOL_RETURN_IF_ERROR(CheckRanges(
      "LIMITS_RANGE", "limits",
      {{"parameters_max", limits.parameters_max, limits::kParametersMax},
       {"macs_max", limits.macs_max, limits::kMacsMax}}));
  ARCHPOOL_RETURN_IF_ERROR(recipe.Validate());
  ARCHPOOL_RETURN_IF_ERROR(CheckBudget(budget));
  if (!search.policy.empty()) {
    ARCHPOOL_RETURN_IF_ERROR(ParseSearchPolicy(search.policy).status());
  }
  ARCHPOOL_RETURN_IF_ERROR(CheckRanges(
      "SEARCH_RANGE", "search",
      {{"halved_macs_ppm", search.halved_macs_ppm, limits::kHalvedPpm},
       {"halved_parameters_ppm", search.halved_parameters_ppm,
        limits::kHalvedPpm}}));
  ARCHPOOL_RETURN_IF_ERROR(CheckRanges(
      "REWARD_RANGE", "terms",
      {{"reward", terms.reward, limits::kReward},
       {"finders_bonus_ppm", terms.finders_bonus_ppm, limits::kFindersBonusPpm},
       {"bonus_accuracy_min_ppm", terms.bonus_accuracy_min_ppm,
        limits::kBonusAccuracyPpm},
       {"bonus_macs_max", terms.bonus_macs_max, limits::kBonusMacs}}));
  return CheckRanges(
      "SPLIT_RANGE", "",
      {{"subspaces", subspaces, limits::kSubspaces},
       {"trials_per_lease", trials_per_lease, limits::kTrialsPerLease}});
}

absl::Status TaskSpec::ValidateNew() const {
  ARCHPOOL_RETURN_IF_ERROR(Validate());
  ARCHPOOL_RETURN_IF_ERROR(CheckPolicy(search.policy, space));
  return CheckRange("RECIPE_RANGE", "recipe.batch_size", recipe.batch_size,
                    limits::kNewBatchSize);
}

}  // namespace archpool
