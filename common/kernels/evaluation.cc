// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/kernels/batches.h"
#include "common/kernels/inner/evaluation_network.h"
#include "common/kernels/inner/network_plan.h"
#include "common/kernels/inner/table.h"
#include "common/kernels/training.h"
#include "common/kernels/weights.h"

namespace archpool::kernels {
namespace {

// Small enough for the maps of one layer to stay in a cache of a megabyte.
constexpr int64_t kBatch = 16;
// What maps take, unless a single example's take more. A training keeps those
// of every layer for a whole batch, so a machine with the memory to train has
// it to evaluate, however many threads it has and however small its batches
// were.
constexpr int64_t kMapBytesMax = int64_t{16} << 20;

Parameters ParametersOf(const LayerPlan& plan, const TensorMap& weights) {
  Parameters parameters(plan.layers);
  for (const auto* places : {&parameters.trained(), &parameters.running()}) {
    for (const TensorPlace& place : *places) {
      const Tensor& tensor =
          weights.at(TensorName(static_cast<int64_t>(place.layer), place.name));
      place.layout.FromFile(tensor.values.data(), parameters.At(place));
    }
  }
  return parameters;
}

// How many examples are computed at once: as many for each thread, where that
// can be had.
int64_t BatchFor(const LayerPlan& plan, int64_t examples, int threads) {
  const int64_t floats =
      NetworkPlan(plan.input_shape, plan.layers, 1, Purpose::kEvaluation)
          .floats() +
      plan.input_shape.elements();
  const int64_t fitting = std::max<int64_t>(
      1, kMapBytesMax / (floats * static_cast<int64_t>(sizeof(float))));
  const int64_t batch = std::min(kBatch * threads, fitting);
  return std::min(batch < threads ? batch : batch / threads * threads,
                  examples);
}

}  // namespace

int64_t Predict(absl::Span<const float> logits) {
  size_t best = 0;
  for (size_t c = 0; c < logits.size(); ++c) {
    if (std::isnan(logits[c])) return -1;
    if (logits[c] > logits[best]) best = c;
  }
  return static_cast<int64_t>(best);
}

absl::Status ComputeLogits(const LayerPlan& plan, const TensorMap& weights,
                           const Normalization& normalization,
                           const Dataset& dataset, const LogitsCallback& hear,
                           const Machine& machine) {
  ARCHPOOL_RETURN_IF_ERROR(CheckData(plan, dataset));
  ARCHPOOL_RETURN_IF_ERROR(CheckWeights(plan, weights));
  Team team(machine.threads);
  const int64_t batch = BatchFor(plan, dataset.count(), machine.threads);
  EvaluationNetwork network(plan.input_shape, plan.layers, batch,
                            ParametersOf(plan, weights), TableOf(machine.simd),
                            team);
  const PixelReader reader(dataset, normalization);
  const int64_t pixels = dataset.shape.elements();
  std::vector<float> images(static_cast<size_t>(batch * pixels));
  std::vector<float> logits;
  for (int64_t first = 0; first < dataset.count(); first += batch) {
    const int64_t count = std::min(batch, dataset.count() - first);
    team.RunRanges(count, [&](int64_t from, int64_t end) {
      for (int64_t i = from; i < end; ++i) {
        reader.Read(first + i, Displacement{}, images.data() + i * pixels);
      }
    });
    const float* rows = network.Logits(images.data(), count);
    logits.clear();
    for (int64_t i = 0; i < count; ++i, rows += network.logits_stride()) {
      logits.insert(logits.end(), rows, rows + plan.classes);
    }
    if (!hear(first, logits)) {
      return MakeError(
          absl::StatusCode::kCancelled, "TRAINING_STOPPED",
          absl::StrCat("the evaluation was stopped after ", first + count,
                       " of ", dataset.count(), " examples"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> CountCorrect(const LayerPlan& plan,
                                     const TensorMap& weights,
                                     const Normalization& normalization,
                                     const Dataset& dataset,
                                     const std::function<bool()>& goes_on,
                                     const Machine& machine) {
  int64_t correct = 0;
  const auto classes = static_cast<size_t>(plan.classes);
  ARCHPOOL_RETURN_IF_ERROR(ComputeLogits(
      plan, weights, normalization, dataset,
      [&](int64_t first, absl::Span<const float> logits) {
        for (size_t i = 0; i * classes < logits.size(); ++i) {
          const int64_t label = dataset.labels[static_cast<size_t>(first) + i];
          if (Predict(logits.subspan(i * classes, classes)) == label) {
            ++correct;
          }
        }
        return !goes_on || goes_on();
      },
      machine));
  return correct;
}

}  // namespace archpool::kernels
