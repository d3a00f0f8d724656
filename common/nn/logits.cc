// SPDX-License-Identifier: Apache-2.0
#include "common/nn/logits.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>

#include "common/base/check.h"
#include "common/base/status.h"
#include "common/kernels/weights.h"
#include "common/nn/plain_network.h"
#include "common/nn/runtime.h"

namespace archpool::nn {
namespace {

constexpr int64_t kBatch = 64;

// The pixels' values as the plan's input, computed in double and then of the
// type.
template <typename Number>
at::Tensor ReadImages(const Dataset& dataset,
                      const kernels::Normalization& normalization,
                      int64_t first, int64_t count, at::ScalarType type) {
  const double mean = static_cast<double>(normalization.mean_ppm) / 1e6;
  // A deviation of 0 is that of a dataset of one colour.
  const double deviation =
      static_cast<double>(std::max<int64_t>(normalization.deviation_ppm, 1)) /
      1e6;
  std::array<Number, 256> values;
  for (size_t pixel = 0; pixel < values.size(); ++pixel) {
    values[pixel] = static_cast<Number>(
        (static_cast<double>(pixel) / 255.0 - mean) / deviation);
  }
  const TensorShape& shape = dataset.shape;
  at::Tensor images = at::empty(
      {count, shape.channels, shape.height, shape.width}, at::dtype(type));
  const auto from = dataset.images.begin() + first * shape.elements();
  std::transform(from, from + count * shape.elements(),
                 images.data_ptr<Number>(),
                 [&](uint8_t pixel) { return values[pixel]; });
  return images;
}

}  // namespace

absl::StatusOr<std::vector<double>> ComputeLogits(
    const LayerPlan& plan, const TensorMap& weights,
    const kernels::Normalization& normalization, const Dataset& dataset,
    int64_t count, Precision precision) {
  ARCHPOOL_CHECK(count >= 0 && count <= dataset.count());
  ARCHPOOL_RETURN_IF_ERROR(CheckData(plan, dataset));
  ARCHPOOL_RETURN_IF_ERROR(kernels::CheckWeights(plan, weights));
  return Guarded([&]() -> absl::StatusOr<std::vector<double>> {
    const at::ScalarType type =
        precision == Precision::kFloat64 ? at::kDouble : at::kFloat;
    const PlainNetwork network(plan, weights, type);
    std::vector<double> logits;
    for (int64_t first = 0; first < count; first += kBatch) {
      const int64_t some = std::min(kBatch, count - first);
      const at::Tensor images =
          type == at::kDouble
              ? ReadImages<double>(dataset, normalization, first, some, type)
              : ReadImages<float>(dataset, normalization, first, some, type);
      const at::Tensor rows =
          network.Logits(images).to(at::kDouble).contiguous();
      const double* values = rows.data_ptr<double>();
      logits.insert(logits.end(), values, values + rows.numel());
    }
    return logits;
  });
}

}  // namespace archpool::nn
