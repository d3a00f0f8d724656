// SPDX-License-Identifier: Apache-2.0
// Convolutions and linear layers.
#include "common/base/check.h"
#include "common/kernels/arithmetic.h"
#include "common/kernels/reference.h"

namespace archpool::kernels::reference {
namespace {

// Where a value of a map lies.
struct MapIndex {
  explicit MapIndex(const TensorShape& map) : shape(map) {}
  size_t operator()(int64_t n, int64_t y, int64_t x, int64_t c) const {
    return static_cast<size_t>(
        ((n * shape.height + y) * shape.width + x) * shape.channels + c);
  }
  bool HasPixel(int64_t y, int64_t x) const {
    return y >= 0 && y < shape.height && x >= 0 && x < shape.width;
  }
  TensorShape shape;
};

struct ConvIndex {
  explicit ConvIndex(const Layer& layer)
      : kernel(layer.kernel),
        stride(layer.stride),
        padding((layer.kernel - 1) / 2),
        in(layer.input_shape),
        out(layer.output_shape),
        is_depthwise(layer.groups > 1),
        inputs(is_depthwise ? 1 : layer.input_shape.channels),
        outputs(layer.output_shape.channels) {
    ARCHPOOL_CHECK(layer.groups == 1 ||
                   (layer.groups == layer.input_shape.channels &&
                    layer.groups == outputs));
  }
  size_t Weight(int64_t o, int64_t i, int64_t u, int64_t v) const {
    return static_cast<size_t>(((o * inputs + i) * kernel + u) * kernel + v);
  }
  // The map's channel of the i-th input of an output's group.
  int64_t Channel(int64_t o, int64_t i) const { return is_depthwise ? o : i; }

