// SPDX-License-Identifier: Apache-2.0
// The sums of docs/arithmetic.md: chains, trees, and blocks over a batch; and
// what becomes zero. Value types; thread-compatible.
#ifndef ARCHPOOL_COMMON_KERNELS_ARITHMETIC_H_
#define ARCHPOOL_COMMON_KERNELS_ARITHMETIC_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "common/nas/network_constants.h"

namespace archpool::kernels {

// Nearer to zero than this, a dead channel would compute with denormal numbers.
inline float WithoutTiny(float value) {
  constexpr float kTiniest = 0x1p-100f;
  return value < kTiniest && value > -kTiniest ? 0.0f : value;
}

class Chain {
 public:
  void Multiply(float a, float b) { sum_ = std::fma(a, b, sum_); }
  void Add(float a) { sum_ = sum_ + a; }
  // `last` stands in place of the final +0, as a bias does.
  float End(float last = 0.0f) const { return sum_ + last; }

 private:
  float sum_ = 0.0f;
};

// Leaves the sum in the first. REQUIRES: values is not empty.
template <typename Number>
Number Tree(std::vector<Number> values) {
  for (size_t d = 1; d < values.size(); d *= 2) {
    for (size_t i = 0; i + d < values.size(); i += 2 * d) {
      values[i] = values[i] + values[i + d];
    }
  }
  return values[0];
}

// The pixels of one chain: its error grows with its length.
inline constexpr int64_t kRunPixels = 256;
// The least pixels of a block: its sums have to be added too.
inline constexpr int64_t kBlockPixels = 1024;

// Over the pixels of a batch of maps, for a layer with that many such sums.
struct Blocking {
  Blocking(int64_t examples, int64_t pixels, int64_t sums) {
    while (2 * blocks <= std::min(kSumBlocksMax, examples) &&
           2 * blocks * sums <= kBlockedSumsMax &&
           2 * blocks * kBlockPixels <= examples * pixels) {
      blocks *= 2;
    }
    examples_per_block = (examples + blocks - 1) / blocks;
  }
  int64_t blocks = 1;
  int64_t examples_per_block = 0;
};

// The blocked sum over the pixels of `examples` maps of height × width, for a
// layer with `sums` of them. add(chain, example, row, column) adds the terms of
// one pixel to the chain, or none.
template <typename AddPixel>
float BlockedSum(int64_t examples, int64_t height, int64_t width, int64_t sums,
                 const AddPixel& add) {
  const Blocking blocking(examples, height * width, sums);
  const int64_t rows_per_run = std::max<int64_t>(1, kRunPixels / width);
  std::vector<float> blocks;
  for (int64_t first = 0; first < examples;
       first += blocking.examples_per_block) {
    const int64_t end = std::min(first + blocking.examples_per_block, examples);
    float block = 0.0f;
    for (int64_t row = first * height; row < end * height;
         row += rows_per_run) {
      Chain run;
      const int64_t last = std::min(row + rows_per_run, end * height);
      for (int64_t r = row; r < last; ++r) {
        for (int64_t x = 0; x < width; ++x) add(run, r / height, r % height, x);
      }
      block = row == first * height ? run.End() : block + run.End();
    }
    blocks.push_back(block);
  }
  return Tree(std::move(blocks));
}

}  // namespace archpool::kernels

#endif  // ARCHPOOL_COMMON_KERNELS_ARITHMETIC_H_
