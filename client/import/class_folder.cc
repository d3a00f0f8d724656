// SPDX-License-Identifier: Apache-2.0
#include "client/import/class_folder.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "client/import/folder_listing.h"
#include "client/import/picture.h"
#include "common/base/status.h"
#include "common/crypto/sha256.h"
#include "common/model/limits.h"

namespace archpool {
namespace {

constexpr absl::string_view kTrainName = "train";
constexpr absl::string_view kHeldOutNames[] = {"validation", "val", "test"};
constexpr int64_t kWholePpm = 1'000'000;

bool IsHeldOutName(absl::string_view name) {
  return std::find(std::begin(kHeldOutNames), std::end(kHeldOutNames), name) !=
         std::end(kHeldOutNames);
}

std::vector<FolderItem> FoldersOf(std::vector<FolderItem> items) {
  std::erase_if(items, [](const FolderItem& item) { return !item.is_folder; });
  return items;
}

// Names that a person and every program can tell apart.
absl::Status CheckClassNames(const std::string& path,
                             const std::vector<FolderItem>& classes) {
  std::map<std::string, std::string> by_lower;
  for (const FolderItem& one : classes) {
    const bool is_plain =
        IsUtf8(one.name) &&
        std::none_of(one.name.begin(), one.name.end(), [](char c) {
          return absl::ascii_iscntrl(static_cast<unsigned char>(c));
        });
    if (!is_plain) {
      return BadFolder(one.path,
                       "the name of a class must be UTF-8 without control "
                       "characters: rename it");
    }
    const auto [other, is_new] =
        by_lower.try_emplace(absl::AsciiStrToLower(one.name), one.name);
    if (!is_new) {
      return BadFolder(
          path, absl::StrCat("the classes ", other->second, " and ", one.name,
                             " differ in case alone: put them "
                             "into one folder, or rename one"));
    }
  }
  if (!limits::kClasses.Contains(std::ssize(classes))) {
    return BadFolder(
        path, absl::StrCat("holds ", classes.size(),
                           classes.size() == 1 ? " class (" : " classes (",
                           classes.empty() ? "none" : classes.front().name,
                           classes.size() > 1 ? ", ...); " : "); ",
                           limits::kClasses.min, " to ", limits::kClasses.max,
                           " are needed, each a folder of pictures"));
  }
  return absl::OkStatus();
}

class ClassLister {
 public:
  explicit ClassLister(const PictureFolder& source) : source_(source) {}

  absl::StatusOr<ClassFolder> List() {
    ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<FolderItem> items,
                              lister_.List(source_.path));
    ARCHPOOL_RETURN_IF_ERROR(lister_.CheckNoPictures(items));
    const std::vector<FolderItem> folders = FoldersOf(items);
    ARCHPOOL_ASSIGN_OR_RETURN(const FolderItem* const train,
                              FindTrain(folders));
    absl::Status status;
    if (train != nullptr) {
      status = ReadSplits(*train, folders);
    } else {
      status = ReadClassesAlone(folders);
    }
    if (!status.ok()) return status;
    for (std::string& note : lister_.Notes()) {
      folder_.notes.push_back(std::move(note));
    }
    return std::move(folder_);
  }

 private:
  // train/, where it holds folders: trains are also a class of pictures.
  absl::StatusOr<const FolderItem*> FindTrain(
      const std::vector<FolderItem>& folders) {
    for (const FolderItem& folder : folders) {
      if (folder.name != kTrainName) continue;
      FolderLister aside;
      ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<FolderItem> within,
                                aside.List(folder.path));
      if (!FoldersOf(within).empty()) return &folder;
    }
    return nullptr;
  }

