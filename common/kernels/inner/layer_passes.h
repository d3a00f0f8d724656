// SPDX-License-Identifier: Apache-2.0
// One layer of a whole batch, divided among the threads of a team by examples.
// Used by networks. Not thread-safe.
#ifndef ARCHPOOL_COMMON_KERNELS_INNER_LAYER_PASSES_H_
#define ARCHPOOL_COMMON_KERNELS_INNER_LAYER_PASSES_H_

#include <cstdint>

#include "common/kernels/inner/passes.h"
#include "common/kernels/inner/team.h"
#include "common/nas/layer.h"

namespace archpool::kernels {

// A map in memory. `at` is the first pixel, behind the border.
struct MapView {
  float* at = nullptr;
  Strides strides;
  TensorShape shape;
};

// What kernels go by, for everything here.
struct Context {
  const KernelTable& kernels;
  Team& team;
  int64_t batch;
};

// The pixels of `from`, to a map with another border.
void CopyMap(const Context& context, const MapView& from, const MapView& to);
// PointwisePass; `second` may be no map.
void PointwiseAll(const Context& context, LayerKind kind, const MapView& in,
                  const MapView& second, const MapView& out);
// The gradient of an activation's input, from that of its output.
void ActivationGradientAll(const Context& context, LayerKind kind,
                           const MapView& in, const MapView& gradient,
                           const MapView& out);
void PoolAll(const Context& context, const Layer& layer, const MapView& in,
             const MapView& out);
void PoolGradientAll(const Context& context, const Layer& layer,
                     const MapView& in, const MapView& gradient,
                     const MapView& out);
// By channel: (x - mean) · factor + shift.
struct NormLine {
  const float* mean;
  const float* factor;
  const float* shift;
};
void NormalizeAll(const Context& context, const MapView& in, const MapView& out,
                  const NormLine& line, LayerKind activation);

}  // namespace archpool::kernels

#endif  // ARCHPOOL_COMMON_KERNELS_INNER_LAYER_PASSES_H_
