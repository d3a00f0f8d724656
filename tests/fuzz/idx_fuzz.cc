// SPDX-License-Identifier: Apache-2.0
// Image files from anywhere, plain and gzip. Goal: no pair of files crashes the
// reader or makes it allocate beyond its limit, and what it accepts is a
// dataset that survives encoding. The input is the number of classes (a byte),
// the length of the image file (two bytes, little-endian), that file, and the
// label file.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "common/base/check.h"
#include "common/data/idx.h"

namespace archpool {
namespace {

void Fuzz(absl::string_view input) {
  if (input.size() < 3) return;
  const int64_t classes = static_cast<uint8_t>(input[0]);
  const size_t images_bytes = std::min<size_t>(
      static_cast<uint8_t>(input[1]) |
          static_cast<size_t>(static_cast<uint8_t>(input[2])) << 8,
      input.size() - 3);
  const IdxLimits limits = {.file_bytes_max = 1 << 16, .bytes_max = 1 << 16};
  const absl::StatusOr<Dataset> dataset =
      ParseIdx(input.substr(3, images_bytes), input.substr(3 + images_bytes),
               classes, limits);
  if (!dataset.ok()) return;
  ARCHPOOL_CHECK(static_cast<int64_t>(dataset->images.size()) <=
                 limits.bytes_max);
  const absl::StatusOr<Dataset> decoded =
      DecodeDataset(EncodeDataset(*dataset));
  ARCHPOOL_CHECK(decoded.ok() && *decoded == *dataset);
}

}  // namespace
}  // namespace archpool

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  archpool::Fuzz({reinterpret_cast<const char*>(data), size});
  return 0;
}
