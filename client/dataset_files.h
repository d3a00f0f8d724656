// SPDX-License-Identifier: Apache-2.0
// The files that a task's dataset is made of, looked at before anything is
// sent: a pool that refuses them has cost the whole upload first.
#ifndef ARCHPOOL_CLIENT_DATASET_FILES_H_
#define ARCHPOOL_CLIENT_DATASET_FILES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/task_file.h"
#include "common/data/dataset.h"

namespace archpool {

struct DatasetFacts {
  TensorShape shape;
  int64_t classes = 0;
  int64_t train_count = 0;
  int64_t validation_count = 0;
  int64_t held_out_count = 0;
  std::vector<std::string> warnings;  // one sentence each

  // "1500 images of 3x32x32, 6 classes: 1300 to train on, 100 to validate, 100
  // held out".
  std::string Describe() const;
  // From which accuracy on a result is more than a guess.
  std::string DescribeBar() const;
};

// Reads all files of `task` as the pool will. INVALID_ARGUMENT, naming the file
// or the key: the format's reasons (IDX_MALFORMED, ...), DATASET_TOO_LARGE,
// CHANNELS_LAST, FILE_REPEATED, SPLIT_RANGE, SPLIT_MISMATCH, BATCH_RANGE (more
// images than there are to train on). Also ReadFile's errors.
absl::StatusOr<DatasetFacts> LookAtDataset(const TaskFile& task);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_DATASET_FILES_H_
