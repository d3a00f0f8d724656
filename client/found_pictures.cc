// SPDX-License-Identifier: Apache-2.0
#include "client/found_pictures.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/import/class_folder.h"
#include "client/import/imported.h"
#include "client/import/picture.h"
#include "common/base/millionths.h"
#include "common/base/status.h"
#include "common/data/dataset_file.h"
#include "common/data/read_file.h"

namespace archpool {
namespace {

constexpr size_t kLookedAtMax = 64;
constexpr int64_t kSideStep = 8;  // of sizes that are chosen here
constexpr int64_t kHeldOutPpm = 200'000;
constexpr Rgb kWhite{255, 255, 255};

// The pictures that were examined.
struct PictureLook {
  std::vector<std::pair<int64_t, int64_t>> sizes;  // width, height
  bool is_gray = true;
  bool is_transparent = false;
};

absl::Status LookAtOne(const std::string& path, PictureLook& look) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string bytes,
                            ReadFile(path, kPictureFileBytesMax));
  const std::string name = Printable(path);
  ARCHPOOL_ASSIGN_OR_RETURN(const PictureHead head, LookAtPicture(name, bytes));
  look.sizes.emplace_back(head.ShownWidth(), head.ShownHeight());
  ARCHPOOL_ASSIGN_OR_RETURN(Picture picture, DecodePicture(name, bytes, head));
  const absl::StatusOr<Picture> opaque =
      Flatten(name, picture, std::nullopt, /*is_gray=*/false);
  if (!opaque.ok()) look.is_transparent = true;
  ARCHPOOL_ASSIGN_OR_RETURN(
      const Picture flat,
      Flatten(name, std::move(picture), kWhite, /*is_gray=*/false));
  look.is_gray = look.is_gray && IsGray(flat);
  return absl::OkStatus();
}

// Evenly over all classes.
absl::StatusOr<PictureLook> LookAtSome(
    const std::vector<ClassPicture>& pictures, const std::stop_token& stop) {
  PictureLook look;
  const size_t count = std::min(pictures.size(), kLookedAtMax);
  for (size_t i = 0; i < count; ++i) {
    if (stop.stop_requested()) return Stopped();
    ARCHPOOL_RETURN_IF_ERROR(
        LookAtOne(pictures[i * pictures.size() / count].path, look));
  }
  return look;
}

// Theirs, where they all have the same and it is small; else a square that most
// of them fill.
std::pair<int64_t, int64_t> ChooseSize(const PictureLook& look,
                                       int64_t side_max) {
  const auto [width, height] = look.sizes.front();
  const bool is_one =
      std::all_of(look.sizes.begin(), look.sizes.end(),
                  [&look](const auto& size) { return size == look.sizes[0]; });
  if (is_one && std::max(width, height) <= side_max) return {width, height};
  std::vector<int64_t> sides;
  for (const auto& [w, h] : look.sizes) sides.push_back(std::min(w, h));
  std::sort(sides.begin(), sides.end());
  const int64_t middle = sides[sides.size() / 2] / kSideStep * kSideStep;
  const int64_t side = std::clamp(middle, kSideStep, side_max);
  return {side, side};
}

// A file that is made of them must not be larger than the pool takes.
void ShrinkToFit(int64_t pictures, int64_t channels,
                 std::pair<int64_t, int64_t>& size) {
  const auto bytes = [&] {
    return pictures * channels * size.first * size.second;
  };
  while (bytes() > kDatasetFileSizeMax - kSideStep * 1'024 &&
         std::min(size.first, size.second) > kSideStep) {
    const int64_t side = std::min(size.first, size.second) - 1;
    size = {side / kSideStep * kSideStep, side / kSideStep * kSideStep};
  }
}

// Which of the folders beside train/ is held out; "": there is one, or none.
std::string ChooseHeldOut(const std::string& folder) {
  std::vector<std::string> there;
  for (const char* name : {"test", "val", "validation"}) {
    std::error_code error;
    if (std::filesystem::is_directory(std::filesystem::path(folder) / name,
                                      error)) {
      there.emplace_back(name);
    }
  }
  std::error_code error;
  const bool has_train = std::filesystem::is_directory(
      std::filesystem::path(folder) / "train", error);
  return has_train && there.size() > 1 ? there.front() : "";
}

}  // namespace

absl::StatusOr<FoundData> FindPictures(const std::string& folder,
                                       const FindOptions& options) {
  FoundData found;
  PictureFolder& source = found.source.pictures.emplace();
  source.path = folder;
  source.held_out = ChooseHeldOut(folder);
  ARCHPOOL_ASSIGN_OR_RETURN(const ClassFolder listed, ListClassFolder(source));
  ARCHPOOL_ASSIGN_OR_RETURN(const PictureLook look,
                            LookAtSome(listed.train, options.stop));
  std::pair<int64_t, int64_t> size = ChooseSize(look, options.picture_side_max);
  ShrinkToFit(std::ssize(listed.train), look.is_gray ? 1 : 3, size);
  std::tie(source.width, source.height) = size;
  source.is_gray = look.is_gray;
  found.lines = {{"images", YamlQuoted(folder)},
                 {"size", absl::StrCat(size.first, "x", size.second)}};
  if (look.is_gray) found.lines.emplace_back("colors", "gray");
  if (look.is_transparent) {
    source.background = kWhite;
    found.lines.emplace_back("background", "white");
  }
  if (!source.held_out.empty()) {
    found.lines.emplace_back("held_out", source.held_out);
  } else if (listed.held_out.empty()) {
    source.held_out_fraction_ppm = kHeldOutPpm;
    found.lines.emplace_back("held_out_fraction",
                             FormatMillionths(kHeldOutPpm));
  }
  return found;
}

}  // namespace archpool
