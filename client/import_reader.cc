// SPDX-License-Identifier: Apache-2.0
#include "client/import_reader.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/data/dataset_format.h"
#include "common/model/limits.h"

namespace archpool {
namespace {

// Less is none of most folders, more leaves nothing to train on.
constexpr Range<int64_t> kHeldOutFractionPpm{1'000, 900'000};
constexpr Range<int64_t> kImportSeed{0, 1'000'000'000};
constexpr int64_t kHexDigitsOfColour = 6;

const std::vector<std::string>& PictureKeys() {
  static const auto* const kKeys = new std::vector<std::string>{
      "format", "images",         "size",     "fit",
      "colors", "background",     "held_out", "held_out_fraction",
      "seed",   "held_out_count", "classes",  "validation_count"};
  return *kKeys;
}

const std::vector<std::string>& ArrayKeys() {
  static const auto* const kKeys = new std::vector<std::string>{
      "format",          "arrays",          "train_images", "train_labels",
      "held_out_images", "held_out_labels", "channels",     "held_out_count",
      "classes",         "validation_count"};
  return *kKeys;
}

const std::vector<std::string>& Cifar100Keys() {
  static const auto* const kKeys = new std::vector<std::string>{
      "format",         "train_batches", "held_out_batches", "labels",
      "held_out_count", "classes",       "validation_count"};
  return *kKeys;
}

// "32x24" as width and height.
std::optional<std::pair<int64_t, int64_t>> ParseSize(absl::string_view text) {
  const std::vector<absl::string_view> sides = absl::StrSplit(text, 'x');
  if (sides.size() != 2) return std::nullopt;
  const std::optional<int64_t> width = ParseInteger(sides[0]);
  const std::optional<int64_t> height = ParseInteger(sides[1]);
  if (!width.has_value() || !limits::kImageSide.Contains(*width) ||
      !height.has_value() || !limits::kImageSide.Contains(*height)) {
    return std::nullopt;
  }
  return std::pair(*width, *height);
}

std::optional<Rgb> ParseColour(absl::string_view text) {
  if (text == "black") return Rgb{0, 0, 0};
  if (text == "white") return Rgb{255, 255, 255};
  const bool is_hex =
      std::ssize(text) == kHexDigitsOfColour &&
      std::all_of(text.begin(), text.end(), [](char c) {
        return absl::ascii_isxdigit(static_cast<unsigned char>(c));
      });
  uint32_t bits = 0;
  if (!is_hex || !absl::SimpleHexAtoi(text, &bits)) return std::nullopt;
  return Rgb{static_cast<uint8_t>(bits >> 16), static_cast<uint8_t>(bits >> 8),
             static_cast<uint8_t>(bits)};
}

class ImportReader {
 public:
  ImportReader(ProblemList& problems, const YamlNode& node,
               const std::vector<std::string>& keys,
               const PathReader& read_path)
      : problems_(problems),
        map_(problems, &node, "dataset", keys),
        read_path_(read_path) {}

  void ReadPictures(DatasetSource& source) {
    PictureFolder& folder = source.pictures.emplace();
    folder.path = ReadPath("images", /*is_folder=*/true);
    if (const auto size = ReadParsed(
            "size", ParseSize,
            absl::StrCat("WIDTHxHEIGHT in pixels, such as 32x32, each in ",
                         ToString(limits::kImageSide)))) {
      std::tie(folder.width, folder.height) = *size;
    }
    folder.fit = ReadWord("fit", {"crop", "stretch"}) == "stretch"
                     ? PictureFit::kStretch
                     : PictureFit::kCrop;
    folder.is_gray = ReadWord("colors", {"rgb", "gray"}) == "gray";
    folder.background =
        ReadParsed("background", ParseColour,
                   "black, white, or six hexadecimal digits such as 80ff00");
    folder.held_out = ReadWord("held_out", {"validation", "val", "test"});
    map_.ReadMillionths("held_out_fraction", kHeldOutFractionPpm,
                        folder.held_out_fraction_ppm);
    map_.ReadInteger("seed", kImportSeed, folder.seed);
    CheckOneHeldOut({"held_out", "held_out_fraction", "held_out_count"});
    if (map_.Find("seed") && !map_.Find("held_out_fraction")) {
      Complain("seed",
               "draws the held-out images, and there is no "
               "dataset.held_out_fraction to draw; leave it out");
    }
    ReadCounts(source);
  }

  void ReadArrays(DatasetSource& source) {
    ArrayFiles& arrays = source.arrays.emplace();
    if (map_.Find("arrays") != nullptr) {
      arrays.archive = ReadPath("arrays", /*is_folder=*/false);
      for (const char* key : {"train_images", "train_labels", "held_out_images",
                              "held_out_labels"}) {
        if (map_.Find(key) == nullptr) continue;
        Complain(key,
                 "is given beside dataset.arrays, whose arrays have names "
                 "of their own; leave one of the two out");
      }
    } else {
      ReadArrayFiles(arrays);
    }
    const std::string channels = ReadWord("channels", {"first", "last"});
    if (channels == "first") arrays.channels = ArrayChannels::kFirst;
    if (channels == "last") arrays.channels = ArrayChannels::kLast;
    ReadCounts(source);
  }

  void ReadCifar100(DatasetSource& source) {
    Cifar100Files& files = source.cifar100.emplace();
    files.train = ReadPaths("train_batches");
    if (map_.Find("held_out_batches") != nullptr) {
      files.held_out = ReadPaths("held_out_batches");
      CheckOneHeldOut({"held_out_batches", "held_out_count"});
    } else if (map_.Find("held_out_count") == nullptr) {
      problems_.Add(map_.position(),
                    "dataset has no held-out images; give held_out_batches, or "
                    "held_out_count to draw some from the train images");
    }
    files.is_coarse = ReadWord("labels", {"fine", "coarse"}) == "coarse";
    ReadCounts(source);
  }

 private:
  void ReadArrayFiles(ArrayFiles& arrays) {
    arrays.train_images = ReadPath("train_images", /*is_folder=*/false);
    arrays.train_labels = ReadPath("train_labels", /*is_folder=*/false);
    const bool has_held_out = map_.Find("held_out_images") != nullptr ||
                              map_.Find("held_out_labels") != nullptr;
    if (has_held_out) {
      arrays.held_out_images = ReadPath("held_out_images", false);
      arrays.held_out_labels = ReadPath("held_out_labels", false);
      CheckOneHeldOut({"held_out_images", "held_out_count"});
    } else if (map_.Find("held_out_count") == nullptr) {
      problems_.Add(map_.position(),
                    "dataset has no held-out images; give held_out_images and "
                    "held_out_labels, or held_out_count to draw some from the "
                    "train images");
    }
  }

  // What is optional here is found in what is brought.
  void ReadCounts(DatasetSource& source) {
    map_.ReadInteger("classes", limits::kClasses, source.classes);
    map_.ReadInteger("held_out_count", limits::kImages, source.held_out_count);
    if (map_.Require("validation_count") != nullptr) {
      map_.ReadInteger("validation_count", limits::kImages,
                       source.validation_count);
    }
  }

  std::string ReadPath(const char* key, bool is_folder) {
    if (map_.Require(key) == nullptr) return "";
    std::string written;
    map_.ReadText(key, written);
    if (written.empty()) return "";
    return read_path_(map_.Find(key)->position, map_.NameOf(key), written,
                      is_folder);
  }

  std::vector<std::string> ReadPaths(const char* key) {
    std::vector<std::string> paths;
    const YamlNode* const list = map_.RequireList(key);
    if (list == nullptr) return paths;
    if (std::ssize(list->items) > kDatasetFilesMax) {
      Complain(key, absl::StrCat("has ", list->items.size(),
                                 " files; it may have ", kDatasetFilesMax));
      return paths;
    }
    for (const YamlNode& item : list->items) {
      paths.push_back(read_path_(item.position, map_.NameOf(key), item.text,
                                 /*is_folder=*/false));
    }
    return paths;
  }

  // One of `words`, or "" where there is none.
  std::string ReadWord(const char* key, const std::vector<std::string>& words) {
    std::string word;
    map_.ReadText(key, word);
    if (word.empty() ||
        std::find(words.begin(), words.end(), word) != words.end()) {
      return word;
    }
    Complain(key, absl::StrCat("is ", Quoted(word), Suggestion(word, words),
                               "it must be ", absl::StrJoin(words, " or ")));
    return "";
  }

  template <typename Value>
  std::optional<Value> ReadParsed(
      const char* key, std::optional<Value> (*parse)(absl::string_view),
      const std::string& expected) {
    std::string text;
    map_.ReadText(key, text);
    if (text.empty()) return std::nullopt;
    const std::optional<Value> value = parse(text);
    if (!value.has_value()) {
      Complain(key,
               absl::StrCat("is ", Quoted(text), "; it must be ", expected));
    }
    return value;
  }

  // They say the same in ways that exclude each other.
  void CheckOneHeldOut(const std::vector<const char*>& keys) {
    const char* first = nullptr;
    for (const char* key : keys) {
      if (map_.Find(key) == nullptr) continue;
      if (first != nullptr) {
        Complain(key, absl::StrCat("is given beside dataset.", first,
                                   "; each says which images are held out, so "
                                   "leave one of the two out"));
      }
      first = key;
    }
  }

  void Complain(const char* key, absl::string_view what) {
    problems_.Add(map_.Find(key)->position,
                  absl::StrCat(map_.NameOf(key), " ", what));
  }

  ProblemList& problems_;
  MapReader map_;
  const PathReader& read_path_;
};

}  // namespace

std::string DescribeImportedFormats() {
  return "  images   a folder of PNG or JPEG files, a folder for each class\n"
         "           images (the folder), size, fit, colors, background, "
         "held_out,\n           held_out_fraction, seed\n"
         "  numpy    .npz, or .npy files\n"
         "           arrays (the .npz), or train_images, train_labels,\n"
         "           held_out_images, held_out_labels; channels\n"
         "  cifar100 the binary version of CIFAR-100, gzip or not\n"
         "           train_batches (a list), held_out_batches (a list), "
         "labels\n";
}

std::vector<std::string> ImportedKeys() {
  std::vector<std::string> keys(PictureKeys().begin() + 1, PictureKeys().end());
  keys.insert(keys.end(), ArrayKeys().begin() + 1, ArrayKeys().end());
  keys.insert(keys.end(), Cifar100Keys().begin() + 1, Cifar100Keys().end());
  return keys;
}

absl::string_view ImportedWordOf(const YamlNode& dataset) {
  const auto text_of = [&dataset](absl::string_view key) -> const YamlNode* {
    for (size_t i = 0; i < dataset.keys.size(); ++i) {
      if (dataset.keys[i].text == key) return &dataset.items[i];
    }
    return nullptr;
  };
  if (const YamlNode* format = text_of("format")) {
    for (const char* word : {kPicturesWord, kArraysWord, kCifar100Word}) {
      if (format->text == word) return word;
    }
    return "";
  }
  if (text_of("images") != nullptr) return kPicturesWord;
  return text_of("arrays") != nullptr ? kArraysWord : "";
}

void ReadImported(ProblemList& problems, const YamlNode& dataset,
                  const PathReader& read_path, DatasetSource& source) {
  const absl::string_view word = ImportedWordOf(dataset);
  if (word == kPicturesWord) {
    ImportReader(problems, dataset, PictureKeys(), read_path)
        .ReadPictures(source);
  } else if (word == kCifar100Word) {
    ImportReader(problems, dataset, Cifar100Keys(), read_path)
        .ReadCifar100(source);
  } else {
    ImportReader(problems, dataset, ArrayKeys(), read_path).ReadArrays(source);
  }
}

}  // namespace archpool
