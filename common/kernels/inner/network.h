// SPDX-License-Identifier: Apache-2.0
// A network that trains: forward, backward and a step of the optimiser over one
// batch at a time, in the arithmetic of docs/arithmetic.md. It allocates when
// it is made and never after. Not thread-safe.
#ifndef ARCHPOOL_COMMON_KERNELS_INNER_NETWORK_H_
#define ARCHPOOL_COMMON_KERNELS_INNER_NETWORK_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/kernels/inner/layer_passes.h"
#include "common/kernels/inner/network_plan.h"
#include "common/kernels/inner/parameters.h"
#include "common/kernels/inner/passes.h"
#include "common/kernels/inner/product.h"
#include "common/kernels/inner/team.h"
#include "common/nas/layer.h"

namespace archpool::kernels {

class Network {
 public:
  // All weights are zero. `kernels` and `team` outlive the network.
  // REQUIRES: layers as MakeLayerPlan makes them, the last one linear.
  Network(const TensorShape& input, const std::vector<Layer>& layers,
          int64_t batch, const KernelTable& kernels, Team& team);
  ~Network();

  // What the constructor allocates for a network like this.
  static int64_t Bytes(const TensorShape& input,
                       const std::vector<Layer>& layers, int64_t batch);

  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }

  struct StepRates {
    Parameters::Rates rates;
    double smoothing = 0;  // of labels
  };
  // One step of a training over one batch: images [example][row][column]
  // [channel], a label each. False where it diverged: nothing has changed.
  bool Step(const float* images, const uint8_t* labels, const StepRates& rates);

  // The parts of Step, for tests. Logits: [example][logits_stride()], of the
  // last forward pass.
  void Forward(const float* images);
  void LossGradient(const uint8_t* labels, double smoothing);
  void Backward();
  const float* logits() const;
  int64_t logits_stride() const;

 private:
  struct Norm;

  MapView Output(int layer);
  MapView Gradient(int layer);
  MapView View(int buffer);
  MapView InputOf(const Unit& unit);
  void ForwardUnit(size_t index);
  void ForwardNorm(size_t index);
  void BackwardUnit(size_t index);
  void BackwardNorm(size_t index, const MapView& out);
  void BackwardAdd(const Unit& unit);
  void BackwardBias(const Unit& unit);
  // Where the gradient of a unit's input is put: its own place, or a spare one
  // where a later reader has written before, to be added.
  MapView GradientToWrite(size_t index);
  void AddSpareGradient(size_t index);

  const TensorShape input_;
  const std::vector<Layer> layers_;
  const NetworkPlan plan_;
  const Context context_;
  Parameters parameters_;
  std::vector<float> maps_;
  std::vector<float> scratch_;
  std::vector<std::unique_ptr<Product>> products_;  // by unit
  std::vector<std::unique_ptr<Norm>> norms_;        // by unit
  std::vector<bool> has_gradient_;                  // by layer, of this step
  bool running_is_finite_ = true;
};

}  // namespace archpool::kernels

#endif  // ARCHPOOL_COMMON_KERNELS_INNER_NETWORK_H_
