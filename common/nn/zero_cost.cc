#include "common/nn/zero_cost.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "common/base/counter_rng.h"
#include "common/base/status.h"
#include "common/kernels/batches.h"
#include "common/kernels/streams.h"
#include "common/kernels/weights.h"
#include "common/nn/loss.h"
#include "common/nn/network.h"
#include "common/nn/runtime.h"

namespace archpool::nn {
namespace {

using kernels::Displacement;
using kernels::Draw;
using kernels::InitialWeights;
using kernels::PixelReader;
using kernels::StreamOf;

bool IsActivation(LayerKind kind) {
  return kind == LayerKind::kRelu || kind == LayerKind::kHardswish ||
         kind == LayerKind::kSilu;
}

// A positive definite matrix's, by its Cholesky factor.
double LogDeterminant(const at::Tensor& matrix) {
  const at::Tensor factor = at::linalg_cholesky(matrix);
  return 2 * at::log(at::diagonal(factor)).sum().item<double>();
}

// The share of activations on whose sign two images agree, for each pair.
at::Tensor AgreementKernel(const LayerPlan& plan, const Network& network,
                           int64_t batch_size) {
  at::Tensor agreements = at::zeros({batch_size, batch_size}, at::kDouble);
  double activations = 0;
  for (size_t i = 0; i < plan.layers.size(); ++i) {
    if (!IsActivation(plan.layers[i].kind)) continue;
    const at::Tensor on = at::gt(network.LayerOutput(i), 0)
                              .reshape({batch_size, -1})
                              .to(at::kDouble);
    const at::Tensor off = 1 - on;
    agreements += at::mm(on, on.t()) + at::mm(off, off.t());
    activations += static_cast<double>(on.size(1));
  }
  // Two images that no activation tells apart would make it singular.
  return agreements / std::max(1.0, activations) +
         1e-6 * at::eye(batch_size, at::kDouble);
}

}  // namespace

absl::StatusOr<ZeroCostScores> ScoreUntrained(
    const LayerPlan& plan, const Recipe& recipe, const Digest& trial_key,
    const Normalization& normalization, const Dataset& train) {
  ARCHPOOL_RETURN_IF_ERROR(CheckData(plan, train));
  return Guarded([&]() -> absl::StatusOr<ZeroCostScores> {
    const uint64_t key = trial_key.Prefix64();
    const std::vector<uint32_t> order =
        Permutation(CounterRng(key, StreamOf(Draw::kOrder, 0)),
                    static_cast<uint32_t>(train.count()));
    const int64_t size = std::min(recipe.batch_size, train.count());
    const TensorShape& shape = train.shape;
    const at::Tensor images =
        at::empty({size, shape.channels, shape.height, shape.width}, at::kFloat,
                  at::MemoryFormat::ChannelsLast);
    const PixelReader reader(train, normalization);
    std::vector<uint8_t> labels;
    for (int64_t i = 0; i < size; ++i) {
      const uint32_t example = order[static_cast<size_t>(i)];
      reader.Read(example, Displacement(),
                  images.data_ptr<float>() + i * shape.elements());
      labels.push_back(train.labels[example]);
    }
    Network network(plan, InitialWeights(plan, key));
    const Loss loss = CrossEntropy(network.Forward(images), labels, 0);
    ZeroCostScores scores;
    scores.activation_kernel_log_determinant =
        LogDeterminant(AgreementKernel(plan, network, size));
    network.Backward(loss.logits_gradient);
    double squares = 0;
    for (const Parameter& parameter : network.parameters()) {
      squares += at::square(parameter.gradient).sum().item<double>();
    }
    scores.gradient_norm = std::sqrt(squares);
    return scores;
  });
}

}  // namespace archpool::nn
