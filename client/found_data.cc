// SPDX-License-Identifier: Apache-2.0
#include "client/found_data.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "client/found_pictures.h"
#include "client/import_reader.h"
#include "client/map_reader.h"
#include "common/base/status.h"

namespace archpool {
namespace {

bool IsFile(const std::string& name) {
  std::error_code error;
  return std::filesystem::is_regular_file(name, error);
}

// How the files of images and of labels are called, as a pair of each.
struct NamePair {
  absl::string_view images;
  absl::string_view labels;
};
constexpr NamePair kNamePairs[] = {
    {"images-idx3", "labels-idx1"},
    {"images.idx3", "labels.idx1"},
    {"images-idx4", "labels-idx1"},
    {"images", "labels"},
    {"x_", "y_"},
    {"X_", "y_"},
    {"x.", "y."},
    {"X.", "y."},
};
// How those of the held-out split are called, as a pair of each.
constexpr NamePair kSidePairs[] = {{"train", "t10k"}, {"train", "test"}};
// Images that a folder of such files holds.
constexpr absl::string_view kUsualImages[] = {
    "train-images-idx3-ubyte.gz",
    "train-images-idx3-ubyte",
    "train-images.idx3-ubyte",
    "train-images-idx4-ubyte.gz",
    "train-images-idx4-ubyte",
    "x_train.npy",
    "X_train.npy",
    "train_images.npy",
};

// `file` with one part of its name replaced; "" where it has no such part, or
// no file is called so.
std::string Sibling(const std::string& file, absl::string_view part,
                    absl::string_view other) {
  const std::filesystem::path whole(file);
  std::string name = whole.filename().string();
  const size_t at = name.find(std::string(part));
  if (at == std::string::npos) return "";
  name.replace(at, part.size(), std::string(other));
  const std::string sibling = (whole.parent_path() / name).string();
  return IsFile(sibling) ? sibling : "";
}

std::string LabelsOf(const std::string& images) {
  for (const NamePair& pair : kNamePairs) {
    std::string labels = Sibling(images, pair.images, pair.labels);
    if (!labels.empty()) return labels;
  }
  return "";
}

struct ImagesAndLabels {
  std::string images;
  std::string labels;
};

std::optional<ImagesAndLabels> HeldOutOf(const ImagesAndLabels& train) {
  for (const NamePair& pair : kSidePairs) {
    ImagesAndLabels found = {Sibling(train.images, pair.images, pair.labels),
                             Sibling(train.labels, pair.images, pair.labels)};
    if (!found.images.empty() && !found.labels.empty()) return found;
  }
  return std::nullopt;
}

void AddPath(const std::string& key, const std::string& file,
             FoundData& found) {
  found.lines.emplace_back(key, YamlQuoted(file));
}

FoundData OfFiles(const ImagesAndLabels& train) {
  FoundData found;
  const bool is_numpy = absl::EndsWith(train.images, ".npy");
  const std::optional<ImagesAndLabels> held_out = HeldOutOf(train);
  found.lines.emplace_back("format", is_numpy ? kArraysWord : "idx");
  AddPath("train_images", train.images, found);
  AddPath("train_labels", train.labels, found);
  if (held_out.has_value()) {
    AddPath("held_out_images", held_out->images, found);
    AddPath("held_out_labels", held_out->labels, found);
  }
  if (is_numpy) {
    ArrayFiles& arrays = found.source.arrays.emplace();
    arrays.train_images = train.images;
    arrays.train_labels = train.labels;
    if (held_out.has_value()) {
      arrays.held_out_images = held_out->images;
      arrays.held_out_labels = held_out->labels;
    }
    return found;
  }
  found.source.format = "idx";
  found.source.files = {{"train_images", {train.images}},
                        {"train_labels", {train.labels}}};
  if (held_out.has_value()) {
    found.source.files["held_out_images"] = {held_out->images};
    found.source.files["held_out_labels"] = {held_out->labels};
  }
  return found;
}

absl::Status CheckIsFile(const std::string& name) {
  if (IsFile(name)) return absl::OkStatus();
  return InvalidArgument(
      "FILE_NOT_FOUND",
      absl::StrCat("there is no file or folder ", Quoted(name)));
}

absl::StatusOr<FoundData> OfImages(const std::string& images,
                                   const std::string& named_labels) {
  const std::string labels =
      named_labels.empty() ? LabelsOf(images) : named_labels;
  if (labels.empty()) {
    return InvalidArgument(
        "LABELS_UNKNOWN",
        absl::StrCat("no file of labels lies beside ", images,
                     " under a usual name; name it with --labels"));
  }
  ARCHPOOL_RETURN_IF_ERROR(CheckIsFile(labels));
  return OfFiles({images, labels});
}

FoundData OfArchive(const std::string& file) {
  FoundData found;
  found.source.arrays.emplace().archive = file;
  AddPath("arrays", file, found);
  return found;
}

// In a comment or in quotes no such character is seen by a person, and a task's
// file refuses it as it is.
bool IsHardToSee(uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code <= 0xad) ||
         (code >= 0x2000 && code <= 0x206f) || code == 0x2212 ||
         code == 0x3000 || code == 0xfeff;
}

// The length of the UTF-8 character that begins `text`, and what it is; 1 byte,
// as it is, where it is none.
std::pair<size_t, uint32_t> FirstCharacter(absl::string_view text) {
  const auto byte = [text](size_t i) {
    return static_cast<uint32_t>(static_cast<unsigned char>(text[i]));
  };
  const uint32_t lead = byte(0);
  const size_t length = lead < 0xc0   ? 1
                        : lead < 0xe0 ? 2
                        : lead < 0xf0 ? 3
                        : lead < 0xf8 ? 4
                                      : 1;
  if (length == 1 || length > text.size()) return {1, lead};
  uint32_t code = lead & (0x7fU >> length);
  for (size_t i = 1; i < length; ++i) {
    // Or a quotation mark behind half a character would end the quotes.
    if ((byte(i) & 0xc0) != 0x80) return {1, lead};
    code = (code << 6) | (byte(i) & 0x3f);
  }
  return {length, code};
}

}  // namespace

std::string YamlQuoted(absl::string_view text) {
  std::string quoted = "\"";
  while (!text.empty()) {
    const auto [length, code] = FirstCharacter(text);
    if (code == '"' || code == '\\') {
      absl::StrAppend(&quoted, "\\", text.substr(0, 1));
    } else if (IsHardToSee(code)) {
      absl::StrAppendFormat(&quoted, "\\u%04x", code);
    } else {
      absl::StrAppend(&quoted, text.substr(0, length));
    }
    text.remove_prefix(length);
  }
  return quoted + "\"";
}

absl::StatusOr<FoundData> FindData(const std::string& path,
                                   const FindOptions& options) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    for (const absl::string_view name : kUsualImages) {
      const std::string images =
          (std::filesystem::path(path) / std::string(name)).string();
      if (IsFile(images)) return OfImages(images, options.labels);
    }
    if (!options.labels.empty()) {
      return InvalidArgument("LABELS_UNKNOWN",
                             absl::StrCat(path,
                                          " is a folder of pictures, whose "
                                          "labels are its folders; leave "
                                          "--labels out"));
    }
    return FindPictures(path, options);
  }
  ARCHPOOL_RETURN_IF_ERROR(CheckIsFile(path));
  if (absl::EndsWith(path, ".npz")) return OfArchive(path);
  return OfImages(path, options.labels);
}

}  // namespace archpool
