// SPDX-License-Identifier: Apache-2.0
// A file of a dataset as clients bring it: how large one may be, and its bytes,
// inflated on the way where it is gzip.
#ifndef ARCHPOOL_COMMON_DATA_DATASET_FILE_H_
#define ARCHPOOL_COMMON_DATA_DATASET_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/data/gzip.h"

namespace archpool {

// The largest raw file that a client may upload.
inline constexpr int64_t kDatasetFileSizeMax = int64_t{256} << 20;
// The largest that the files of one split may be, raw or inflated. Cutting
// splits holds some four copies.
inline constexpr int64_t kDatasetInflatedSizeMax = int64_t{512} << 20;

struct DatasetFileLimits {
  int64_t file_bytes_max = kDatasetFileSizeMax;  // of one file, as it is
  int64_t bytes_max = kDatasetInflatedSizeMax;   // of what they inflate to
};

// Bytes, and what messages call them.
struct DatasetFile {
  std::string name;
  std::string bytes;
};

// The bytes of a file, inflated on the way where they are gzip. Errors begin
// with the file's name. Thread-compatible.
class DatasetFileReader {
 public:
  // Both must outlive the reader.
  DatasetFileReader(absl::string_view name, absl::string_view bytes);

  absl::string_view name() const { return name_; }

  // The first bytes, which Read then gives again: at most `count_max`, as many
  // as there are. REQUIRES: nothing was read before.
  absl::StatusOr<absl::string_view> Peek(size_t count_max);

  // As GzipReader::Read: how many there were, and fewer than out.size() only at
  // the end. INVALID_ARGUMENT: GZIP_MALFORMED.
  absl::StatusOr<size_t> Read(absl::Span<uint8_t> out);

 private:
  absl::StatusOr<size_t> ReadOn(absl::Span<uint8_t> out);

  const absl::string_view name_;
  absl::string_view plain_;
  std::unique_ptr<GzipReader> gzip_;  // null: the file is plain
  std::vector<uint8_t> peeked_;
  size_t given_ = 0;  // of peeked_
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_DATA_DATASET_FILE_H_
