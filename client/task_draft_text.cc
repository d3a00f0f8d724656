// SPDX-License-Identifier: Apache-2.0
// The text of a task's file, section by section.
#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/task_draft.h"
#include "client/text.h"
#include "common/base/millionths.h"

namespace archpool {
namespace {

std::string AboutFile(const TaskDraft& draft) {
  return absl::StrCat(
      "# A task for archpool, written by archpool task init. Look at it with\n"
      "#\n"
      "#   archpool task check FILE      what it comes to, without a pool\n"
      "#   archpool search FILE          search on this machine\n"
      "#   archpool task submit FILE     search with a pool\n"
      "#\n"
      "# archpool task schema prints what every key means; editors complete "
      "files by it.\n\n"
      "name: ",
      YamlQuoted(draft.wishes.name), "\n\n");
}

std::string DatasetSection(const TaskDraft& draft) {
  const ImageFacts& images = draft.images;
  std::string text = absl::StrCat(
      "# ", FormatCount(images.count), " images of ", images.shape.channels,
      "x", images.shape.height, "x", images.shape.width,
      " (channels, height, width), ", images.classes,
      images.held_out_count > 0 ? " classes, beside those that are held out"
                                : " classes",
      ".\n# Paths are relative to this file.\ndataset:\n");
  bool has_classes = false;
  for (const auto& [key, value] : draft.data.lines) {
    absl::StrAppend(&text, "  ", key, ": ", value, "\n");
    has_classes = has_classes || key == "classes";
  }
  if (!has_classes) {
    absl::StrAppend(&text, "  classes: ", images.classes, "\n");
  }
  absl::StrAppend(&text,
                  "  # This many of the images compare networks while they are "
                  "searched for.\n  validation_count: ",
                  draft.validation_count, "\n");
  if (draft.held_out_count > 0) {
    absl::StrAppend(
        &text,
        "  # And this many measure the best ones in the end; no miner "
        "sees them.\n  held_out_count: ",
        draft.held_out_count, "\n");
  }
  return text + "\n";
}

std::string SpaceSection(const TaskDraft& draft) {
  std::string text;
  const SpaceFacts& facts = draft.space;
  if (facts.possible > 0) {
    absl::StrAppend(
        &text, "# Of ", facts.drawn, " networks drawn from it, ",
        facts.possible,
        facts.possible < facts.drawn ? " fit the limits. Those have "
                                     : " can be built. They have ",
        FormatShort(facts.parameters_min), " to ",
        FormatShort(facts.parameters_max), " parameters\n# and ",
        FormatShort(facts.macs_min), " to ", FormatShort(facts.macs_max),
        " multiply-accumulates for an image; a training takes\n# ",
        FormatMillionths(facts.work_units_min), " to ",
        FormatMillionths(facts.work_units_max),
        " s on one core of the reference machine.\n");
  }
  return absl::StrCat(
      text, SpaceText(draft.wishes.family, draft.images.shape, draft.shrink),
      "\n");
}

std::string LimitsSection(const TaskDraft& draft) {
  const PlanLimits& limits = draft.limits;
  if (limits.parameters_max == 0 && limits.macs_max == 0) {
    return "# No network is too large. To refuse some: limits: {parameters: "
           "100000, macs: 10000000}\n\n";
  }
  std::string text = "# Networks beyond these are never trained.\nlimits:\n";
  if (limits.parameters_max > 0) {
    absl::StrAppend(&text, "  parameters: ", limits.parameters_max, "\n");
  }
  if (limits.macs_max > 0) {
    absl::StrAppend(&text, "  macs: ", limits.macs_max,
                    "  # multiply-accumulates for one image\n");
  }
  return text + "\n";
}

std::string RecipeSection(const TaskDraft& draft) {
  return absl::StrCat(
      "# How every network is trained: ", FormatCount(draft.train_count()),
      " images, the same rules for all.\nrecipe:\n"
      "  batch_size: ",
      draft.batch_size, "\n  epochs: ", draft.epochs,
      "  # passes over the images\n"
      "  learning_rate: 0.1  # its peak\n"
      "  shift_pixels_max: ",
      draft.shift_pixels_max,
      "  # moves images at random by up to this\n"
      "  # true where an image and its mirror image mean the same: "
      "photographs, "
      "not letters.\n"
      "  horizontal_flip: false\n\n");
}

std::string Minutes(absl::Duration time) {
  const int64_t seconds = absl::ToInt64Seconds(time);
  constexpr int64_t kMinute = 60;
  constexpr int64_t kHour = 60 * kMinute;
  if (seconds % kHour == 0) return absl::StrCat(seconds / kHour, "h");
  if (seconds % kMinute == 0) return absl::StrCat(seconds / kMinute, "m");
  return absl::StrCat(seconds, "s");
}

std::string BudgetSection(const TaskDraft& draft) {
  const TaskWishes& wishes = draft.wishes;
  std::string text =
      "# When the search ends: whichever comes first. What is not used comes "
      "back.\nbudget:\n";
  if (wishes.trials > 0) {
    absl::StrAppend(&text, "  trials: ", wishes.trials,
                    "  # trainings\n  # On one core of the reference machine: "
                    "enough for them, and some more.\n");
  } else {
    absl::StrAppend(&text, "  # What ", wishes.cores,
                    wishes.cores == 1 ? " core does" : " cores do",
                    " in the time below, on the reference machine; at least "
                    "one training.\n");
  }
  return absl::StrCat(text, "  core_seconds: ", draft.core_seconds,
                      "\n  time_limit: ", Minutes(draft.time_limit), "\n\n");
}

std::string GoalSections(const TaskDraft& draft) {
  std::string text =
      "# In coins, set aside when the task is submitted; on one machine they "
      "cost nothing.\nreward:\n  amount: 100\n"
      "  # What earns the finder's bonus may be narrowed: at least this "
      "accuracy, at most\n  # this many multiply-accumulates.\n"
      "  # bonus_accuracy: 0.9\n";
  const int64_t macs = draft.space.macs_max;
  if (draft.wishes.goal == Goal::kAccuracy) {
    return absl::StrCat(text, "  # bonus_macs: ", std::max<int64_t>(macs, 1),
                        "\n");
  }
  // The reference point that size is measured against. A limit is one already.
  absl::StrAppend(&text,
                  "  # Small networks count from here on: the largest network "
                  "seen, or the limit.\n  bonus_macs: ",
                  draft.limits.macs_max > 0 ? draft.limits.macs_max
                                            : std::max<int64_t>(macs, 1),
                  "\n\nsearch:\n");
  const bool is_fast = draft.wishes.goal == Goal::kFast;
  return absl::StrCat(text, "  # The accuracy that half the ",
                      is_fast ? "multiply-accumulates are" : "parameters are",
                      " worth: half a point.\n  ",
                      is_fast ? "halved_macs" : "halved_parameters",
                      ": 0.005\n");
}

}  // namespace

std::string TextOf(const TaskDraft& draft) {
  return absl::StrCat(AboutFile(draft), DatasetSection(draft),
                      SpaceSection(draft), LimitsSection(draft),
                      RecipeSection(draft), BudgetSection(draft),
                      GoalSections(draft));
}

}  // namespace archpool
