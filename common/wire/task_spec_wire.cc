// SPDX-License-Identifier: Apache-2.0
#include "common/wire/task_spec_wire.h"

#include "common/base/status.h"
#include "common/model/limits.h"
#include "common/wire/fields.h"
#include "common/wire/search_space_wire.h"
#include "common/wire/words.h"

namespace archpool::wire {
namespace {

constexpr int64_t kSearchPolicyLengthMax = 64;

}  // namespace

v1::Recipe ToProto(const Recipe& recipe) {
  v1::Recipe proto;
  proto.set_batch_size(recipe.batch_size);
  proto.set_epochs(recipe.epochs);
  proto.set_learning_rate_ppm(recipe.learning_rate_ppm);
  proto.set_momentum_ppm(recipe.momentum_ppm);
  proto.set_weight_decay_ppm(recipe.weight_decay_ppm);
  proto.set_label_smoothing_ppm(recipe.label_smoothing_ppm);
  proto.set_warmup_ppm(recipe.warmup_ppm);
  proto.set_shift_pixels_max(recipe.shift_pixels_max);
  proto.set_horizontal_flip(recipe.horizontal_flip);
  proto.set_segments(recipe.segments);
  proto.mutable_further_epochs()->Add(recipe.further_epochs.begin(),
                                      recipe.further_epochs.end());
  proto.set_promoted_one_in(recipe.promoted_one_in);
  return proto;
}

namespace {

Recipe ReadRecipe(const v1::Recipe& proto) {
  Recipe recipe;
  recipe.batch_size = proto.batch_size();
  recipe.epochs = proto.epochs();
  recipe.learning_rate_ppm = proto.learning_rate_ppm();
  recipe.momentum_ppm = proto.momentum_ppm();
  recipe.weight_decay_ppm = proto.weight_decay_ppm();
  recipe.label_smoothing_ppm = proto.label_smoothing_ppm();
  recipe.warmup_ppm = proto.warmup_ppm();
  recipe.shift_pixels_max = proto.shift_pixels_max();
  recipe.horizontal_flip = proto.horizontal_flip();
  recipe.segments = proto.segments();
  recipe.further_epochs.assign(proto.further_epochs().begin(),
                               proto.further_epochs().end());
  // Recipes from before rungs have none.
  if (proto.promoted_one_in() != 0) {
    recipe.promoted_one_in = proto.promoted_one_in();
  }
  return recipe;
}

}  // namespace

absl::StatusOr<Recipe> RecipeFromProto(const v1::Recipe& proto) {
  // Before they are copied.
  ARCHPOOL_RETURN_IF_ERROR(CheckCount("spec.recipe.further_epochs",
                                      proto.further_epochs_size(),
                                      limits::kFurtherRungs.max));
  Recipe recipe = ReadRecipe(proto);
  ARCHPOOL_RETURN_IF_ERROR(recipe.Validate());
  return recipe;
}

namespace {

// What has no limit, which is 0 here, stays unset there.
void SetLimits(const TaskSpec& spec, v1::TaskSpec& proto) {
  const auto set = [&proto](int64_t limit,
                            void (v1::TaskSpec::*setter)(int64_t)) {
    if (limit != 0) (proto.*setter)(limit);
  };
  set(spec.limits.parameters_max, &v1::TaskSpec::set_parameters_max);
  set(spec.limits.macs_max, &v1::TaskSpec::set_macs_max);
  set(spec.budget.trials_max, &v1::TaskSpec::set_trials_max);
  set(spec.budget.target_accuracy_ppm, &v1::TaskSpec::set_target_accuracy_ppm);
  set(spec.terms.bonus_accuracy_min_ppm,
      &v1::TaskSpec::set_bonus_accuracy_min_ppm);
  set(spec.terms.bonus_macs_max, &v1::TaskSpec::set_bonus_macs_max);
}

}  // namespace

v1::TaskSpec ToProto(const TaskSpec& spec) {
  v1::TaskSpec proto;
  proto.set_name(spec.name);
  proto.set_dataset_id(spec.dataset.AsBytes());
  *proto.mutable_space() = ToProto(spec.space);
  *proto.mutable_recipe() = ToProto(spec.recipe);
  proto.set_budget_work_units(spec.budget.work_units);
  *proto.mutable_time_limit() = ToProto(spec.budget.time_limit);
  proto.set_reward_micros(spec.terms.reward);
  proto.set_finders_bonus_ppm(spec.terms.finders_bonus_ppm);
  proto.set_subspaces(spec.subspaces);
  proto.set_trials_per_lease(spec.trials_per_lease);
  proto.set_search_policy(spec.search.policy);
  proto.set_halved_macs_ppm(spec.search.halved_macs_ppm);
  proto.set_halved_parameters_ppm(spec.search.halved_parameters_ppm);
  // Never is what was before there was a word for it.
  if (spec.results_visible_to_miners != ResultSight::kNever) {
    proto.set_results_visible_to_miners(
        ToProto<v1::ResultSight>(spec.results_visible_to_miners));
  }
  SetLimits(spec, proto);
  return proto;
}

namespace {

// The numbers of a spec, and its texts, as they are.
void ReadTerms(const v1::TaskSpec& proto, TaskSpec& spec) {
  spec.name = proto.name();
  spec.limits.parameters_max = proto.parameters_max();
  spec.limits.macs_max = proto.macs_max();
  spec.budget.work_units = proto.budget_work_units();
  spec.budget.trials_max = proto.trials_max();
  spec.budget.target_accuracy_ppm = proto.target_accuracy_ppm();
  spec.terms.reward = proto.reward_micros();
  spec.terms.finders_bonus_ppm = proto.finders_bonus_ppm();
  spec.terms.bonus_accuracy_min_ppm = proto.bonus_accuracy_min_ppm();
  spec.terms.bonus_macs_max = proto.bonus_macs_max();
  spec.subspaces = proto.subspaces();
  spec.trials_per_lease = proto.trials_per_lease();
  spec.search.policy = proto.search_policy();
  spec.search.halved_macs_ppm = proto.halved_macs_ppm();
  spec.search.halved_parameters_ppm = proto.halved_parameters_ppm();
  // What a later release means by another number, this one shows to nobody.
  spec.results_visible_to_miners =
      FromProto<ResultSight>(proto.results_visible_to_miners())
          .value_or(ResultSight::kNever);
}

absl::StatusOr<TaskSpec> ReadSpec(absl::string_view path,
                                  const v1::TaskSpec& proto, Ranges ranges) {
  if (!proto.has_space()) return RequiredError(Join(path, "space"));
  if (!proto.has_recipe()) return RequiredError(Join(path, "recipe"));
  if (!proto.has_time_limit()) return RequiredError(Join(path, "time_limit"));

  TaskSpec spec;
  ARCHPOOL_ASSIGN_OR_RETURN(
      spec.dataset, ReadDigest(Join(path, "dataset_id"), proto.dataset_id()));
  if (ranges == Ranges::kTrusted) {
    spec.recipe = ReadRecipe(proto.recipe());
  } else {
    ARCHPOOL_ASSIGN_OR_RETURN(spec.recipe, RecipeFromProto(proto.recipe()));
  }
  // Whatever the message holds: Validate has the limit of a task.
  ARCHPOOL_ASSIGN_OR_RETURN(
      spec.budget.time_limit,
      ReadDuration(Join(path, "time_limit"), proto.time_limit(),
                   {absl::ZeroDuration(), kDurationMax}));
  ARCHPOOL_ASSIGN_OR_RETURN(
      spec.space,
      SearchSpaceFromProto(Join(path, "space"), proto.space(), ranges));
  ReadTerms(proto, spec);
  return spec;
}

}  // namespace

absl::StatusOr<TaskSpec> TaskSpecFromProto(absl::string_view path,
                                           const v1::TaskSpec& proto) {
  // Before they are copied.
  ARCHPOOL_RETURN_IF_ERROR(CheckPrintable(Join(path, "name"), proto.name(),
                                          limits::kTaskNameLength.max));
  if (!proto.search_policy().empty()) {
    ARCHPOOL_RETURN_IF_ERROR(CheckPrintable(Join(path, "search_policy"),
                                            proto.search_policy(),
                                            kSearchPolicyLengthMax));
  }
  ARCHPOOL_ASSIGN_OR_RETURN(TaskSpec spec,
                            ReadSpec(path, proto, Ranges::kChecked));
  ARCHPOOL_RETURN_IF_ERROR(spec.Validate());
  return spec;
}

absl::StatusOr<TaskSpec> StoredTaskSpecFromProto(const v1::TaskSpec& proto) {
  ARCHPOOL_ASSIGN_OR_RETURN(TaskSpec spec,
                            ReadSpec("spec", proto, Ranges::kTrusted));
  // No limit of a day, but what is counted or divided by.
  constexpr Range<int64_t> kAny = {.min = 1, .max = INT64_MAX};
  ARCHPOOL_RETURN_IF_ERROR(
      CheckRanges("spec", {{"recipe.batch_size", spec.recipe.batch_size, kAny},
                           {"recipe.epochs", spec.recipe.epochs, kAny},
                           {"recipe.segments", spec.recipe.segments, kAny},
                           {"reward", spec.terms.reward, kAny},
                           {"subspaces", spec.subspaces, kAny},
                           {"trials_per_lease", spec.trials_per_lease, kAny}}));
  return spec;
}

v1::DatasetManifest ToProto(const DatasetManifest& manifest) {
  v1::DatasetManifest proto;
  proto.set_channels(manifest.shape.channels);
  proto.set_height(manifest.shape.height);
  proto.set_width(manifest.shape.width);
  proto.set_classes(manifest.classes);
  proto.set_train_count(manifest.train_count);
  proto.set_validation_count(manifest.validation_count);
  proto.set_held_out_count(manifest.held_out_count);
  proto.set_train_digest(manifest.train.AsBytes());
  proto.set_validation_digest(manifest.validation.AsBytes());
  proto.set_mean_ppm(manifest.mean_ppm);
  proto.set_deviation_ppm(manifest.deviation_ppm);
  return proto;
}

absl::StatusOr<DatasetManifest> ManifestFromProto(
    absl::string_view path, const v1::DatasetManifest& proto) {
  ARCHPOOL_RETURN_IF_ERROR(CheckRanges(
      path,
      {{"channels", proto.channels(), limits::kImageChannels},
       {"height", proto.height(), limits::kImageSide},
       {"width", proto.width(), limits::kImageSide},
       {"classes", proto.classes(), limits::kClasses},
       {"train_count", proto.train_count(), limits::kImages},
       {"validation_count", proto.validation_count(), limits::kImages},
       {"held_out_count", proto.held_out_count(), limits::kImages},
       {"mean_ppm", proto.mean_ppm(), limits::kPixelMeanPpm},
       {"deviation_ppm", proto.deviation_ppm(), limits::kPixelDeviationPpm}}));
  DatasetManifest manifest;
  ARCHPOOL_ASSIGN_OR_RETURN(
      manifest.train,
      ReadDigest(Join(path, "train_digest"), proto.train_digest()));
  ARCHPOOL_ASSIGN_OR_RETURN(
      manifest.validation,
      ReadDigest(Join(path, "validation_digest"), proto.validation_digest()));
  manifest.shape = {proto.channels(), proto.height(), proto.width()};
  manifest.classes = proto.classes();
  manifest.train_count = proto.train_count();
  manifest.validation_count = proto.validation_count();
  manifest.held_out_count = proto.held_out_count();
  manifest.mean_ppm = proto.mean_ppm();
  manifest.deviation_ppm = proto.deviation_ppm();
  return manifest;
}

}  // namespace archpool::wire
