// SPDX-License-Identifier: Apache-2.0
// A directory for one test: made empty, removed with all that is in it.
#ifndef ARCHPOOL_TESTS_SUPPORT_TEMPORARY_DIRECTORY_H_
#define ARCHPOOL_TESTS_SUPPORT_TEMPORARY_DIRECTORY_H_

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "common/base/check.h"

namespace archpool {

class TemporaryDirectory {
 public:
  TemporaryDirectory()
      : path_((std::filesystem::temp_directory_path() / "archpool-XXXXXX")
                  .string()) {
    ARCHPOOL_CHECK(mkdtemp(path_.data()) != nullptr);
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_SUPPORT_TEMPORARY_DIRECTORY_H_
