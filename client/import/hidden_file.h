// SPDX-License-Identifier: Apache-2.0
// A temporary file without a name, which is gone with the process however that
// ends. Thread-compatible; WriteAt is thread-safe.
#ifndef ARCHPOOL_CLIENT_IMPORT_HIDDEN_FILE_H_
#define ARCHPOOL_CLIENT_IMPORT_HIDDEN_FILE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/nas/layer_plan.h"

namespace archpool {

class HiddenFile {
 public:
  // In the directory for temporary files (TMPDIR). INVALID_ARGUMENT
  // (FILE_UNWRITABLE): none can be made there.
  static absl::StatusOr<HiddenFile> Create();
  ~HiddenFile();
  HiddenFile(HiddenFile&& other) noexcept;
  HiddenFile& operator=(HiddenFile&& other) noexcept;

  // By which this process alone can open it, for as long as this lives.
  std::string path() const;

  // FILE_UNWRITABLE, with the cause; the disk may be full.
  absl::Status WriteAt(int64_t offset, absl::Span<const uint8_t> bytes) const;

 private:
  explicit HiddenFile(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;  // -1 once moved from
};

// The header of an IDX file of images: three axes for one channel, four for
// more, channels first. It holds no more than 2^32 - 1 of anything.
std::string IdxImagesHeader(int64_t count, const TensorShape& shape);
std::string IdxLabelsHeader(int64_t count);

// The same as bytes.
absl::Span<const uint8_t> BytesOf(absl::string_view text);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_IMPORT_HIDDEN_FILE_H_
