// SPDX-License-Identifier: Apache-2.0
// Images with labels, and their content-addressed blob form. Value types;
// thread-compatible.
#ifndef ARCHPOOL_COMMON_DATA_DATASET_H_
#define ARCHPOOL_COMMON_DATA_DATASET_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/crypto/sha256.h"
#include "common/model/dataset_manifest.h"
#include "common/nas/layer_plan.h"

namespace archpool {

// Keeps the integer arithmetic of PixelStatistics within 128 bits.
inline constexpr int64_t kDatasetImageBytesMax = int64_t{1} << 36;

// INVALID_ARGUMENT (DATASET_MALFORMED): outside the limits of
// common/model/limits.h. Unlike a registered dataset, a split may be empty, and
// all its images may be of one class.
absl::Status CheckDatasetLimits(const TensorShape& shape, int64_t classes,
                                int64_t count);

// One split, in memory.
struct Dataset {
  TensorShape shape;            // of one image
  int64_t classes = 0;          // labels are in [0, classes)
  std::vector<uint8_t> images;  // uint8 [count, channels, height, width]
  std::vector<uint8_t> labels;  // uint8 [count]

  int64_t count() const { return static_cast<int64_t>(labels.size()); }
  friend bool operator==(const Dataset&, const Dataset&) = default;
};

// These examples of it, in that order.
// REQUIRES: indices in [0, dataset.count()).
Dataset PickExamples(const Dataset& dataset,
                     absl::Span<const int64_t> examples);

// Over all pixels and channels, in millionths of the full range; rounded down,
// computed in integers so that every machine reads the same number.
struct PixelStatistics {
  int64_t mean_ppm = 0;
  int64_t deviation_ppm = 1;  // at least 1: it is divided by
  friend bool operator==(const PixelStatistics&,
                         const PixelStatistics&) = default;
};
PixelStatistics StatisticsOf(const Dataset& dataset);

// The public description of three splits of one dataset.
// REQUIRES: they agree in shape and classes.
DatasetManifest MakeManifest(const Dataset& train, const Dataset& validation,
                             const Dataset& held_out);

// The blob: "archdata", then 64-bit little-endian version (1), channels,
// height, width, classes and count, then the images, then the labels.
// REQUIRES: CheckDatasetLimits takes it; images and labels of `count`.
std::string EncodeDataset(const Dataset& dataset);
// EncodeDataset(dataset).size(), without the copy; and its Sha256.
int64_t EncodedSize(const Dataset& dataset);
Digest DigestOf(const Dataset& dataset);
// INVALID_ARGUMENT (DATASET_MALFORMED): every length, label and limit is
// checked before anything is allocated.
absl::StatusOr<Dataset> DecodeDataset(absl::string_view blob);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_DATA_DATASET_H_
