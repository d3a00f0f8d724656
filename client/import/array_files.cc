// SPDX-License-Identifier: Apache-2.0
#include "client/import/array_files.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "client/import/idx_array.h"
#include "client/import/npy.h"
#include "client/import/picture.h"
#include "client/import/zip_archive.h"
#include "common/base/status.h"

namespace archpool {
namespace {

constexpr size_t kArraysNamedMax = 8;

// Images and labels to train on, and held out.
using ArrayNames = std::array<absl::string_view, 4>;
constexpr ArrayNames kUsualNames[] = {
    {"x_train", "y_train", "x_test", "y_test"},
    {"train_images", "train_labels", "test_images", "test_labels"},
    {"images", "labels", "", ""},
};

// "x_train" of "x_train.npy"; case is no difference.
std::string ArrayNameOf(const ZipEntry& entry) {
  return absl::AsciiStrToLower(absl::StripSuffix(entry.name, ".npy"));
}

const ZipEntry* FindEntry(const std::vector<ZipEntry>& entries,
                          absl::string_view name) {
  if (name.empty()) return nullptr;
  const auto found = std::find_if(
      entries.begin(), entries.end(),
      [name](const ZipEntry& entry) { return ArrayNameOf(entry) == name; });
  return found == entries.end() ? nullptr : &*found;
}

std::string NamesIn(const std::vector<ZipEntry>& entries) {
  std::vector<std::string> names;
  for (const ZipEntry& entry : entries) {
    if (names.size() == kArraysNamedMax) {
      names.push_back("...");
      break;
    }
    names.push_back(Printable(absl::StripSuffix(entry.name, ".npy")));
  }
  return names.empty() ? "nothing" : absl::StrJoin(names, ", ");
}

// The names that are used; null: none are.
absl::StatusOr<const ArrayNames*> ChooseNames(
    const std::string& name, const std::vector<ZipEntry>& entries) {
  const ArrayNames* chosen = nullptr;
  for (const ArrayNames& names : kUsualNames) {
    if (FindEntry(entries, names[0]) == nullptr &&
        FindEntry(entries, names[1]) == nullptr) {
      continue;
    }
    if (chosen != nullptr) {
      return MalformedNumpy(
          name, absl::StrCat("holds both ", (*chosen)[0], " and ", names[0],
                             ": which is meant? Save one of them alone"));
    }
    chosen = &names;
  }
  if (chosen != nullptr) return chosen;
  return MalformedNumpy(
      name, absl::StrCat("holds ", NamesIn(entries),
                         "; x_train and y_train (with x_test and y_test), "
                         "train_images and train_labels (with test_images and "
                         "test_labels), or images and labels are looked for"));
}

absl::StatusOr<ArraySide> TakeSide(const std::string& name,
                                   const std::vector<ZipEntry>& entries,
                                   absl::string_view images_name,
                                   absl::string_view labels_name) {
  const ZipEntry* const images = FindEntry(entries, images_name);
  const ZipEntry* const labels = FindEntry(entries, labels_name);
  if (images == nullptr || labels == nullptr) {
    return MalformedNumpy(
        name,
        absl::StrCat("holds ", images == nullptr ? labels_name : images_name,
                     " and no ", images == nullptr ? images_name : labels_name,
                     ": images and labels come together"));
  }
  return ArraySide{.images = images->source, .labels = labels->source};
}

absl::StatusOr<ArraySides> FindInArchive(const std::string& path) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<ZipEntry> entries, OpenZip(path));
  const std::string name = Printable(path);
  ARCHPOOL_ASSIGN_OR_RETURN(const ArrayNames* const names,
                            ChooseNames(name, entries));
  ArraySides sides;
  ARCHPOOL_ASSIGN_OR_RETURN(sides.train,
                            TakeSide(name, entries, (*names)[0], (*names)[1]));
  if (FindEntry(entries, (*names)[2]) != nullptr ||
      FindEntry(entries, (*names)[3]) != nullptr) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        sides.held_out, TakeSide(name, entries, (*names)[2], (*names)[3]));
  }
  std::vector<ZipEntry> others = entries;
  std::erase_if(others, [names](const ZipEntry& entry) {
    return std::find(names->begin(), names->end(), ArrayNameOf(entry)) !=
           names->end();
  });
  if (!others.empty()) {
    sides.notes.push_back(
        absl::StrCat(name, " also holds ", NamesIn(others), ": left out"));
  }
  return sides;
}

}  // namespace

absl::StatusOr<ArraySides> FindArrays(const ArrayFiles& source) {
  if (!source.archive.empty()) return FindInArchive(source.archive);
  const auto open = source.format == ArrayFormat::kIdx ? IdxSource : FileSource;
  ArraySides sides{.train = {.images = open(source.train_images),
                             .labels = open(source.train_labels)},
                   .held_out = std::nullopt,
                   .notes = {}};
  if (!source.held_out_images.empty()) {
    sides.held_out = {.images = open(source.held_out_images),
                      .labels = open(source.held_out_labels)};
  }
  return sides;
}

}  // namespace archpool
