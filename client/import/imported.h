// SPDX-License-Identifier: Apache-2.0
// Makes IDX files, which the pool takes, of what a client brings: decoded once,
// here, so that no two machines ever decode differently. Functions are
// thread-safe, values thread-compatible.
#ifndef ARCHPOOL_CLIENT_IMPORT_IMPORTED_H_
#define ARCHPOOL_CLIENT_IMPORT_IMPORTED_H_

#include <cstdint>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/import/hidden_file.h"
#include "client/import/sources.h"
#include "common/data/dataset_file.h"
#include "common/data/dataset_format.h"

namespace archpool {

struct ImportOptions {
  std::stop_token stop;
  // Told now and then, by the calling thread alone, how much is done.
  std::function<void(int64_t done, int64_t whole)> progress;
  int64_t file_bytes_max = kDatasetFileSizeMax;  // of each file that is made
  int threads = 0;                               // 0: as many as processors
};

// Files of the format "idx", by its keys. They are gone with this value.
struct ImportedDataset {
  DatasetPaths files;
  std::map<std::string, std::string> names;  // of files, for people; by path
  int64_t classes = 0;
  std::vector<std::string> class_names;  // by label; empty: they have none
  std::vector<std::string> notes;        // one sentence each
  std::vector<HiddenFile> kept;          // what `files` lead to
};

// The word of the format that everything is made into.
inline constexpr char kImportedFormat[] = "idx";

// Errors as ListClassFolder's, LookAtPicture's, DecodePicture's, Flatten's and
// ReadFile's, for the first picture that has one; PICTURE_SIZES (no size is
// stated, and they differ), DATASET_TOO_LARGE, FILE_UNWRITABLE; CANCELLED
// (STOPPED). Nothing is left behind.
absl::StatusOr<ImportedDataset> ImportPictures(const PictureFolder& source,
                                               const ImportOptions& options);

// INVALID_ARGUMENT: NUMPY_MALFORMED, NUMPY_VALUES (they are no pixels or no
// labels), DATASET_TOO_LARGE, FILE_UNWRITABLE, FILE_NOT_FOUND; CANCELLED
// (STOPPED). Of IDX files: IDX_MALFORMED, IDX_VALUES and GZIP_MALFORMED instead
// of the first two, and ReadFile's errors. Nothing is left behind.
absl::StatusOr<ImportedDataset> ImportArrays(const ArrayFiles& source,
                                             const ImportOptions& options);

// INVALID_ARGUMENT: CIFAR100_MALFORMED, GZIP_MALFORMED, DATASET_TOO_LARGE,
// FILE_REPEATED, FILE_UNWRITABLE; ReadFile's errors; CANCELLED (STOPPED).
// Nothing is left behind.
absl::StatusOr<ImportedDataset> ImportCifar100(const Cifar100Files& source,
                                               const ImportOptions& options);

// "stopped": asked to, before anything was sent.
absl::Status Stopped();

// Files of one side, on their way. `key_begin`: "train" or "held_out".
struct ImportedSide {
  HiddenFile images;
  HiddenFile labels;
  std::string images_name;
  std::string labels_name;
};
void AddSide(const std::string& key_begin, ImportedSide side,
             ImportedDataset& dataset);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_IMPORT_IMPORTED_H_
