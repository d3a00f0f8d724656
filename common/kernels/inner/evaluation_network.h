// SPDX-License-Identifier: Apache-2.0
// A network that only answers: batch norms fold into the convolutions before
// them, maps are dropped after their last reader. Not thread-safe.
#ifndef ARCHPOOL_COMMON_KERNELS_INNER_EVALUATION_NETWORK_H_
#define ARCHPOOL_COMMON_KERNELS_INNER_EVALUATION_NETWORK_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/kernels/inner/layer_passes.h"
#include "common/kernels/inner/memory.h"
#include "common/kernels/inner/network_plan.h"
#include "common/kernels/inner/parameters.h"
#include "common/kernels/inner/passes.h"
#include "common/kernels/inner/product.h"
#include "common/kernels/inner/team.h"
#include "common/nas/layer.h"

namespace archpool::kernels {

class EvaluationNetwork {
 public:
  // Folds what `parameters` hold now. `kernels` and `team` outlive it.
  EvaluationNetwork(const TensorShape& input, const std::vector<Layer>& layers,
                    int64_t batch, const Parameters& parameters,
                    const KernelTable& kernels, Team& team);

  // The logits of up to `batch` images, [example][logits_stride()]. Valid until
  // the next call.
  const float* Logits(const float* images, int64_t count);
  int64_t logits_stride() const;

  static int64_t Bytes(const TensorShape& input,
                       const std::vector<Layer>& layers, int64_t batch);

 private:
  struct Folded {
    std::unique_ptr<Product> product;  // null: not a product
    AlignedFloats weights;             // products: folded
    AlignedFloats last;                // products: shift or bias
    AlignedFloats factor;              // batch norms that stand alone
    AlignedFloats zero;                // their mean
  };
  void Fold(const Unit& unit, const Parameters& parameters, Folded& folded);
  MapView View(int buffer);
  MapView Output(int layer) { return View(plan_.OutputOf(layer)); }
  void Compute(size_t index, int64_t count);

  const TensorShape input_;
  const std::vector<Layer> layers_;
  const NetworkPlan plan_;
  const KernelTable& kernels_;
  Team& team_;
  std::vector<Folded> folded_;  // by unit
  AlignedFloats maps_;
};

}  // namespace archpool::kernels

#endif  // ARCHPOOL_COMMON_KERNELS_INNER_EVALUATION_NETWORK_H_
