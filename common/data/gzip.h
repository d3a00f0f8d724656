// SPDX-License-Identifier: Apache-2.0
// Inflates gzip (RFC 1952) piece by piece, so that the reader decides how much
// comes out: a small file that would grow without end never gets the memory.
#ifndef ARCHPOOL_COMMON_DATA_GZIP_H_
#define ARCHPOOL_COMMON_DATA_GZIP_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace archpool {

// True where `bytes` begin as gzip does.
bool IsGzip(absl::string_view bytes);

// Thread-compatible.
class GzipReader {
 public:
  // `bytes` must outlive the reader.
  explicit GzipReader(absl::string_view bytes);
  ~GzipReader();
  GzipReader(const GzipReader&) = delete;
  GzipReader& operator=(const GzipReader&) = delete;

  // Fills `out` with the next inflated bytes and returns how many; fewer than
  // out.size() only at the end, whose checksum then has been verified. Members
  // that follow each other are one stream.
  // INVALID_ARGUMENT (GZIP_MALFORMED): no gzip, truncated, a wrong checksum, or
  // other bytes after the last member. Final: further calls repeat it.
  absl::StatusOr<size_t> Read(absl::Span<uint8_t> out);

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_DATA_GZIP_H_
