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
  // Counts of what is trained and validated on, and of what is held out by
  // files of its own (empty: none); by label.
  std::vector<int64_t> train_by_class;
  std::vector<int64_t> held_out_by_class;
  std::vector<std::string> class_names;  // by label; empty: they have none
  int64_t mean_ppm = 0;       // of all pixels to train and validate on
  std::string contact_sheet;  // PNG; "" where none was asked for

  // "1500 images of 3x32x32, 6 classes: 1300 to train on, 100 to validate, 100
  // held out".
  std::string Describe() const;
  // "Images by class: 0 cat 600 + 100 held out, 1 dog 590 + 98 held out. The
  // mean of all pixels is 48 % of white."
  std::string DescribeClasses() const;
  // From which accuracy on a result is more than a guess.
  std::string DescribeBar() const;
};

struct LookOptions {
  bool draws_sheet = false;
};

// Reads all files of `task` as the pool will. INVALID_ARGUMENT, naming the file
// or the key: the format's reasons (IDX_MALFORMED, ...), DATASET_TOO_LARGE,
// CHANNELS_LAST, FILE_REPEATED, SPLIT_RANGE, SPLIT_MISMATCH, BATCH_RANGE (more
// images than there are to train on). Also ReadFile's errors.
// REQUIRES: the dataset has a format (client/brought_dataset.h).
absl::StatusOr<DatasetFacts> LookAtDataset(const TaskFile& task,
                                           const LookOptions& options = {});

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_DATASET_FILES_H_
