// SPDX-License-Identifier: Apache-2.0
// Bytes that come one after the other, from a file or from an archive: as many
// as are there, whatever was announced. Thread-compatible.
#ifndef ARCHPOOL_CLIENT_IMPORT_BYTE_SOURCE_H_
#define ARCHPOOL_CLIENT_IMPORT_BYTE_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace archpool {

class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // Fills `out` and answers how many there were: fewer than out.size() only at
  // the end. INVALID_ARGUMENT, naming the file, where it cannot be read.
  virtual absl::StatusOr<size_t> Read(absl::Span<uint8_t> out) = 0;
};

// Something that can be read from its beginning as often as needed.
struct NamedSource {
  std::string name;  // for messages
  std::function<absl::StatusOr<std::unique_ptr<ByteSource>>()> open;
};

// A regular file. `open` answers FILE_NOT_FOUND or FILE_UNREADABLE.
NamedSource FileSource(const std::string& path);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_IMPORT_BYTE_SOURCE_H_
