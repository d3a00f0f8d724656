// SPDX-License-Identifier: Apache-2.0
// A counter-based generator: Philox4x32-10 (Salmon, Moraes, Dror, Shaw:
// "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011, §3.3). The n-th word
// is a pure function of (key, stream, n), so a replay can start anywhere and
// every implementation on every machine draws the same numbers. Everything that
// decides a training is drawn from it, never from LibTorch's generator.
//
// Value type; thread-compatible. Not cryptographic: keys that must not be
// guessed come from HMAC.
#ifndef ARCHPOOL_COMMON_BASE_COUNTER_RNG_H_
#define ARCHPOOL_COMMON_BASE_COUNTER_RNG_H_

#include <array>
#include <cstdint>
#include <vector>

namespace archpool {

class CounterRng {
 public:
  // Two generators with equal (key, stream) draw equal numbers; streams of one
  // key are independent of each other.
  CounterRng(uint64_t key, uint64_t stream) : key_(key), stream_(stream) {}

  // The next 32 bits.
  uint32_t Next();

  // Uniform in [0, bound), without modulo bias (Lemire's multiply-and-reject).
  // REQUIRES: bound > 0.
  uint32_t Below(uint32_t bound);
  uint64_t Below64(uint64_t bound);

  // Uniform in [0, 1) with 24 bits: exact in float.
  float NextUnitFloat();

  // The words that Next() yields at positions [4 * block, 4 * block + 4).
  std::array<uint32_t, 4> Block(uint64_t block) const;

 private:
  uint64_t key_;
  uint64_t stream_;
  uint64_t next_block_ = 0;
  std::array<uint32_t, 4> words_{};
  int next_word_ = 4;
};

// A uniform permutation of [0, count) (Fisher-Yates, from the last place down).
std::vector<uint32_t> Permutation(CounterRng rng, uint32_t count);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_BASE_COUNTER_RNG_H_
