// SPDX-License-Identifier: Apache-2.0
// The images that a network of a result was trained on, made again from the
// client's files.
#ifndef ARCHPOOL_CLIENT_REPRODUCTION_DATA_H_
#define ARCHPOOL_CLIENT_REPRODUCTION_DATA_H_

#include <string>

#include "absl/status/statusor.h"
#include "client/context.h"
#include "client/reproduction.h"
#include "common/data/split.h"

namespace archpool {

// Reads the dataset that the task's file at `task_file` names, and cuts it as
// the pool did; "": the file that `reproduction` remembers. What comes back has
// the digests of `reproduction`, to the bit.
//
// INVALID_ARGUMENT: TASK_FILE_UNKNOWN (neither is named);
// SPLIT_KEY_MISSING; DATASET_DIFFERS (other images, labels, counts or order:
// the message says which). LoadTaskFile's, BringDataset's, LoadDatasetFiles'
// and SplitDataset's errors. CANCELLED (STOPPED).
absl::StatusOr<DatasetSplit> LoadReproductionData(
    Context& context, const Reproduction& reproduction,
    const std::string& task_file);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_REPRODUCTION_DATA_H_
