// SPDX-License-Identifier: Apache-2.0
// NumPy's arrays from anywhere, plain and in archives, IDX files of any type
// and CIFAR-100. Goal: no file crashes the reader or makes it allocate or write
// beyond its limit, errors have their reasons, and what it accepts the pool's
// own parser accepts. The input is a byte that chooses: even, an archive
// follows; odd, two bytes with the length of the images (little-endian), the
// images, and the labels, which are NumPy's, or IDX where the byte's second bit
// is set. Where its third bit is, the two files are CIFAR-100's, to train on
// and held out, with coarse labels where the second is.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>

#include "client/import/hidden_file.h"
#include "client/import/idx_array.h"
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
    const std::set<std::string> reasons = {
        "NUMPY_MALFORMED", "NUMPY_VALUES",       "IDX_MALFORMED",
        "IDX_VALUES",      "CIFAR100_MALFORMED", "GZIP_MALFORMED",
        "FILE_REPEATED",   "DATASET_TOO_LARGE"};
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
  const bool has_second_bit = (input[0] & 2) != 0;
  const bool is_cifar100 = (input[0] & 4) != 0;
  const size_t images_bytes = static_cast<uint8_t>(input[1]) |
                              size_t{static_cast<uint8_t>(input[2])} << 8;
  input.remove_prefix(3);
  const HiddenFile images = Hide(input.substr(0, images_bytes));
  const HiddenFile labels =
      Hide(input.substr(std::min(images_bytes, input.size())));
  if (is_cifar100) {
    CheckImported(ImportCifar100({.train = {images.path()},
                                  .held_out = {labels.path()},
                                  .is_coarse = has_second_bit},
                                 options));
    return;
  }
  // It is never more than a guess: whoever is wrong says so later.
  static_cast<void>(IsWideIdx(images.path()));
  ArrayFiles source;
  if (has_second_bit) source.format = ArrayFormat::kIdx;
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
