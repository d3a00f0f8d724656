// SPDX-License-Identifier: Apache-2.0
// A task that `archpool task init` writes: from what a person wants and what
// the data is to the text of the file. Pure but for reading nothing: paths are
// only repeated. Thread-safe.
#ifndef ARCHPOOL_CLIENT_TASK_DRAFT_H_
#define ARCHPOOL_CLIENT_TASK_DRAFT_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/family.h"
#include "client/found_data.h"
#include "client/space_facts.h"
#include "common/data/dataset.h"

namespace archpool {

// What matters beside accuracy.
enum class Goal { kAccuracy, kSmall, kFast };

struct TaskWishes {
  std::string name;  // printable ASCII, 1 to 100
  Family family = Family::kMobile;
  Goal goal = Goal::kAccuracy;
  PlanLimits limits;  // 0: none but the family's
  // One of the two: a number of trainings, or a time.
  int64_t trials = 0;
  absl::Duration time_limit;
  int64_t cores = 1;  // that compute in that time
};

// All images that are not held out by files of their own.
struct ImageFacts {
  TensorShape shape;
  int64_t classes = 0;
  int64_t count = 0;
  int64_t held_out_count = 0;  // in files of their own; 0: there are none
};

struct TaskDraft {
  TaskWishes wishes;
  FoundData data;
  ImageFacts images;
  int64_t validation_count = 0;
  int64_t held_out_count = 0;  // to be drawn; 0: there are files
  int64_t batch_size = 0;
  int64_t epochs = 0;
  int64_t shift_pixels_max = 0;
  PlanLimits limits;   // 0: none
  int64_t shrink = 1;  // of the family's widths
  SpaceFacts space;    // of what was drawn
  int64_t core_seconds = 0;
  absl::Duration time_limit;

  int64_t train_count() const {
    return images.count - validation_count - held_out_count;
  }
};

// INVALID_ARGUMENT: DATASET_TOO_SMALL (no split is large enough to tell a
// network from a guess, or to train on), NO_POSSIBLE_ARCHITECTURE (no network
// of the family fits the limits), TASK_FILE_INVALID (a wish is out of its
// range).
absl::StatusOr<TaskDraft> MakeDraft(const TaskWishes& wishes, FoundData data,
                                    const ImageFacts& images);

// The file, with comments. ParseTaskFile reads it.
std::string TextOf(const TaskDraft& draft);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_TASK_DRAFT_H_