  int64_t kernel;
  int64_t stride;
  int64_t padding;
  MapIndex in;
  MapIndex out;
  bool is_depthwise;
  int64_t inputs;  // of a group
  int64_t outputs;
};

template <typename Visit>
void ForEachValue(int64_t examples, const TensorShape& shape,
                  const Visit& visit) {
  for (int64_t n = 0; n < examples; ++n) {
    for (int64_t y = 0; y < shape.height; ++y) {
      for (int64_t x = 0; x < shape.width; ++x) {
        for (int64_t c = 0; c < shape.channels; ++c) visit(n, y, x, c);
      }
    }
  }
}

// A linear layer's input as a convolution of one pixel sees it, with the place
// of each input in the file's order.
struct LinearIndex {
  explicit LinearIndex(const Layer& layer)
      : inputs(layer.input_shape.elements()),
        outputs(layer.output_shape.channels),
        pixels(layer.input_shape.height * layer.input_shape.width),
        channels(layer.input_shape.channels) {}
  size_t Weight(int64_t o, int64_t i) const {
    return static_cast<size_t>(o * inputs + i % channels * pixels +
                               i / channels);
  }
  size_t In(int64_t n, int64_t i) const {
    return static_cast<size_t>(n * inputs + i);
  }
  size_t Out(int64_t n, int64_t o) const {
    return static_cast<size_t>(n * outputs + o);
  }
  int64_t inputs;
  int64_t outputs;
  int64_t pixels;
  int64_t channels;
};

}  // namespace

Values ConvForward(const Layer& layer, int64_t examples, View input,
                   View weights) {
  const ConvIndex at(layer);
  Values output(static_cast<size_t>(examples * layer.output_shape.elements()));
  ForEachValue(examples, layer.output_shape,
               [&](int64_t n, int64_t y, int64_t x, int64_t o) {
                 Chain chain;
                 for (int64_t u = 0; u < at.kernel; ++u) {
                   for (int64_t v = 0; v < at.kernel; ++v) {
                     const int64_t row = y * at.stride + u - at.padding;
                     const int64_t column = x * at.stride + v - at.padding;
                     if (!at.in.HasPixel(row, column)) continue;
                     for (int64_t i = 0; i < at.inputs; ++i) {
                       chain.Multiply(
                           input[at.in(n, row, column, at.Channel(o, i))],
                           weights[at.Weight(o, i, u, v)]);
                     }
                   }
                 }
                 output[at.out(n, y, x, o)] = chain.End();
               });
  return output;
}

Values ConvInputGradient(const Layer& layer, int64_t examples, View gradient,
                         View weights) {
  const ConvIndex at(layer);
  Values result(static_cast<size_t>(examples * layer.input_shape.elements()));
  const int64_t outputs = at.is_depthwise ? 1 : at.outputs;
  ForEachValue(
      examples, layer.input_shape,
      [&](int64_t n, int64_t y, int64_t x, int64_t i) {
        Chain chain;
        for (int64_t u = 0; u < at.kernel; ++u) {
          for (int64_t v = 0; v < at.kernel; ++v) {
            const int64_t down = y + at.padding - u;
            const int64_t right = x + at.padding - v;
            if (down % at.stride != 0 || right % at.stride != 0) continue;
            const int64_t row = down / at.stride;
            const int64_t column = right / at.stride;
            if (!at.out.HasPixel(row, column)) continue;
            for (int64_t k = 0; k < outputs; ++k) {
              const int64_t o = at.is_depthwise ? i : k;
              chain.Multiply(
                  gradient[at.out(n, row, column, o)],
                  weights[at.Weight(o, at.is_depthwise ? 0 : i, u, v)]);
            }
          }
        }
        result[at.in(n, y, x, i)] = chain.End();
      });
  return result;
}

Values ConvWeightGradient(const Layer& layer, int64_t examples, View input,
                          View gradient) {
  const ConvIndex at(layer);
  const int64_t sums = at.outputs * at.inputs * at.kernel * at.kernel;
  Values result(static_cast<size_t>(sums));
  const TensorShape& out = layer.output_shape;
  for (int64_t o = 0; o < at.outputs; ++o) {
    for (int64_t i = 0; i < at.inputs; ++i) {
      for (int64_t u = 0; u < at.kernel; ++u) {
        for (int64_t v = 0; v < at.kernel; ++v) {
          result[at.Weight(o, i, u, v)] = BlockedSum(
              examples, out.height, out.width, sums,
              [&](Chain& chain, int64_t n, int64_t y, int64_t x) {
                const int64_t row = y * at.stride + u - at.padding;
                const int64_t column = x * at.stride + v - at.padding;
                if (!at.in.HasPixel(row, column)) return;
                chain.Multiply(input[at.in(n, row, column, at.Channel(o, i))],
                               gradient[at.out(n, y, x, o)]);
              });
        }
      }
    }
  }
  return result;
}

Values LinearForward(const Layer& layer, int64_t examples, View input,
                     View weights, View bias) {
  const LinearIndex at(layer);
  Values output(static_cast<size_t>(examples * at.outputs));
  for (int64_t n = 0; n < examples; ++n) {
    for (int64_t o = 0; o < at.outputs; ++o) {
      Chain chain;
      for (int64_t i = 0; i < at.inputs; ++i) {
        chain.Multiply(input[at.In(n, i)], weights[at.Weight(o, i)]);
      }
      output[at.Out(n, o)] = chain.End(bias[static_cast<size_t>(o)]);
    }
  }
  return output;
}

Values LinearInputGradient(const Layer& layer, int64_t examples, View gradient,
                           View weights) {
  const LinearIndex at(layer);
  Values result(static_cast<size_t>(examples * at.inputs));
  for (int64_t n = 0; n < examples; ++n) {
    for (int64_t i = 0; i < at.inputs; ++i) {
      Chain chain;
      for (int64_t o = 0; o < at.outputs; ++o) {
        chain.Multiply(gradient[at.Out(n, o)], weights[at.Weight(o, i)]);
      }
      result[at.In(n, i)] = chain.End();
    }
  }
  return result;
}

Values LinearWeightGradient(const Layer& layer, int64_t examples, View input,
                            View gradient) {
  const LinearIndex at(layer);
  const int64_t sums = at.outputs * at.inputs;
  Values result(static_cast<size_t>(sums));
  for (int64_t o = 0; o < at.outputs; ++o) {
    for (int64_t i = 0; i < at.inputs; ++i) {
      result[at.Weight(o, i)] = BlockedSum(
          examples, 1, 1, sums, [&](Chain& chain, int64_t n, int64_t, int64_t) {
            chain.Multiply(input[at.In(n, i)], gradient[at.Out(n, o)]);
          });
    }
  }
  return result;
}

Values LinearBiasGradient(const Layer& layer, int64_t examples, View gradient) {
  const LinearIndex at(layer);
  Values result(static_cast<size_t>(at.outputs));
  for (int64_t o = 0; o < at.outputs; ++o) {
    result[static_cast<size_t>(o)] =
        BlockedSum(examples, 1, 1, at.outputs,
                   [&](Chain& chain, int64_t n, int64_t, int64_t) {
                     chain.Add(gradient[at.Out(n, o)]);
                   });
  }
  return result;
}

}  // namespace archpool::kernels::reference
