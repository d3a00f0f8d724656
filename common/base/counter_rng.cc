// SPDX-License-Identifier: Apache-2.0
#include "common/base/counter_rng.h"

#include <cstddef>
#include <utility>

#include "common/base/check.h"

namespace archpool {
namespace {

constexpr uint32_t kMultiplier0 = 0xD2511F53;
constexpr uint32_t kMultiplier1 = 0xCD9E8D57;
constexpr uint32_t kWeyl0 = 0x9E3779B9;
constexpr uint32_t kWeyl1 = 0xBB67AE85;
constexpr int kRounds = 10;

uint32_t High(uint64_t value) { return static_cast<uint32_t>(value >> 32); }
uint32_t Low(uint64_t value) { return static_cast<uint32_t>(value); }

}  // namespace

std::array<uint32_t, 4> CounterRng::Block(uint64_t block) const {
  std::array<uint32_t, 4> counter = {Low(block), High(block), Low(stream_),
                                     High(stream_)};
  uint32_t key0 = Low(key_);
  uint32_t key1 = High(key_);
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t product0 = uint64_t{kMultiplier0} * counter[0];
    const uint64_t product1 = uint64_t{kMultiplier1} * counter[2];
    counter = {High(product1) ^ counter[1] ^ key0, Low(product1),
               High(product0) ^ counter[3] ^ key1, Low(product0)};
    key0 += kWeyl0;
    key1 += kWeyl1;
  }
  return counter;
}

uint32_t CounterRng::Next() {
  if (next_word_ == 4) {
    words_ = Block(next_block_++);
    next_word_ = 0;
  }
  return words_[static_cast<size_t>(next_word_++)];
}

uint32_t CounterRng::Below(uint32_t bound) {
  ARCHPOOL_CHECK(bound > 0);
  const uint32_t threshold = (0u - bound) % bound;
  while (true) {
    const uint64_t product = uint64_t{Next()} * bound;
    if (Low(product) >= threshold) return High(product);
  }
}

uint64_t CounterRng::Below64(uint64_t bound) {
  ARCHPOOL_CHECK(bound > 0);
  if (bound <= UINT32_MAX) return Below(static_cast<uint32_t>(bound));
  const uint64_t threshold = (uint64_t{0} - bound) % bound;
  while (true) {
    const uint64_t low = Next();
    const uint64_t word = (uint64_t{Next()} << 32) | low;
    const auto product = static_cast<unsigned __int128>(word) * bound;
    if (static_cast<uint64_t>(product) >= threshold) {
      return static_cast<uint64_t>(product >> 64);
    }
  }
}

float CounterRng::NextUnitFloat() {
  return static_cast<float>(Next() >> 8) * 0x1p-24f;
}

std::vector<uint32_t> Permutation(CounterRng rng, uint32_t count) {
  std::vector<uint32_t> places(count);
  for (uint32_t i = 0; i < count; ++i) places[i] = i;
  for (uint32_t i = count; i > 1; --i) {
    std::swap(places[i - 1], places[rng.Below(i)]);
  }
  return places;
}

}  // namespace archpool
