// SPDX-License-Identifier: Apache-2.0
// NumPy's arrays from anywhere, plain and in archives. Goal: no file crashes
// the reader or makes it allocate or write beyond its limit, errors have their
// reasons, and what it accepts the pool's own parser accepts. The input is a
// byte that chooses: even, an archive follows; odd, two bytes with the length
// of the images (little-endian), the images, and the labels.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>

#include "client/import/hidden_file.h"
#include "client/import/imported.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/data/idx.h"

namespace archpool {
namespace {

constexpr int64_t kFuzzedBytesMax = 1 << 16;

HiddenFile Hide(absl::string_view bytes) {
  absl::StatusOr<HiddenFile> file = HiddenFile::Create();
  ARCHPOOL_CHECK(file.ok());
  ARCHPOOL_CHECK(file->WriteAt(0, BytesOf(bytes)).ok());
  return *std::move(file);
}

void CheckImported(const absl::StatusOr<ImportedDataset>& imported) {
  if (!imported.ok()) {
    const std::set<std::string> reasons = {"NUMPY_MALFORMED", "NUMPY_VALUES",
                                           "DATASET_TOO_LARGE"};
    ARCHPOOL_CHECK(reasons.contains(GetReason(imported.status())));
    return;
  }
  for (const std::string side : {"train", "held_out"}) {
    if (!imported->files.contains(side + "_images")) continue;
    const std::string images = imported->files.at(side + "_images").front();
    const std::string labels = imported->files.at(side + "_labels").front();
    ARCHPOOL_CHECK(std::filesystem::file_size(images) <=
                   std::uintmax_t{kFuzzedBytesMax});
    ARCHPOOL_CHECK(LoadIdx(images, labels, imported->classes, {}).ok());
  }
}

void Fuzz(absl::string_view input) {
  if (input.size() < 3) return;
  const bool is_archive = input[0] % 2 == 0;
  ImportOptions options;
  options.file_bytes_max = kFuzzedBytesMax;
  if (is_archive) {
    const HiddenFile archive = Hide(input.substr(1));
    ArrayFiles source;
    source.archive = archive.path();
    CheckImported(ImportArrays(source, options));
    return;
  }
  const size_t images_bytes = static_cast<uint8_t>(input[1]) |
                              size_t{static_cast<uint8_t>(input[2])} << 8;
  input.remove_prefix(3);
  const HiddenFile images = Hide(input.substr(0, images_bytes));
  const HiddenFile labels =
      Hide(input.substr(std::min(images_bytes, input.size())));
  ArrayFiles source;
  source.train_images = images.path();
  source.train_labels = labels.path();
  CheckImported(ImportArrays(source, options));
}

}  // namespace
}  // namespace archpool

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  archpool::Fuzz({reinterpret_cast<const char*>(data), size});
  return 0;
}
