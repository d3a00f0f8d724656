// SPDX-License-Identifier: Apache-2.0
// The streams of a trial's generator: CounterRng(trial_key.Prefix64(),
// StreamOf(draw, index)). Every draw that decides a training has a stream of
// its own, so a replay can start at any step and changing one never shifts
// another.
#ifndef ARCHPOOL_COMMON_KERNELS_STREAMS_H_
#define ARCHPOOL_COMMON_KERNELS_STREAMS_H_

#include <cstdint>

namespace archpool::kernels {

enum class Draw : uint64_t {
  kInitialWeights = 1,  // index: the layer
  kOrder = 2,           // index: the epoch
  kAugmentation = 3,    // index: the step, counted over all epochs
};

// REQUIRES: index in [0, 2^32).
constexpr uint64_t StreamOf(Draw draw, int64_t index) {
  return (static_cast<uint64_t>(draw) << 32) | static_cast<uint64_t>(index);
}

}  // namespace archpool::kernels

#endif  // ARCHPOOL_COMMON_KERNELS_STREAMS_H_
