// SPDX-License-Identifier: Apache-2.0
#include "client/found_data.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/types/span.h"
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

// A list of paths, as YAML.
std::string YamlList(const std::vector<std::string>& paths) {
  return absl::StrCat("[",
                      absl::StrJoin(paths, ", ",
                                    [](std::string* out, const auto& path) {
                                      absl::StrAppend(out, YamlQuoted(path));
                                    }),
                      "]");
}

// `names` as far as they are files of `folder`.
std::vector<std::string> FilesAmong(const std::string& folder,
                                    absl::Span<const absl::string_view> names) {
  std::vector<std::string> files;
  for (const absl::string_view name : names) {
    std::string file =
        (std::filesystem::path(folder) / std::string(name)).string();
    if (IsFile(file)) files.push_back(std::move(file));
  }
  return files;
}

// The files of CIFAR-10 or of CIFAR-100, as their archives hold them.
std::optional<FoundData> OfCifar(const std::string& folder) {
  constexpr absl::string_view kBatches[] = {
      "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
      "data_batch_4.bin", "data_batch_5.bin"};
  FoundData found;
  std::vector<std::string> train = FilesAmong(folder, kBatches);
  const bool is_of_10 = !train.empty();
  if (!is_of_10) train = FilesAmong(folder, {"train.bin"});
  if (train.empty()) return std::nullopt;
  const std::vector<std::string> held_out =
      FilesAmong(folder, {is_of_10 ? "test_batch.bin" : "test.bin"});
  found.lines.emplace_back("format", is_of_10 ? "cifar10" : kCifar100Word);
  found.lines.emplace_back("train_batches", YamlList(train));
  if (!held_out.empty()) {
    found.lines.emplace_back("held_out_batches", YamlList(held_out));
  }
  if (!is_of_10) {
    found.source.cifar100 = {.train = train, .held_out = held_out};
    return found;
  }
  found.source.format = "cifar10";
  found.source.classes = 10;
  found.source.files["train_batches"] = train;
  if (!held_out.empty()) found.source.files["held_out_batches"] = held_out;
  return found;
}

// The .npz in a folder that has no folders, which would be of pictures; "":
// there is none.
absl::StatusOr<std::string> ArchiveIn(const std::string& folder) {
  std::string archive;
  std::string other;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end;
       !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (absl::StartsWith(name, ".")) continue;
    std::error_code unknown;
    if (it->is_directory(unknown)) return std::string();
    if (!absl::EndsWith(name, ".npz")) continue;
    if (!archive.empty()) other = name;
    if (archive.empty()) archive = it->path().string();
  }
  if (other.empty()) return archive;
  return InvalidArgument(
      "DATA_UNCLEAR",
      absl::StrCat(folder, " holds several .npz, ", Quoted(other),
                   " among them: name the one that is meant"));
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
    if (std::optional<FoundData> cifar = OfCifar(path)) {
      return *std::move(cifar);
    }
    ARCHPOOL_ASSIGN_OR_RETURN(const std::string archive, ArchiveIn(path));
    if (!archive.empty()) return OfArchive(archive);
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
