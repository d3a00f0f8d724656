#include "common/model/task_spec.h"

#include <algorithm>
#include <initializer_list>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/nas/search/search_policy.h"

namespace archpool {
namespace {

constexpr size_t kNameLengthMax = 100;

struct IntRule {
  absl::string_view reason;
  absl::string_view field;
  int64_t value;
  int64_t min;
  int64_t max;
};

absl::Status Check(const IntRule& rule) {
  if (rule.value >= rule.min && rule.value <= rule.max) {
    return absl::OkStatus();
  }
  return InvalidArgument(
      rule.reason,
      absl::StrCat("Field ", rule.field, " is ", rule.value,
                   "; it must be in [", rule.min, ", ", rule.max, "]."));
}

absl::Status CheckAll(std::initializer_list<IntRule> rules) {
  for (const IntRule& rule : rules) ARCHPOOL_RETURN_IF_ERROR(Check(rule));
  return absl::OkStatus();
}

absl::Status CheckName(absl::string_view name) {
  const bool printable = std::all_of(
      name.begin(), name.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (!name.empty() && name.size() <= kNameLengthMax && printable) {
    return absl::OkStatus();
  }
  return InvalidArgument(
      "TASK_NAME",
      absl::StrCat("Field name has ", name.size(), " bytes",
                   printable ? "" : ", some of them not printable ASCII",
                   "; it must have 1 to ", kNameLengthMax,
                   " printable ASCII characters."));
}

absl::Status CheckBudget(const Budget& budget) {
  constexpr absl::string_view kReason = "BUDGET_RANGE";
  ARCHPOOL_RETURN_IF_ERROR(CheckAll({
      {kReason, "budget.work_units", budget.work_units, 1, kWorkUnitsMax},
      {kReason, "budget.trials_max", budget.trials_max, 0, kTrialsMax},
      {kReason, "budget.target_accuracy_ppm", budget.target_accuracy_ppm, 0,
       1'000'000},
  }));
  if (budget.time_limit >= kTimeLimitMin &&
      budget.time_limit <= kTimeLimitMax) {
    return absl::OkStatus();
  }
  return InvalidArgument(
      kReason,
      absl::StrCat("Field budget.time_limit is ",
                   absl::FormatDuration(budget.time_limit), "; it must be in [",
                   absl::FormatDuration(kTimeLimitMin), ", ",
                   absl::FormatDuration(kTimeLimitMax), "]."));
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
      absl::StrCat("Field search.policy is exhaustive, and the space has ",
                   space.size(), " architectures; at most ", kExhaustiveSizeMax,
                   " are gone through one by one. Say model or random, or give "
                   "a smaller space."));
}

}  // namespace

absl::Status Recipe::Validate() const {
  constexpr absl::string_view kReason = "RECIPE_RANGE";
  ARCHPOOL_RETURN_IF_ERROR(
      CheckAll({{kReason, "recipe.further_epochs' count", last_rung(), 0,
                 static_cast<int64_t>(kFurtherRungsMax)},
                {kReason, "recipe.promoted_one_in", promoted_one_in, 2, 64}}));
  for (const int64_t further : further_epochs) {
    ARCHPOOL_RETURN_IF_ERROR(
        CheckAll({{kReason, "recipe.further_epochs", further, 1, 1000}}));
  }
  return CheckAll({
      {kReason, "recipe.batch_size", batch_size, 1, 4096},
      {kReason, "recipe.epochs", epochs, 1, 1000},
      {kReason, "recipe.learning_rate_ppm", learning_rate_ppm, 1, 10'000'000},
      {kReason, "recipe.momentum_ppm", momentum_ppm, 0, 999'999},
      {kReason, "recipe.weight_decay_ppm", weight_decay_ppm, 0, 1'000'000},
      {kReason, "recipe.label_smoothing_ppm", label_smoothing_ppm, 0, 900'000},
      {kReason, "recipe.warmup_ppm", warmup_ppm, 0, 1'000'000},
      {kReason, "recipe.shift_pixels_max", shift_pixels_max, 0, 8},
      {kReason, "recipe.segments", segments, 1, kSegmentsMax},
  });
}

absl::Status TaskSpec::Validate() const {
  ARCHPOOL_RETURN_IF_ERROR(CheckName(name));
  if (dataset.IsZero()) {
    return InvalidArgument("DATASET_MISSING",
                           "Field dataset is empty; give the digest of the "
                           "dataset's manifest.");
  }
  if (space.size() == 0) {
    return InvalidArgument("SPACE_EMPTY",
                           "Field space has no architecture; give at least "
                           "one dimension.");
  }
  ARCHPOOL_RETURN_IF_ERROR(CheckAll({
      {"LIMITS_RANGE", "limits.parameters_max", limits.parameters_max, 0,
       kPlanParametersMax},
      {"LIMITS_RANGE", "limits.macs_max", limits.macs_max, 0, kPlanMacsMax},
  }));
  ARCHPOOL_RETURN_IF_ERROR(recipe.Validate());
  ARCHPOOL_RETURN_IF_ERROR(CheckBudget(budget));
  if (!search.policy.empty()) {
    ARCHPOOL_RETURN_IF_ERROR(ParseSearchPolicy(search.policy).status());
  }
  return CheckAll({
      {"SEARCH_RANGE", "search.halved_macs_ppm", search.halved_macs_ppm, 0,
       1'000'000},
      {"SEARCH_RANGE", "search.halved_parameters_ppm",
       search.halved_parameters_ppm, 0, 1'000'000},
      {"REWARD_RANGE", "terms.reward", terms.reward, 1, kAmountMax},
      {"REWARD_RANGE", "terms.finders_bonus_ppm", terms.finders_bonus_ppm, 0,
       500'000},
      {"REWARD_RANGE", "terms.bonus_accuracy_min_ppm",
       terms.bonus_accuracy_min_ppm, 0, 1'000'000},
      {"REWARD_RANGE", "terms.bonus_macs_max", terms.bonus_macs_max, 0,
       kPlanMacsMax},
      {"SPLIT_RANGE", "subspaces", subspaces, 1, 16'384},
      {"SPLIT_RANGE", "trials_per_lease", trials_per_lease, 1, 64},
  });
}

absl::Status TaskSpec::ValidateNew() const {
  ARCHPOOL_RETURN_IF_ERROR(Validate());
  ARCHPOOL_RETURN_IF_ERROR(CheckPolicy(search.policy, space));
  return Check({"RECIPE_RANGE", "recipe.batch_size", recipe.batch_size,
                kBatchSizeMin, 4096});
}

}  // namespace archpool
