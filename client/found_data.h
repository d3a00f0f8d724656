// SPDX-License-Identifier: Apache-2.0
// What lies at a path that a person names as "my data", as a task's file would
// say it. Thread-compatible.
#ifndef ARCHPOOL_CLIENT_FOUND_DATA_H_
#define ARCHPOOL_CLIENT_FOUND_DATA_H_

#include <cstdint>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "client/task_file.h"

namespace archpool {

struct FoundData {
  // Counts and, of IDX files, the number of classes are not known yet.
  DatasetSource source;
  // Keys of the section `dataset`, with their values as YAML, in order.
  std::vector<std::pair<std::string, std::string>> lines;
};

struct FindOptions {
  std::string labels;  // of a file of images; "": looked for beside it
  int64_t picture_side_max = 64;  // larger pictures are shrunk to it
  std::stop_token stop;
};

// A folder of pictures, a folder with the files of MNIST, CIFAR-10 or CIFAR-100
// or with one .npz and no folders, an .npz, or a file of images (.npy or IDX,
// gzip or not) with its labels. Held-out files are taken where they lie beside
// and are called as usual ("t10k" or "test" for "train").
// INVALID_ARGUMENT: FILE_NOT_FOUND; DATA_UNCLEAR (several .npz); LABELS_UNKNOWN
// (no labels lie beside the images: name them); as ListClassFolder,
// LookAtPicture and DecodePicture; CANCELLED (STOPPED).
absl::StatusOr<FoundData> FindData(const std::string& path,
                                   const FindOptions& options);

// `text` in double quotes, as YAML reads it back: also what a task's file does
// not take as it is, such as typographic quotes in a file's name.
std::string YamlQuoted(absl::string_view text);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_FOUND_DATA_H_
