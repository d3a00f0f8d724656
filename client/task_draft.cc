// SPDX-License-Identifier: Apache-2.0
#include "client/task_draft.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/dataset_files.h"
#include "client/task_file.h"
#include "common/base/status.h"
#include "common/model/chance.h"
#include "common/model/limits.h"

namespace archpool {
namespace {

constexpr int64_t kSplitMax = 5'000;   // more tells little more
constexpr int64_t kSplitWanted = 500;  // and less tells little
constexpr int64_t kBatchMax = 64;
constexpr int64_t kBatchesOfAnEpoch = 8;  // at least, where there are enough
constexpr int64_t kImagesSeen = 50'000;   // by a training, in all its epochs
constexpr int64_t kEpochsMax = 40;
constexpr int64_t kShiftedSideMin = 16;
constexpr int64_t kShiftedEpochsMin = 5;
constexpr int64_t kWorkUnitsPerSecond = 1'000'000;
// Per cent of a middling training's cost: searches come to prefer larger ones.
constexpr int64_t kCostPercent = 150;
constexpr int64_t kSlownessMax = 4;  // of a machine, beside the reference one
// Among the networks drawn, one in this many has to fit the limits.
constexpr int64_t kFittingOneIn = 4;

// Enough of them that a perfect network is told from a guess.
int64_t SplitMin(int64_t classes) {
  int64_t count = 1;
  while (CorrectAboveChance(count, classes) > count) ++count;
  return count;
}

int64_t SplitOf(int64_t count, int64_t classes) {
  const int64_t part = std::max(count / 10, std::min(count / 5, kSplitWanted));
  return std::clamp(part, SplitMin(classes),
                    std::max(kSplitMax, SplitMin(classes)));
}

// Rounded up to two digits.
int64_t RoundUp(int64_t value) {
  int64_t unit = 1;
  while (value / unit >= 100) unit *= 10;
  return (value + unit - 1) / unit * unit;
}

absl::Status Split(TaskDraft& draft) {
  const ImageFacts& images = draft.images;
  draft.validation_count = SplitOf(images.count, images.classes);
  draft.held_out_count = images.held_out_count > 0 ? 0 : draft.validation_count;
  const int64_t needed =
      draft.validation_count + draft.held_out_count + limits::kNewBatchSize.min;
  if (images.count >= needed) return absl::OkStatus();
  return InvalidArgument(
      "DATASET_TOO_SMALL",
      absl::StrCat("there are ", images.count, " images of ", images.classes,
                   " classes to train and to validate on, and it takes ",
                   needed,
                   ": fewer to measure by would not tell a network from a "
                   "guess, and fewer to train on are no batch"));
}

void ChooseRecipe(TaskDraft& draft) {
  const int64_t train = draft.train_count();
  draft.batch_size = kBatchMax;
  while (draft.batch_size > limits::kNewBatchSize.min &&
         draft.batch_size * kBatchesOfAnEpoch > train) {
    draft.batch_size /= 2;
  }
  draft.epochs =
      std::clamp((kImagesSeen + train - 1) / train, int64_t{1}, kEpochsMax);
  const int64_t side =
      std::min(draft.images.shape.height, draft.images.shape.width);
  if (side >= kShiftedSideMin && draft.epochs >= kShiftedEpochsMin) {
    draft.shift_pixels_max = 2;
  }
}

// The stricter of both; 0 is none.
int64_t Stricter(int64_t a, int64_t b) {
  if (a == 0 || b == 0) return std::max(a, b);
  return std::min(a, b);
}

absl::StatusOr<SpaceFacts> LookAt(const TaskDraft& draft) {
  const std::string text = TextOf(draft);
  const auto no_trouble = [](const std::string&) { return std::string(); };
  ARCHPOOL_ASSIGN_OR_RETURN(
      const TaskFile file,
      ParseTaskFile(text, "the new file", no_trouble, no_trouble));
  const DatasetFacts facts{.shape = draft.images.shape,
                           .classes = draft.images.classes,
                           .train_count = draft.train_count(),
                           .validation_count = draft.validation_count,
                           .held_out_count = draft.held_out_count,
                           .warnings = {},
                           .train_by_class = {},
                           .held_out_by_class = {},
                           .class_names = {},
                           .mean_ppm = 0,
                           .contact_sheet = ""};
  return LookAtSpace(file.spec, facts);
}

// The widest that fits the limits well enough, or at all.
absl::Status ChooseWidths(TaskDraft& draft) {
  absl::Status trouble;
  bool is_found = false;
  for (const int64_t shrink : {1, 2, 4}) {
    TaskDraft tried = draft;
    tried.shrink = shrink;
    absl::StatusOr<SpaceFacts> facts = LookAt(tried);
    if (!facts.ok()) {
      trouble = facts.status();
      continue;
    }
    is_found = true;
    draft.shrink = shrink;
    draft.space = *std::move(facts);
    if (draft.space.possible * kFittingOneIn >= draft.space.drawn) break;
  }
  return is_found ? absl::OkStatus() : trouble;
}

int64_t SecondsOf(int64_t work_units) {
  return (work_units + kWorkUnitsPerSecond - 1) / kWorkUnitsPerSecond;
}

void ChooseBudget(TaskDraft& draft) {
  const TaskWishes& wishes = draft.wishes;
  const int64_t least = RoundUp(SecondsOf(draft.space.work_units_max));
  constexpr int64_t kMost = limits::kWorkUnits.max / kWorkUnitsPerSecond;
  if (wishes.trials == 0) {
    const int64_t seconds = absl::ToInt64Seconds(wishes.time_limit);
    draft.core_seconds = std::clamp(seconds * wishes.cores, least, kMost);
    draft.time_limit = wishes.time_limit;
    return;
  }
  const double wanted = static_cast<double>(draft.space.work_units_mean) /
                        static_cast<double>(kWorkUnitsPerSecond) *
                        static_cast<double>(wishes.trials) * kCostPercent / 100;
  draft.core_seconds =
      wanted >= static_cast<double>(kMost)
          ? kMost
          : std::clamp(RoundUp(static_cast<int64_t>(wanted) + 1), least, kMost);
  const absl::Duration hours = absl::Ceil(
      absl::Seconds(draft.core_seconds) * kSlownessMax, absl::Hours(1));
  draft.time_limit = std::min(hours, limits::kTimeLimit.max);
}

}  // namespace

absl::StatusOr<TaskDraft> MakeDraft(const TaskWishes& wishes, FoundData data,
                                    const ImageFacts& images) {
  if (!limits::kClasses.Contains(images.classes)) {
    return InvalidArgument(
        "DATASET_TOO_SMALL",
        absl::StrCat("there are images of ", images.classes,
                     " classes; it takes 2 to ", limits::kClasses.max));
  }
  TaskDraft draft;
  draft.wishes = wishes;
  draft.data = std::move(data);
  draft.images = images;
  ARCHPOOL_RETURN_IF_ERROR(Split(draft));
  ChooseRecipe(draft);
  const PlanLimits family = LimitsOf(wishes.family);
  draft.limits = {
      .parameters_max =
          Stricter(wishes.limits.parameters_max, family.parameters_max),
      .macs_max = Stricter(wishes.limits.macs_max, family.macs_max)};
  // Until it is known what networks cost: as much as there can be.
  draft.core_seconds = limits::kWorkUnits.max / kWorkUnitsPerSecond;
  draft.time_limit = limits::kTimeLimit.max;
  ARCHPOOL_RETURN_IF_ERROR(ChooseWidths(draft));
  ChooseBudget(draft);
  return draft;
}

}  // namespace archpool
