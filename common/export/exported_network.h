// SPDX-License-Identifier: Apache-2.0
// One network with all that other programs need to compute what the pool
// computes. Value type; thread-compatible.
#ifndef ARCHPOOL_COMMON_EXPORT_EXPORTED_NETWORK_H_
#define ARCHPOOL_COMMON_EXPORT_EXPORTED_NETWORK_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "common/crypto/sha256.h"
#include "common/nas/layer_plan.h"

namespace archpool {

struct ExportedNetwork {
  LayerPlan plan;
  Digest dataset_id;
  // What pixels / 255 are less, and then divided by, in millionths.
  int64_t mean_ppm = 0;
  int64_t deviation_ppm = 1'000'000;
  // By label; empty: they have no names. Anything a folder can be called.
  std::vector<std::string> class_names;

  double Mean() const { return static_cast<double>(mean_ppm) / 1e6; }
  // Never 0, as the kernels have it: a dataset of one colour has any scale.
  double Deviation() const {
    return static_cast<double>(std::max<int64_t>(deviation_ppm, 1)) / 1e6;
  }
};

// What a layer's window reaches beyond the map, on each side.
inline int64_t PaddingOfLayer(const Layer& layer) {
  return (layer.kernel - 1) / 2;
}

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_EXPORT_EXPORTED_NETWORK_H_
