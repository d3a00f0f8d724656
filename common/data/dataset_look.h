// SPDX-License-Identifier: Apache-2.0
// What somebody should know of a dataset before networks are trained on it.
// Pure functions; thread-safe.
#ifndef ARCHPOOL_COMMON_DATA_DATASET_LOOK_H_
#define ARCHPOOL_COMMON_DATA_DATASET_LOOK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "common/data/dataset.h"

namespace archpool {

// Whether a shape looks like rows x columns x channels, read as channels x rows
// x columns: "32 channels of 32x3 pixels".
bool LooksChannelsLast(const TensorShape& shape);

// "1500 images of 3x32x32, 6 classes".
std::string DescribeDataset(const TensorShape& shape, int64_t classes,
                            int64_t count);

// One sentence for each thing that is allowed and probably not meant: all
// images of one class or all equal, classes without an image, classes too
// rare for the splits, splits in which few images decide. `held_out_count` are
// drawn from `dataset` too; 0 where the held-out images are others.
std::vector<std::string> DatasetWarnings(const Dataset& dataset,
                                         int64_t validation_count,
                                         int64_t held_out_count);

// How many images of `some` are in `others` too, whatever their labels.
int64_t CountShared(const Dataset& others, const Dataset& some);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_DATA_DATASET_LOOK_H_
