// SPDX-License-Identifier: Apache-2.0
// Reads, of a task's file, datasets that are brought as pictures, as arrays or
// as CIFAR-100.
// Thread-compatible.
#ifndef ARCHPOOL_CLIENT_IMPORT_READER_H_
#define ARCHPOOL_CLIENT_IMPORT_READER_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "client/map_reader.h"
#include "client/task_file.h"
#include "client/yaml_tree.h"

namespace archpool {

// The words after `format:`.
inline constexpr char kPicturesWord[] = "images";
inline constexpr char kArraysWord[] = "numpy";
inline constexpr char kCifar100Word[] = "cifar100";

// For help texts, as DescribeDatasetFormats.
std::string DescribeImportedFormats();
// All their keys, without `format`.
std::vector<std::string> ImportedKeys();

// Which of them the map `dataset` is of: by its `format`, or, where it has
// none, by the key that only folders and only archives have. "": none.
absl::string_view ImportedWordOf(const YamlNode& dataset);

// Makes a path of what is written at `position`, complains where there is no
// file or no folder, and answers the path.
using PathReader = std::function<std::string(
    const YamlPosition& position, const std::string& name,
    const std::string& written, bool is_folder)>;

// REQUIRES: ImportedWordOf(dataset) is not "".
void ReadImported(ProblemList& problems, const YamlNode& dataset,
                  const PathReader& read_path, DatasetSource& source);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_IMPORT_READER_H_
