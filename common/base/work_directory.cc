// SPDX-License-Identifier: Apache-2.0
#include "common/base/work_directory.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/status.h"

namespace archpool {
namespace {

namespace fs = std::filesystem;

absl::Status NotOurs(const std::string& directory, absl::string_view why) {
  return FailedPrecondition(
      "DIRECTORY_NOT_OURS",
      absl::StrCat(directory, " ", why,
                   ": name a directory that is empty or does not exist yet; "
                   "nothing in this one was touched"));
}

absl::StatusOr<std::vector<std::string>> NamesIn(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::directory_entry& entry :
       fs::directory_iterator(directory, error)) {
    names.push_back(entry.path().filename().string());
  }
  if (!error || error == std::errc::no_such_file_or_directory) return names;
  return NotOurs(directory,
                 absl::StrCat("cannot be read (", error.message(), ")"));
}

bool IsFile(const std::string& path) {
  std::error_code ignored;
  return fs::is_regular_file(fs::symlink_status(path, ignored));
}

// An earlier version's, or one that a crash left before it was marked.
bool IsEarlier(const std::string& directory,
               const std::vector<std::string>& names,
               const WorkDirectoryKind& kind) {
  const auto is_known = [&](const std::string& name) {
    return name == "lock" || std::count(kind.earlier_names.begin(),
                                        kind.earlier_names.end(), name) > 0;
  };
  if (!std::all_of(names.begin(), names.end(), is_known)) return false;
  if (!IsFile(directory + "/lock")) return false;
  return names.size() == 1 || IsFile(directory + "/" + kind.earlier_sign);
}

absl::Status CheckOwner(const std::string& directory,
                        const WorkDirectoryKind& kind) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                            NamesIn(directory));
  const std::string marker = absl::StrCat(directory, "/", kDirectoryMarker);
  if (names.empty()) return absl::OkStatus();
  if (IsFile(marker)) {
    std::string program;
    std::getline(std::ifstream(marker), program);
    if (program == kind.program) return absl::OkStatus();
    return NotOurs(directory, absl::StrCat("is of another program (",
                                           program.substr(0, 64), ")"));
  }
  if (IsEarlier(directory, names, kind)) return absl::OkStatus();
  return NotOurs(directory,
                 absl::StrCat("holds what ", kind.program,
                              " did not put there (", names.front(), ")"));
}

}  // namespace

absl::StatusOr<DirectoryLock> ClaimDirectory(const std::string& directory,
                                             const WorkDirectoryKind& kind) {
  ARCHPOOL_RETURN_IF_ERROR(CheckOwner(directory, kind));
  ARCHPOOL_ASSIGN_OR_RETURN(DirectoryLock lock,
                            DirectoryLock::Acquire(directory));
  const std::string marker = absl::StrCat(directory, "/", kDirectoryMarker);
  if (!IsFile(marker)) {
    ARCHPOOL_RETURN_IF_ERROR(
        WriteFileDurably(marker, absl::StrCat(kind.program, "\n")));
  }
  return lock;
}

}  // namespace archpool
