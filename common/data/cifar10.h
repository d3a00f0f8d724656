// SPDX-License-Identifier: Apache-2.0
// Reads the binary version of CIFAR-10
// (https://www.cs.toronto.edu/~kriz/cifar.html), plain or gzip: records without
// a header, each a label in one byte and a 32x32 image in 3072, all of its red,
// then all of its green, then all of its blue, row after row.
#ifndef ARCHPOOL_COMMON_DATA_CIFAR10_H_
#define ARCHPOOL_COMMON_DATA_CIFAR10_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/data/dataset.h"
#include "common/data/dataset_file.h"

namespace archpool {

// The images of all files, in their order: data_batch_1.bin, data_batch_2.bin
// and so on. `classes`: at most 10; labels are below it. Nothing is inflated
// beyond `limits`, which bound all files together.
// INVALID_ARGUMENT: CIFAR10_MALFORMED, CIFAR10_TOO_LARGE (over `limits`),
// GZIP_MALFORMED. The message says which file, what is wrong, and what would be
// right. REQUIRES: at least one file.
absl::StatusOr<Dataset> ParseCifar10(absl::Span<const DatasetFile> files,
                                     int64_t classes,
                                     const DatasetFileLimits& limits);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_DATA_CIFAR10_H_
