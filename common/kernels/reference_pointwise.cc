// SPDX-License-Identifier: Apache-2.0
// What is computed value by value, or over a small window: activations,
// pooling, the loss, and the optimiser.
#include <bit>
#include <cmath>

#include "common/base/check.h"
#include "common/kernels/arithmetic.h"
#include "common/kernels/reference.h"

namespace archpool::kernels::reference {
namespace {

constexpr float kSixth = 0x1.555556p-3f;
constexpr float kThird = 0x1.555556p-2f;

float Sigmoid(float value) { return 1.0f / (1.0f + Exp(-value)); }

// The pixels of one window of a pooling layer that lie inside the map.
template <typename Visit>
void ForEachInWindow(const Layer& layer, int64_t y, int64_t x,
                     const Visit& visit) {
  const TensorShape& in = layer.input_shape;
  const int64_t padding = (layer.kernel - 1) / 2;
  for (int64_t u = 0; u < layer.kernel; ++u) {
    for (int64_t v = 0; v < layer.kernel; ++v) {
      const int64_t row = y * layer.stride + u - padding;
      const int64_t column = x * layer.stride + v - padding;
      if (row < 0 || row >= in.height || column < 0 || column >= in.width) {
        continue;
      }
      visit(static_cast<size_t>(row * in.width + column));
    }
  }
}

struct Window {
  Chain sum;
  int64_t count = 0;
  size_t largest = 0;  // the pixel
  float maximum = 0;
};

// `pixels` gives the value at a pixel.
template <typename Pixels>
Window Look(const Layer& layer, int64_t y, int64_t x, const Pixels& pixels) {
  Window window;
  ForEachInWindow(layer, y, x, [&](size_t pixel) {
    const float value = pixels(pixel);
    window.sum.Add(value);
    if (window.count++ == 0 || value > window.maximum) {
      window.maximum = value;
      window.largest = pixel;
    }
  });
  return window;
}

}  // namespace

float Exp(float value) {
  constexpr float kLow = -87.0f;
  constexpr float kHigh = 88.0f;
  constexpr float kShift = 0x1.8p+23f;
  float x = value < kLow ? kLow : value;
  x = x > kHigh ? kHigh : x;
  const float shifted = std::fma(x, 0x1.715476p+0f, kShift);
  const float n = shifted - kShift;
  float r = std::fma(n, -0x1.62e400p-1f, x);
  r = std::fma(n, -0x1.7f7d1cp-20f, r);
  float p = 1.0f / 5040.0f;
  for (const float c : {1.0f / 720.0f, 1.0f / 120.0f, 1.0f / 24.0f, 1.0f / 6.0f,
                        0.5f, 1.0f, 1.0f}) {
    p = std::fma(p, r, c);
  }
  const uint32_t exponent = std::bit_cast<uint32_t>(shifted) + 127u;
  return p * std::bit_cast<float>(exponent << 23);
}

float Activate(LayerKind kind, float value) {
  switch (kind) {
    case LayerKind::kRelu:
      return value > 0.0f ? value : 0.0f;
    case LayerKind::kHardswish: {
      float gate = value + 3.0f;
      gate = gate > 0.0f ? gate : 0.0f;
      gate = gate < 6.0f ? gate : 6.0f;
      return WithoutTiny(value * (gate * kSixth));
    }
    default:
      ARCHPOOL_CHECK(kind == LayerKind::kSilu);
      return WithoutTiny(value * Sigmoid(value));
  }
}

float ActivationGradient(LayerKind kind, float value, float gradient) {
  switch (kind) {
    case LayerKind::kRelu:
      return value > 0.0f ? gradient : 0.0f;
    case LayerKind::kHardswish:
      if (value < -3.0f) return 0.0f;
      if (!(value <= 3.0f)) return gradient;
      return gradient * std::fma(value, kThird, 0.5f);
    default: {
      ARCHPOOL_CHECK(kind == LayerKind::kSilu);
      const float gate = Sigmoid(value);
      return gradient * (gate * std::fma(value, 1.0f - gate, 1.0f));
    }
  }
}

Values PoolForward(const Layer& layer, int64_t examples, View input) {
  const TensorShape& in = layer.input_shape;
  const TensorShape& out = layer.output_shape;
  const auto channels = static_cast<size_t>(in.channels);
  Values output;
  for (int64_t n = 0; n < examples; ++n) {
    const View map = input.subspan(static_cast<size_t>(n * in.elements()));
    for (int64_t y = 0; y < out.height; ++y) {
      for (int64_t x = 0; x < out.width; ++x) {
        for (size_t c = 0; c < channels; ++c) {
          const auto pixels = [&](size_t pixel) {
            return map[pixel * channels + c];
          };
          if (layer.kind == LayerKind::kGlobalAvgPool) {
            Chain sum;
            for (int64_t row = 0; row < in.height; ++row) {
              Chain of_row;
              for (int64_t column = 0; column < in.width; ++column) {
                of_row.Add(
                    pixels(static_cast<size_t>(row * in.width + column)));
              }
              sum.Add(of_row.End());
            }
            output.push_back(sum.End() /
                             static_cast<float>(in.height * in.width));
            continue;
          }
          const Window window = Look(layer, y, x, pixels);
          output.push_back(layer.kind == LayerKind::kMaxPool
                               ? window.maximum
                               : window.sum.End() /
                                     static_cast<float>(window.count));
        }
      }
    }
  }
  return output;
}

Values PoolInputGradient(const Layer& layer, int64_t examples, View input,
                         View gradient) {
  const TensorShape& in = layer.input_shape;
  const TensorShape& out = layer.output_shape;
  const auto channels = static_cast<size_t>(in.channels);
  std::vector<Chain> sums(static_cast<size_t>(examples * in.elements()));
  size_t at = 0;
  for (int64_t n = 0; n < examples; ++n) {
    const auto first = static_cast<size_t>(n * in.elements());
    for (int64_t y = 0; y < out.height; ++y) {
      for (int64_t x = 0; x < out.width; ++x) {
        for (size_t c = 0; c < channels; ++c, ++at) {
          const float g = gradient[at];
          const auto sum_at = [&](size_t pixel) -> Chain& {
            return sums[first + pixel * channels + c];
          };
          if (layer.kind == LayerKind::kGlobalAvgPool) {
            const int64_t count = in.height * in.width;
            for (int64_t i = 0; i < count; ++i) {
              sum_at(static_cast<size_t>(i)).Add(g / static_cast<float>(count));
            }
            continue;
          }
          const Window window = Look(layer, y, x, [&](size_t pixel) {
            return input[first + pixel * channels + c];
          });
          if (layer.kind == LayerKind::kMaxPool) {
            sum_at(window.largest).Add(g);
            continue;
          }
          ForEachInWindow(layer, y, x, [&](size_t pixel) {
            sum_at(pixel).Add(g / static_cast<float>(window.count));
          });
        }
      }
    }
  }
  Values result;
  result.reserve(sums.size());
  for (const Chain& sum : sums) result.push_back(sum.End());
  return result;
}

Values LossGradient(int64_t classes, View logits,
                    absl::Span<const uint8_t> labels, double smoothing) {
  const auto off = static_cast<float>(smoothing / static_cast<double>(classes));
  const auto on = static_cast<float>(1.0 - smoothing);
  const float share = 1.0f / static_cast<float>(labels.size());
  Values gradient(logits.size());
  for (size_t n = 0; n < labels.size(); ++n) {
    const size_t first = n * static_cast<size_t>(classes);
    const View row = logits.subspan(first, static_cast<size_t>(classes));
    float largest = row[0];
    for (const float z : row) largest = z > largest ? z : largest;
    Chain sum;
    for (size_t c = 0; c < row.size(); ++c) {
      gradient[first + c] = Exp(row[c] - largest);
      sum.Add(gradient[first + c]);
    }
    for (size_t c = 0; c < row.size(); ++c) {
      float p = gradient[first + c] / sum.End();
      if (c == labels[n]) p = p - on;
      gradient[first + c] = (p - off) * share;
    }
  }
  return gradient;
}

void OptimizerStep(const OptimizerRates& rates, View gradient,
                   absl::Span<float> velocity, absl::Span<float> weights) {
  for (size_t i = 0; i < weights.size(); ++i) {
    const float slope = std::fma(rates.decay, weights[i], gradient[i]);
    velocity[i] = WithoutTiny(std::fma(rates.momentum, velocity[i], slope));
    weights[i] = std::fma(
        -rates.rate, std::fma(rates.momentum, velocity[i], slope), weights[i]);
  }
}

}  // namespace archpool::kernels::reference
