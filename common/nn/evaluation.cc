// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/kernels/batches.h"
#include "common/kernels/weights.h"
#include "common/nn/evaluation_network.h"
#include "common/nn/runtime.h"
#include "common/nn/trial.h"

namespace archpool::nn {
namespace {

using kernels::CheckWeights;
using kernels::Displacement;
using kernels::PixelReader;

// The first index of the largest value, or -1 where one is not a number.
int64_t Predict(const float* logits, int64_t classes) {
  int64_t best = 0;
  for (int64_t c = 0; c < classes; ++c) {
    if (std::isnan(logits[c])) return -1;
    if (logits[c] > logits[best]) best = c;
  }
  return best;
}

absl::StatusOr<int64_t> CountCorrectIn(EvaluationNetwork& network,
                                       const PixelReader& reader,
                                       const Dataset& data,
                                       const std::function<bool()>& goes_on) {
  const TensorShape& shape = data.shape;
  const at::Tensor images =
      at::empty({kEvaluationBatch, shape.channels, shape.height, shape.width},
                at::kFloat, at::MemoryFormat::ChannelsLast);
  int64_t correct = 0;
  for (int64_t first = 0; first < data.count(); first += kEvaluationBatch) {
    if (goes_on && !goes_on()) {
      return MakeError(absl::StatusCode::kCancelled, "TRAINING_STOPPED",
                       absl::StrCat("the evaluation was stopped after ", first,
                                    " of ", data.count(), " examples"));
    }
    const int64_t count = std::min(kEvaluationBatch, data.count() - first);
    float* out = images.data_ptr<float>();
    for (int64_t i = 0; i < count; ++i, out += shape.elements()) {
      reader.Read(first + i, Displacement{}, out);
    }
    const at::Tensor logits =
        network.Logits(images.narrow(0, 0, count)).contiguous();
    const float* row = logits.data_ptr<float>();
    for (int64_t i = 0; i < count; ++i, row += data.classes) {
      const int64_t label = data.labels[static_cast<size_t>(first + i)];
      if (Predict(row, data.classes) == label) ++correct;
    }
  }
  return correct;
}

}  // namespace

absl::StatusOr<int64_t> CountCorrect(const LayerPlan& plan,
                                     const TensorMap& weights,
                                     const Normalization& normalization,
                                     const Dataset& dataset,
                                     const std::function<bool()>& goes_on) {
  ARCHPOOL_RETURN_IF_ERROR(CheckData(plan, dataset));
  ARCHPOOL_RETURN_IF_ERROR(CheckWeights(plan, weights));
  return Guarded([&]() -> absl::StatusOr<int64_t> {
    EvaluationNetwork network(plan, weights);
    return CountCorrectIn(network, PixelReader(dataset, normalization), dataset,
                          goes_on);
  });
}

}  // namespace archpool::nn
