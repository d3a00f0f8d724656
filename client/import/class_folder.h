// SPDX-License-Identifier: Apache-2.0
// Which pictures a folder of classes holds, and which of them are held out.
// Files are listed and none is opened. Thread-safe.
#ifndef ARCHPOOL_CLIENT_IMPORT_CLASS_FOLDER_H_
#define ARCHPOOL_CLIENT_IMPORT_CLASS_FOLDER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/import/sources.h"

namespace archpool {

struct ClassPicture {
  std::string path;
  int64_t label = 0;

  friend bool operator==(const ClassPicture&, const ClassPicture&) = default;
};

struct ClassFolder {
  std::vector<std::string> classes;    // by label: the names, sorted by bytes
  std::vector<ClassPicture> train;     // by label, then by path
  std::vector<ClassPicture> held_out;  // empty: none
  std::vector<std::string> notes;      // what was left out; one sentence each
};

// Lists `source.path`: train/CLASS/... with one of validation/, val/ and test/
// beside it, or CLASS/... alone, of which `held_out_fraction_ppm` of each class
// are drawn. Folders within a class belong to it. Links are followed. Hidden
// files, those that file managers leave behind, and files that are no pictures
// by their names are left out, with a note.
//
// INVALID_ARGUMENT (PICTURE_FOLDER): no such folder, one that cannot be read, a
// link to nothing or in a circle, a pipe or device, a picture beside the
// classes or of a kind that is not read, less than two classes or more than
// 256, a class without pictures, two whose names differ in case alone, one that
// is held out and not trained on, held-out folders that are not clear.
absl::StatusOr<ClassFolder> ListClassFolder(const PictureFolder& source);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_IMPORT_CLASS_FOLDER_H_
