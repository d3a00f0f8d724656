// SPDX-License-Identifier: Apache-2.0
#include "common/data/split.h"

#include <cstddef>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/counter_rng.h"
#include "common/base/status.h"

namespace archpool {
namespace {

constexpr uint64_t kSplitStream = 1;

enum class Part : uint8_t { kTrain, kValidation, kHeldOut };

absl::Status CheckSizes(const Dataset& dataset) {
  ARCHPOOL_RETURN_IF_ERROR(
      CheckDatasetLimits(dataset.shape, dataset.classes, dataset.count()));
  if (static_cast<int64_t>(dataset.images.size()) !=
      dataset.count() * dataset.shape.elements()) {
    return InvalidArgument(
        "DATASET_MALFORMED",
        absl::StrCat("dataset: ", dataset.images.size(),
                     " bytes of images for ", dataset.count(), " labels"));
  }
  return absl::OkStatus();
}

// The images of `dataset` that belong to `part`, in their order.
Dataset Select(const Dataset& dataset, const std::vector<Part>& parts,
               Part part, int64_t count) {
  Dataset selected;
  selected.shape = dataset.shape;
  selected.classes = dataset.classes;
  const auto image_bytes = static_cast<size_t>(dataset.shape.elements());
  selected.images.reserve(image_bytes * static_cast<size_t>(count));
  selected.labels.reserve(static_cast<size_t>(count));
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i] != part) continue;
    const uint8_t* image = dataset.images.data() + i * image_bytes;
    selected.images.insert(selected.images.end(), image, image + image_bytes);
    selected.labels.push_back(dataset.labels[i]);
  }
  return selected;
}

}  // namespace

absl::Status CheckSplitCounts(int64_t count, bool has_held_out,
                              int64_t validation_count,
                              int64_t held_out_count) {
  if (validation_count < 1 || validation_count > count) {
    return InvalidArgument(
        "SPLIT_RANGE",
        absl::StrCat("validation_count is ", validation_count,
                     "; it must be in [1, ", count, "), the number of images"));
  }
  if (has_held_out && held_out_count != 0) {
    return InvalidArgument(
        "SPLIT_RANGE",
        absl::StrCat("held_out_count is ", held_out_count,
                     ", but a held-out dataset is given; leave one of the two "
                     "out"));
  }
  if (!has_held_out && (held_out_count < 1 || held_out_count > count)) {
    return InvalidArgument(
        "SPLIT_RANGE",
        absl::StrCat("held_out_count is ", held_out_count,
                     " and no held-out dataset is given; it must be in [1, ",
                     count, "), the number of images"));
  }
  if (validation_count + held_out_count >= count) {
    return InvalidArgument(
        "SPLIT_RANGE",
        absl::StrCat("validation_count and held_out_count take ",
                     validation_count + held_out_count, " of ", count,
                     " images and leave none to train on"));
  }
  return absl::OkStatus();
}

absl::StatusOr<DatasetSplit> SplitDataset(
    const Dataset& dataset, const std::optional<Dataset>& held_out,
    int64_t validation_count, int64_t held_out_count,
    const Digest& split_secret) {
  ARCHPOOL_RETURN_IF_ERROR(CheckSizes(dataset));
  if (held_out.has_value()) {
    ARCHPOOL_RETURN_IF_ERROR(CheckSizes(*held_out));
    if (held_out->shape != dataset.shape ||
        held_out->classes != dataset.classes) {
      return InvalidArgument("SPLIT_MISMATCH",
                             "the held-out dataset must have the shape and the "
                             "classes of the one to train on");
    }
    if (held_out->count() == 0) {
      return InvalidArgument("SPLIT_RANGE", "the held-out dataset is empty");
    }
  }
  ARCHPOOL_RETURN_IF_ERROR(CheckSplitCounts(
      dataset.count(), held_out.has_value(), validation_count, held_out_count));

  const Digest key = HmacSha256(split_secret, "split");
  const std::vector<uint32_t> drawn =
      Permutation(CounterRng(key.Prefix64(), kSplitStream),
                  static_cast<uint32_t>(dataset.count()));
  std::vector<Part> parts(drawn.size(), Part::kTrain);
  const auto held_out_end = static_cast<size_t>(held_out_count);
  const auto validation_end =
      static_cast<size_t>(held_out_count + validation_count);
  for (size_t i = 0; i < validation_end; ++i) {
    parts[drawn[i]] = i < held_out_end ? Part::kHeldOut : Part::kValidation;
  }

  DatasetSplit split;
  split.train = Select(dataset, parts, Part::kTrain,
                       dataset.count() - validation_count - held_out_count);
  split.validation =
      Select(dataset, parts, Part::kValidation, validation_count);
  split.held_out = held_out.has_value()
                       ? *held_out
                       : Select(dataset, parts, Part::kHeldOut, held_out_count);
  split.manifest = MakeManifest(split.train, split.validation, split.held_out);
  return split;
}

}  // namespace archpool
