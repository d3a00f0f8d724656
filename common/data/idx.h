// SPDX-License-Identifier: Apache-2.0
// Reads IDX files (http://yann.lecun.com/exdb/mnist/, "The IDX file format"),
// plain or gzip, told apart by their first bytes: how MNIST and Fashion-MNIST
// are shipped.
#ifndef ARCHPOOL_COMMON_DATA_IDX_H_
#define ARCHPOOL_COMMON_DATA_IDX_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/data/dataset.h"
#include "common/data/dataset_file.h"

namespace archpool {

// What messages call the two files, which begin with it.
struct IdxNames {
  std::string images = "IDX images";
  std::string labels = "IDX labels";
};

// `images`: unsigned bytes [count, height, width], one channel, or
// [count, channels, height, width]. `labels`: unsigned bytes [count].
// Headers are read and checked before anything of their size is allocated, and
// no more is inflated than they announce.
// INVALID_ARGUMENT: IDX_MALFORMED, IDX_TOO_LARGE (over `limits`),
// GZIP_MALFORMED. The message says which file, what is wrong, and what would be
// right.
absl::StatusOr<Dataset> ParseIdx(absl::string_view images,
                                 absl::string_view labels, int64_t classes,
                                 const DatasetFileLimits& limits,
                                 const IdxNames& names = {});

// The same from files, named by their paths. Also NOT_FOUND (FILE_NOT_FOUND)
// and FAILED_PRECONDITION (FILE_UNREADABLE).
absl::StatusOr<Dataset> LoadIdx(const std::string& images_path,
                                const std::string& labels_path, int64_t classes,
                                const DatasetFileLimits& limits);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_DATA_IDX_H_
