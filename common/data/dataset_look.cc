// SPDX-License-Identifier: Apache-2.0
#include "common/data/dataset_look.h"

#include <algorithm>
#include <cstddef>

#include "absl/container/btree_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"

namespace archpool {
namespace {

constexpr size_t kClassesNamedMax = 8;
// Below this many images, an accuracy moves by more than a hundredth with each.
constexpr int64_t kImagesForAPercent = 100;

std::vector<int64_t> CountByClass(const Dataset& dataset) {
  std::vector<int64_t> counts(static_cast<size_t>(dataset.classes), 0);
  for (const uint8_t label : dataset.labels) ++counts[label];
  return counts;
}

std::string Names(const std::vector<size_t>& classes) {
  const size_t shown = std::min(classes.size(), kClassesNamedMax);
  return absl::StrCat(
      absl::StrJoin(classes.begin(),
                    classes.begin() + static_cast<std::ptrdiff_t>(shown), ", "),
      shown < classes.size() ? ", ..." : "");
}

void WarnOfSplit(const char* key, int64_t count,
                 std::vector<std::string>& warnings) {
  if (count <= 0 || count >= kImagesForAPercent) return;
  warnings.push_back(absl::StrCat(
      key, " is ", count, ": one image more or less moves an accuracy by ",
      (1000 / count + 5) / 10,
      " % or so, and networks that differ by less look alike"));
}

void WarnOfNothingToLearn(const Dataset& dataset,
                          std::vector<std::string>& warnings) {
  const auto& labels = dataset.labels;
  if (labels.empty()) return;
  if (std::all_of(labels.begin(), labels.end(), [&labels](uint8_t label) {
        return label == labels.front();
      })) {
    warnings.push_back(absl::StrCat(
        "all ", labels.size(), " labels are ", int{labels.front()},
        ": with one class there is nothing to learn, and every network is "
        "right"));
  }
  const auto image_bytes =
      static_cast<std::ptrdiff_t>(dataset.shape.elements());
  const auto begin = dataset.images.begin();
  // Each byte equals the one an image before it: all images are the first.
  if (std::equal(begin + image_bytes, dataset.images.end(), begin)) {
    warnings.push_back(absl::StrCat(
        "all ", labels.size(),
        " images are the same, pixel by pixel: there is nothing to tell "
        "apart"));
  }
}

}  // namespace

bool LooksChannelsLast(const TensorShape& shape) {
  const bool is_colour = shape.width == 3 || shape.width == 4;
  const bool is_gray = shape.width == 1 && shape.channels == shape.height;
  return (is_colour || is_gray) && shape.channels > shape.width &&
         shape.height > shape.width;
}

std::string DescribeDataset(const TensorShape& shape, int64_t classes,
                            int64_t count) {
  return absl::StrCat(count, count == 1 ? " image" : " images", " of ",
                      shape.channels, "x", shape.height, "x", shape.width, ", ",
                      classes, classes == 1 ? " class" : " classes");
}

std::vector<std::string> DatasetWarnings(const Dataset& dataset,
                                         int64_t validation_count,
                                         int64_t held_out_count) {
  std::vector<std::string> warnings;
  WarnOfNothingToLearn(dataset, warnings);
  const std::vector<int64_t> counts = CountByClass(dataset);
  // Less than one image is expected in the split.
  const auto is_rare = [&dataset](int64_t of_class, int64_t split) {
    return split > 0 && of_class * split < dataset.count();
  };
  std::vector<size_t> empty;
  std::vector<size_t> rare;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) {
      empty.push_back(i);
    } else if (is_rare(counts[i], validation_count) ||
               is_rare(counts[i], held_out_count)) {
      rare.push_back(i);
    }
  }
  if (!empty.empty()) {
    warnings.push_back(
        absl::StrCat(empty.size(), " of ", counts.size(),
                     " classes have no image: ", Names(empty),
                     ". Is the number of classes right, and do labels begin "
                     "at 0?"));
  }
  if (!rare.empty()) {
    warnings.push_back(
        absl::StrCat("classes so rare that a split may have no image of them: ",
                     Names(rare)));
  }
  WarnOfSplit("validation_count", validation_count, warnings);
  WarnOfSplit("held_out_count", held_out_count, warnings);
  return warnings;
}

int64_t CountShared(const Dataset& others, const Dataset& some) {
  if (others.shape != some.shape) return 0;
  const auto image_bytes = static_cast<size_t>(some.shape.elements());
  const auto image_of = [image_bytes](const Dataset& dataset, int64_t i) {
    return absl::string_view(
        reinterpret_cast<const char*>(dataset.images.data()) +
            static_cast<size_t>(i) * image_bytes,
        image_bytes);
  };
  absl::btree_set<absl::string_view> known;
  for (int64_t i = 0; i < others.count(); ++i) {
    known.insert(image_of(others, i));
  }
  int64_t shared = 0;
  for (int64_t i = 0; i < some.count(); ++i) {
    if (known.contains(image_of(some, i))) ++shared;
  }
  return shared;
}

}  // namespace archpool
