// SPDX-License-Identifier: Apache-2.0
// Maps as kernels have them, for the kernels' tests: with borders, spare
// channels and slack around the values that the reference computes with.
// Header-only; value types; thread-compatible.
#ifndef ARCHPOOL_COMMON_KERNELS_INNER_TEST_MAPS_H_
#define ARCHPOOL_COMMON_KERNELS_INNER_TEST_MAPS_H_

#include <bit>
#include <cmath>
#include <cstdint>

#include "common/base/counter_rng.h"
#include "common/kernels/inner/passes.h"
#include "common/kernels/reference.h"

namespace archpool::kernels {

using reference::Values;
using reference::View;

// Between −1 and 1, with some −0; or with every special number among them.
inline Values RandomValues(uint64_t seed, int64_t count, bool is_wild = false) {
  CounterRng rng(seed, 0);
  Values values(static_cast<size_t>(count));
  for (float& value : values) {
    value = 2.0f * rng.NextUnitFloat() - 1.0f;
    if (rng.Below(16) == 0) value = -0.0f;
    if (!is_wild) continue;
    value *= 8.0f;
    const float wild[] = {NAN,       INFINITY,  -INFINITY, 1e-42f, -1e-42f,
                          0x1p-101f, 0x1p-100f, 3e38f,     -3.0f,  3.0f};
    const uint32_t which = rng.Below(40);
    if (which < 10) value = wild[which];
  }
  return values;
}

// What bits a NaN has is not specified.
inline bool AreSame(float a, float b) {
  return (std::isnan(a) && std::isnan(b)) ||
         std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b);
}

// The first place where two differ; -1 for none.
inline int64_t FirstDifference(View a, View b) {
  if (a.size() != b.size()) return 0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!AreSame(a[i], b[i])) return static_cast<int64_t>(i);
  }
  return -1;
}

class TestMap {
 public:
  // A border of this many pixels on each side. An image has no spare channels.
  // Behind each column there are `distance` floats of somebody else.
  TestMap(const TensorShape& shape, int64_t examples, int64_t border,
          float background, bool is_image = false, int64_t distance = 0)
      : shape_(shape), examples_(examples), background_(background) {
    own_ = is_image ? shape.channels : RoundUp(shape.channels, kChannelStep);
    strides_.column = own_ + distance;
    strides_.row = strides_.column * (shape.width + 2 * border);
    strides_.example = strides_.row * (shape.height + 2 * border);
    origin_ = border * (strides_.row + strides_.column);
    data_.assign(static_cast<size_t>(examples * strides_.example + kSlack),
                 background);
  }
  TestMap(const TensorShape& shape, int64_t examples, int64_t border, View from,
          bool is_image = false)
      : TestMap(shape, examples, border, 0.0f, is_image) {
    size_t at = 0;
    for (int64_t n = 0; n < examples; ++n) {
      for (int64_t y = 0; y < shape.height; ++y) {
        for (int64_t x = 0; x < shape.width; ++x) {
          for (int64_t c = 0; c < shape.channels; ++c) {
            first()[Offset(n, y, x) + c] = from[at++];
          }
        }
      }
    }
  }

  // The first pixel's first channel.
  float* first() { return data_.data() + origin_; }
  const float* first() const { return data_.data() + origin_; }
  const Strides& strides() const { return strides_; }

  Values Get() const {
    Values values;
    for (int64_t n = 0; n < examples_; ++n) {
      for (int64_t y = 0; y < shape_.height; ++y) {
        for (int64_t x = 0; x < shape_.width; ++x) {
          const float* from = first() + Offset(n, y, x);
          values.insert(values.end(), from, from + shape_.channels);
        }
      }
    }
    return values;
  }

  // Whether spare channels hold +0, and the border what it held.
  bool IsCleanAround() const {
    TestMap expected = *this;
    expected.data_.assign(data_.size(), background_);
    for (int64_t n = 0; n < examples_; ++n) {
      for (int64_t y = 0; y < shape_.height; ++y) {
        for (int64_t x = 0; x < shape_.width; ++x) {
          const int64_t at = Offset(n, y, x);
          for (int64_t c = 0; c < own_; ++c) {
            expected.first()[at + c] =
                c < shape_.channels ? first()[at + c] : 0.0f;
          }
        }
      }
    }
    return FirstDifference(expected.data_, data_) < 0;
  }

 private:
  int64_t Offset(int64_t n, int64_t y, int64_t x) const {
    return n * strides_.example + y * strides_.row + x * strides_.column;
  }

  TensorShape shape_;
  int64_t examples_;
  float background_;
  int64_t own_ = 0;  // floats of a column
  Strides strides_;
  int64_t origin_ = 0;
  Values data_;
};

}  // namespace archpool::kernels

#endif  // ARCHPOOL_COMMON_KERNELS_INNER_TEST_MAPS_H_
