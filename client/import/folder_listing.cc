// SPDX-License-Identifier: Apache-2.0
#include "client/import/folder_listing.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client/import/picture.h"
#include "common/base/status.h"

namespace archpool {
namespace {

constexpr size_t kFolderDepthMax = 16;
// More than fit into an upload, with one byte each, many times over.
constexpr int64_t kListedMax = 10'000'000;

// What file managers, archivers and version control leave behind.
bool IsHidden(absl::string_view name) {
  const std::string lower = absl::AsciiStrToLower(name);
  return name.front() == '.' || lower == "thumbs.db" ||
         lower == "desktop.ini" || lower == "__macosx";
}

enum class NameKind { kPicture, kUnreadPicture, kOther };

NameKind KindOf(absl::string_view name) {
  const size_t dot = name.rfind('.');
  if (dot == absl::string_view::npos) return NameKind::kOther;
  const std::string end = absl::AsciiStrToLower(name.substr(dot));
  for (const char* known : {".png", ".jpg", ".jpeg"}) {
    if (end == known) return NameKind::kPicture;
  }
  for (const char* known : {".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm",
                            ".pgm", ".heic", ".heif", ".avif", ".jp2"}) {
    if (end == known) return NameKind::kUnreadPicture;
  }
  return NameKind::kOther;
}

absl::Status CannotLook(const std::string& path, int error) {
  struct stat link {};
  if (error == ENOENT && lstat(path.c_str(), &link) == 0) {
    return BadFolder(path, "is a link to nothing: remove it, or repair it");
  }
  if (error == ELOOP) return BadFolder(path, "is a link in a circle");
  return BadFolder(path,
                   absl::StrCat("cannot be examined: ", std::strerror(error)));
}

}  // namespace

absl::Status BadFolder(absl::string_view path, absl::string_view what) {
  return InvalidArgument("PICTURE_FOLDER",
                         absl::StrCat(Printable(path), ": ", what));
}

absl::StatusOr<std::vector<FolderItem>> FolderLister::List(
    const std::string& path) {
  std::error_code error;
  std::filesystem::directory_iterator at(path, error);
  std::vector<FolderItem> items;
  for (; !error && at != std::filesystem::directory_iterator();
       at.increment(error)) {
    FolderItem item{.name = at->path().filename().string(),
                    .path = at->path().string()};
    if (IsHidden(item.name)) {
      Count(hidden_, item.path);
      continue;
    }
    struct stat what {};
    if (stat(item.path.c_str(), &what) != 0) {
      return CannotLook(item.path, errno);
    }
    item.is_folder = S_ISDIR(what.st_mode);
    if (!item.is_folder && !S_ISREG(what.st_mode)) {
      return BadFolder(item.path, "is neither a file nor a folder: remove it");
    }
    items.push_back(std::move(item));
    if (++listed_ > kListedMax) {
      return BadFolder(path, absl::StrCat("there are more than ", kListedMax,
                                          " files; more are not read"));
    }
  }
  if (error) {
    return BadFolder(path, absl::StrCat("cannot be read: ", error.message()));
  }
  std::sort(
      items.begin(), items.end(),
      [](const FolderItem& a, const FolderItem& b) { return a.name < b.name; });
  return items;
}

absl::Status FolderLister::AddPictures(const std::string& path,
                                       std::vector<std::string>& pictures) {
  struct stat what {};
  if (stat(path.c_str(), &what) != 0) return CannotLook(path, errno);
  const Visited here{.device = what.st_dev, .number = what.st_ino};
  if (std::find(way_.begin(), way_.end(), here) != way_.end()) {
    return BadFolder(path, "leads back to a folder that it lies in");
  }
  if (way_.size() == kFolderDepthMax) {
    return BadFolder(path, absl::StrCat("lies more than ", kFolderDepthMax,
                                        " folders deep"));
  }
  way_.push_back(here);
  absl::Status status;
  const absl::StatusOr<std::vector<FolderItem>> items = List(path);
  if (!items.ok()) status = items.status();
  for (size_t i = 0; status.ok() && i < items->size(); ++i) {
    status = AddItem((*items)[i], pictures);
  }
  way_.pop_back();
  return status;
}

absl::Status FolderLister::AddItem(const FolderItem& item,
                                   std::vector<std::string>& pictures) {
  if (item.is_folder) return AddPictures(item.path, pictures);
  switch (KindOf(item.name)) {
    case NameKind::kPicture:
      pictures.push_back(item.path);
      break;
    case NameKind::kUnreadPicture:
      return BadFolder(item.path,
                       "is a picture by its name, and PNG and JPEG are read: "
                       "convert it to PNG, or remove it");
    case NameKind::kOther:
      Count(others_, item.path);
      break;
  }
  return absl::OkStatus();
}

absl::Status FolderLister::CheckNoPictures(
    const std::vector<FolderItem>& items) {
  for (const FolderItem& item : items) {
    if (item.is_folder) continue;
    if (KindOf(item.name) != NameKind::kOther) {
      return BadFolder(item.path,
                       "is a picture beside the folders of the classes: which "
                       "class is it of? Move it into one, or remove it");
    }
    Count(others_, item.path);
  }
  return absl::OkStatus();
}

std::vector<std::string> FolderLister::Notes() const {
  std::vector<std::string> notes;
  for (const auto& [skipped, what] :
       {std::pair(&hidden_, "hidden, or left behind by a file manager"),
        std::pair(&others_, "no .png, .jpg or .jpeg by their names")}) {
    if (skipped->count == 0) continue;
    notes.push_back(absl::StrCat(
        skipped->count, skipped->count == 1 ? " file is" : " files are",
        " left out (", what, "): ", Printable(skipped->first),
        skipped->count == 1 ? "" : " and so on"));
  }
  return notes;
}

void FolderLister::Count(Skipped& skipped, const std::string& path) {
  // Folders are listed in no order: the first by its name is said.
  if (skipped.count == 0 || path < skipped.first) skipped.first = path;
  ++skipped.count;
}

}  // namespace archpool