  absl::Status ReadSplits(const FolderItem& train,
                          const std::vector<FolderItem>& folders) {
    ARCHPOOL_ASSIGN_OR_RETURN(const FolderItem* const held_out,
                              ChooseHeldOut(folders));
    if (held_out != nullptr && source_.held_out_fraction_ppm > 0) {
      return BadFolder(held_out->path,
                       "is the held-out split, so nothing is drawn: leave "
                       "dataset.held_out_fraction out");
    }
    ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<FolderItem> items,
                              lister_.List(train.path));
    ARCHPOOL_RETURN_IF_ERROR(lister_.CheckNoPictures(items));
    ARCHPOOL_RETURN_IF_ERROR(ReadTrain(train.path, FoldersOf(items)));
    return held_out == nullptr ? absl::OkStatus() : ReadHeldOut(*held_out);
  }

  // Null: there is none.
  absl::StatusOr<const FolderItem*> ChooseHeldOut(
      const std::vector<FolderItem>& folders) {
    std::vector<const FolderItem*> found;
    for (const FolderItem& folder : folders) {
      if (folder.name == kTrainName) continue;
      if (!IsHeldOutName(folder.name)) {
        return BadFolder(folder.path,
                         absl::StrCat("lies beside train/, where only ",
                                      absl::StrJoin(kHeldOutNames, "/, "),
                                      "/ may: move it away"));
      }
      found.push_back(&folder);
    }
    if (source_.held_out.empty()) {
      if (found.empty()) return nullptr;
      if (found.size() == 1) return found.front();
      return BadFolder(
          source_.path,
          absl::StrCat("holds ", found[0]->name, "/ and ", found[1]->name,
                       "/: say which of them is held out for the verifiers, "
                       "such as 'held_out: ",
                       found[0]->name, "' under 'dataset'"));
    }
    const FolderItem* chosen = nullptr;
    for (const FolderItem* folder : found) {
      if (folder->name == source_.held_out) {
        chosen = folder;
      } else {
        folder_.notes.push_back(absl::StrCat(
            Printable(folder->path), " is left out: ", source_.held_out,
            "/ is held out, and the pool draws validation images from the "
            "train images"));
      }
    }
    if (chosen != nullptr) return chosen;
    return NoHeldOut();
  }

  absl::Status NoHeldOut() const {
    return BadFolder(source_.path,
                     absl::StrCat("has no folder ", source_.held_out,
                                  "/ beside train/, which dataset.held_out "
                                  "names"));
  }

  absl::Status ReadClassesAlone(const std::vector<FolderItem>& folders) {
    for (const FolderItem& folder : folders) {
      if (!IsHeldOutName(folder.name)) continue;
      return BadFolder(folder.path,
                       "there is no train/ with folders of classes beside it");
    }
    if (!source_.held_out.empty()) return NoHeldOut();
    ARCHPOOL_RETURN_IF_ERROR(ReadTrain(source_.path, folders));
    return source_.held_out_fraction_ppm == 0 ? absl::OkStatus() : Draw();
  }

  absl::Status ReadTrain(const std::string& path,
                         const std::vector<FolderItem>& classes) {
    ARCHPOOL_RETURN_IF_ERROR(CheckClassNames(path, classes));
    for (const FolderItem& one : classes) {
      ARCHPOOL_RETURN_IF_ERROR(
          ReadClass(one, std::ssize(folder_.classes), folder_.train));
      folder_.classes.push_back(one.name);
    }
    return absl::OkStatus();
  }

  absl::Status ReadHeldOut(const FolderItem& held_out) {
    ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<FolderItem> items,
                              lister_.List(held_out.path));
    ARCHPOOL_RETURN_IF_ERROR(lister_.CheckNoPictures(items));
    for (const FolderItem& one : FoldersOf(items)) {
      const auto& classes = folder_.classes;
      const auto known = std::find(classes.begin(), classes.end(), one.name);
      if (known == classes.end()) return UnknownClass(one);
      ARCHPOOL_RETURN_IF_ERROR(
          ReadClass(one, known - classes.begin(), folder_.held_out));
    }
    if (!folder_.held_out.empty()) return absl::OkStatus();
    return BadFolder(held_out.path, "holds no folder of a class");
  }

  absl::Status UnknownClass(const FolderItem& one) const {
    std::string hint;
    for (const std::string& known : folder_.classes) {
      if (absl::AsciiStrToLower(known) == absl::AsciiStrToLower(one.name)) {
        hint = absl::StrCat("; is it ", known, ", in another case?");
      }
    }
    return BadFolder(
        one.path,
        absl::StrCat("is a class that is not in train/: what is not trained on "
                     "cannot be recognised",
                     hint));
  }

  absl::Status ReadClass(const FolderItem& one, int64_t label,
                         std::vector<ClassPicture>& pictures) {
    std::vector<std::string> paths;
    ARCHPOOL_RETURN_IF_ERROR(lister_.AddPictures(one.path, paths));
    if (paths.empty()) {
      const std::vector<std::string> notes = lister_.Notes();
      return BadFolder(one.path, absl::StrCat("is a class without pictures",
                                              notes.empty() ? "" : "; ",
                                              absl::StrJoin(notes, "; ")));
    }
    for (std::string& path : paths) {
      pictures.push_back({.path = std::move(path), .label = label});
    }
    return absl::OkStatus();
  }

  // A picture's rank among its class is the hash of the seed and of its path
  // from the folder on: the same wherever the folder lies.
  absl::Status Draw() {
    std::vector<std::vector<ClassPicture>> by_class(folder_.classes.size());
    for (ClassPicture& picture : folder_.train) {
      by_class[static_cast<size_t>(picture.label)].push_back(
          std::move(picture));
    }
    folder_.train.clear();
    for (std::vector<ClassPicture>& pictures : by_class) {
      const std::string& name =
          folder_.classes[static_cast<size_t>(pictures.front().label)];
      if (pictures.size() < 2) {
        return BadFolder(source_.path,
                         absl::StrCat("the class ", name,
                                      " has one picture: none can be drawn for "
                                      "the held-out split and one be left"));
      }
      DrawFrom(pictures);
    }
    return absl::OkStatus();
  }

  void DrawFrom(std::vector<ClassPicture>& pictures) {
    std::vector<std::pair<Digest, size_t>> ranks;
    for (size_t i = 0; i < pictures.size(); ++i) {
      absl::string_view path = pictures[i].path;
      path.remove_prefix(source_.path.size());
      while (absl::ConsumePrefix(&path, "/")) continue;
      ranks.emplace_back(Sha256(absl::StrCat(source_.seed, "\n", path)), i);
    }
    std::sort(ranks.begin(), ranks.end());
    const int64_t count = std::ssize(pictures);
    const int64_t drawn = std::clamp<int64_t>(
        (count * source_.held_out_fraction_ppm + kWholePpm / 2) / kWholePpm, 1,
        count - 1);
    std::set<size_t> held_out;
    for (size_t i = 0; i < static_cast<size_t>(drawn); ++i) {
      held_out.insert(ranks[i].second);
    }
    for (size_t i = 0; i < pictures.size(); ++i) {
      (held_out.contains(i) ? folder_.held_out : folder_.train)
          .push_back(std::move(pictures[i]));
    }
  }

  const PictureFolder& source_;
  FolderLister lister_;
  ClassFolder folder_;
};

}  // namespace

absl::StatusOr<ClassFolder> ListClassFolder(const PictureFolder& source) {
  return ClassLister(source).List();
}

}  // namespace archpool
