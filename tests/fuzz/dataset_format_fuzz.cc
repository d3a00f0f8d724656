// SPDX-License-Identifier: Apache-2.0
// Dataset files from anywhere, plain and gzip, of every format of the table.
// Goal: no files crash a parser or make it allocate beyond its limit, and what
// it accepts is a dataset that survives encoding. The input is the number of
// the format in the table (a byte), the number of classes (a byte), and the
// files of the train split in the order of their keys. Before those of a list
// stands how many there are (a byte), before each but the very last its length
// (two bytes, little-endian).
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/data/dataset_format.h"

namespace archpool {
namespace {

// Takes `input` apart; what it lacks is 0 or "".
size_t TakeByte(absl::string_view& input) {
  if (input.empty()) return 0;
  const auto byte = static_cast<uint8_t>(input.front());
  input.remove_prefix(1);
  return byte;
}

std::string TakeBytes(absl::string_view& input, size_t count) {
  const std::string bytes(input.substr(0, count));
  input.remove_prefix(bytes.size());
  return bytes;
}

std::vector<DatasetFile> TakeFiles(const DatasetFormat& format,
                                   absl::string_view& input) {
  std::vector<const char*> keys;
  for (const FormatKey& key : format.keys) {
    if (key.is_held_out) continue;
    const size_t count =
        key.is_list ? std::clamp<size_t>(TakeByte(input), 1, kDatasetFilesMax)
                    : 1;
    keys.insert(keys.end(), count, key.key);
  }
  std::vector<DatasetFile> files;
  for (const char* key : keys) {
    size_t size_bytes = input.size();
    if (files.size() + 1 < keys.size()) {
      size_bytes = TakeByte(input);
      size_bytes |= TakeByte(input) << 8;
    }
    files.push_back({.name = absl::StrCat(key, files.size()),
                     .bytes = TakeBytes(input, size_bytes)});
  }
  return files;
}

void Fuzz(absl::string_view input) {
  const size_t index = TakeByte(input) % DatasetFormats().size();
  const DatasetFormat& format = DatasetFormats()[index];
  const auto classes = static_cast<int64_t>(TakeByte(input));
  const DatasetFileLimits limits = {.file_bytes_max = 1 << 16,
                                    .bytes_max = 1 << 16};
  const absl::StatusOr<Dataset> dataset =
      format.parse(TakeFiles(format, input), classes, limits);
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
