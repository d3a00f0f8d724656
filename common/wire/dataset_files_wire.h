// SPDX-License-Identifier: Apache-2.0
// Which uploaded files a dataset is made of, on the wire: the formats' table
// (common/data/dataset_format.h) and the fields of v1::RegisterDatasetRequest
// have the same names, so that a format is no code here. Pure functions;
// thread-safe.
#ifndef ARCHPOOL_COMMON_WIRE_DATASET_FILES_WIRE_H_
#define ARCHPOOL_COMMON_WIRE_DATASET_FILES_WIRE_H_

#include "absl/status/statusor.h"
#include "archpool/v1/task.pb.h"
#include "common/data/dataset_format.h"

namespace archpool::wire {

struct DatasetFiles {
  const DatasetFormat* format = nullptr;
  // For every key of the train split; for those of the held-out one all or
  // none.
  DatasetDigests digests;
};

// INVALID_ARGUMENT: the reasons of common/wire/fields.h.
absl::StatusOr<DatasetFiles> DatasetFilesFromProto(
    const v1::RegisterDatasetRequest& request);

void SetDatasetFiles(const DatasetFormat& format, const DatasetDigests& digests,
                     v1::RegisterDatasetRequest* request);

}  // namespace archpool::wire

#endif  // ARCHPOOL_COMMON_WIRE_DATASET_FILES_WIRE_H_
