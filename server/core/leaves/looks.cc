// SPDX-License-Identifier: Apache-2.0
#include "server/core/leaves/looks.h"

#include <algorithm>

#include "common/nas/layer_plan.h"
#include "common/nas/resolved_chain.h"

namespace archpool {
namespace {

// A bottleneck's: three convolutions, three norms, two activations, a sum.
constexpr int64_t kBlockLayersMax = 9;
constexpr int64_t kStemAndHeadLayers = 8;

int64_t Most(const ResolvedField& field) {
  return *std::max_element(field.values.begin(), field.values.end());
}

// An operation, and the sums that it goes into, for each edge.
int64_t CellLayersMax(const ResolvedChain& chain) {
  size_t edges = 0;
  for (const ResolvedCell& cell : chain.cells) {
    edges = std::max(edges, cell.edges.size());
  }
  return 2 + static_cast<int64_t>(edges) * 2 * kBlockLayersMax;
}

}  // namespace

int64_t LayersAtMost(const SearchSpace& space) {
  if (space.is_plain()) return 0;
  const ResolvedChain& chain = space.chain();
  const int64_t each = chain.cells.empty()
                           ? kBlockLayersMax
                           : std::max(kBlockLayersMax, CellLayersMax(chain));
  int64_t layers = kStemAndHeadLayers;
  for (const ResolvedStage& stage : chain.stages) {
    for (const ResolvedBlock& block : stage.blocks) {
      layers += Most(block.repeat) * each;
    }
  }
  return std::min(layers, kPlanLayersMax);
}

}  // namespace archpool
