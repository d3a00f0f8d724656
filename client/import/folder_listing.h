// SPDX-License-Identifier: Apache-2.0
// What lies in a folder, in an order that no file system decides, without what
// nobody means. Thread-compatible.
#ifndef ARCHPOOL_CLIENT_IMPORT_FOLDER_LISTING_H_
#define ARCHPOOL_CLIENT_IMPORT_FOLDER_LISTING_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace archpool {

// PICTURE_FOLDER, "PATH: what".
absl::Status BadFolder(absl::string_view path, absl::string_view what);

struct FolderItem {
  std::string name;
  std::string path;
  bool is_folder = false;  // what a link leads to counts
};

class FolderLister {
 public:
  // The files and folders in `path`, sorted by the bytes of their names.
  // Errors as ListClassFolder.
  absl::StatusOr<std::vector<FolderItem>> List(const std::string& path);

  // Appends all pictures in `path` and in the folders below it.
  absl::Status AddPictures(const std::string& path,
                           std::vector<std::string>& pictures);

  // Refuses pictures among `items`, which lie where only classes do; notes
  // other files.
  absl::Status CheckNoPictures(const std::vector<FolderItem>& items);

  // What was left out so far.
  std::vector<std::string> Notes() const;

 private:
  struct Skipped {
    int64_t count = 0;
    std::string first;
  };
  struct Visited {
    uint64_t device;
    uint64_t number;
    friend bool operator==(const Visited&, const Visited&) = default;
  };

  absl::Status AddItem(const FolderItem& item,
                       std::vector<std::string>& pictures);
  static void Count(Skipped& skipped, const std::string& path);

  Skipped hidden_;
  Skipped others_;
  std::vector<Visited> way_;  // folders from the class down to this one
  int64_t listed_ = 0;
};

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_IMPORT_FOLDER_LISTING_H_
