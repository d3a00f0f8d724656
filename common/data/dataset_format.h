// SPDX-License-Identifier: Apache-2.0
// The formats in which clients bring datasets: one table, from which the keys
// of task files, the messages that name uploaded files and the parsing follow.
// A format's word is its field in v1::RegisterDatasetRequest, and its keys are
// that message's fields. Pure functions and constants; thread-safe.
#ifndef ARCHPOOL_COMMON_DATA_DATASET_FORMAT_H_
#define ARCHPOOL_COMMON_DATA_DATASET_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/crypto/sha256.h"
#include "common/data/dataset.h"
#include "common/data/dataset_file.h"

namespace archpool {

// How many files one key may name.
inline constexpr int64_t kDatasetFilesMax = 16;

// "train_images": of task files; of the wire with "_digest" behind it, or
// "_digests" where there may be several files. The keys of the held-out split
// come together, or not at all.
struct FormatKey {
  const char* key;
  bool is_held_out = false;
  bool is_list = false;
  bool has_images = true;  // false: labels alone, which may well be equal
};

struct DatasetFormat {
  const char* word;         // "idx"
  const char* description;  // of its files, in a few words
  std::vector<FormatKey> keys;
  // Parses the train files, or the held-out ones, in the order of the keys.
  // INVALID_ARGUMENT: the format's reasons; the message names the file.
  // REQUIRES: a file for each key, at least one where the key is a list.
  absl::StatusOr<Dataset> (*parse)(absl::Span<const DatasetFile> files,
                                   int64_t classes,
                                   const DatasetFileLimits& limits);
};

// The first is the oldest.
const std::vector<DatasetFormat>& DatasetFormats();
// Null: there is none.
const DatasetFormat* FindDatasetFormat(absl::string_view word);
// For help texts: each format on a line, and the keys of its files on the next.
std::string DescribeDatasetFormats();

// A format's files by its keys: their paths, or their digests.
using DatasetPaths = std::map<std::string, std::vector<std::string>>;
using DatasetDigests = std::map<std::string, std::vector<Digest>>;

template <typename Files>
bool HasHeldOutFiles(const DatasetFormat& format, const Files& files) {
  for (const FormatKey& key : format.keys) {
    if (key.is_held_out && files.contains(key.key)) return true;
  }
  return false;
}

// OK, or INVALID_ARGUMENT (DATASET_TOO_LARGE): `size_bytes`, of the files of
// one side up to `name`, are more than the limits take.
absl::Status CheckDatasetSize(absl::string_view name, size_t size_bytes,
                              const DatasetFileLimits& limits);

// What the files that were read hold, so that one which is named as two is
// noticed: by an image that is trained on nothing can be measured.
// Thread-compatible.
class SeenFiles {
 public:
  // INVALID_ARGUMENT (FILE_REPEATED): `file` holds what an earlier one does,
  // gzip or not; the message names both. The reader's errors.
  absl::Status Add(const FormatKey& key, const DatasetFile& file);

 private:
  struct Names {
    std::string key;
    std::string file;
  };
  std::map<Digest, Names> names_;  // by what the file inflates to
};

// The dataset of one side's files, each of which `read(key, index, file)` makes
// a DatasetFile of; `index` counts the files of a key. Also CheckDatasetSize's
// error: a key may name many files. Also SeenFiles::Add's, where `seen`, which
// both sides share, is given. REQUIRES: every key of that side is there.
template <typename Files, typename Read>
absl::StatusOr<Dataset> ReadDatasetFiles(const DatasetFormat& format,
                                         const Files& files, bool is_held_out,
                                         int64_t classes, const Read& read,
                                         const DatasetFileLimits& limits = {},
                                         SeenFiles* seen = nullptr) {
  std::vector<DatasetFile> parts;
  std::vector<const FormatKey*> keys;
  size_t size_bytes = 0;
  for (const FormatKey& key : format.keys) {
    if (key.is_held_out != is_held_out) continue;
    size_t index = 0;
    for (const auto& file : files.at(key.key)) {
      absl::StatusOr<DatasetFile> part = read(key, index++, file);
      if (!part.ok()) return part.status();
      size_bytes += part->bytes.size();
      absl::Status fits = CheckDatasetSize(part->name, size_bytes, limits);
      if (!fits.ok()) return fits;
      parts.push_back(*std::move(part));
      keys.push_back(&key);
    }
  }
  absl::StatusOr<Dataset> dataset = format.parse(parts, classes, limits);
  // What parses inflates to no more than the limits.
  for (size_t i = 0; dataset.ok() && seen != nullptr && i < parts.size(); ++i) {
    if (!keys[i]->has_images) continue;
    if (absl::Status is_new = seen->Add(*keys[i], parts[i]); !is_new.ok()) {
      dataset = std::move(is_new);
    }
  }
  return dataset;
}

// The same from files of this machine, named by their paths. Also ReadFile's
// errors (common/data/read_file.h).
absl::StatusOr<Dataset> LoadDatasetFiles(const DatasetFormat& format,
                                         const DatasetPaths& paths,
                                         bool is_held_out, int64_t classes,
                                         SeenFiles* seen = nullptr);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_DATA_DATASET_FORMAT_H_
