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
#include "common/kernels/inner/memory.h"
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
  struct Examples {
    int64_t first = 0;
    int64_t count = 0;
  };
  // What a unit does backward, as the order of the units decides.
  struct BackwardRole {
    bool is_dead = false;  // nobody reads what it made
    // Whether a later reader of an input has written the input's gradient, so
    // that this one's is added: of the input, and an addition's second.
    bool adds[2] = {false, false};
  };
  void FindRoles();
  // How many go through a stage together: few enough for a cache.
  int64_t ExamplesAtOnce(const Stage& stage, bool is_backward) const;
  Context ContextOf(const Examples& examples) const {
    return {context_.kernels, alone_, examples.count};
  }

  // Maps from an example on.
  MapView View(int buffer, int64_t first = 0);
  MapView Output(int layer, int64_t first = 0);
  MapView Gradient(int layer, int64_t first = 0);
  MapView InputOf(const Unit& unit, int64_t first = 0);

  // Threads go through a stage unit by unit and wait for each other: behind the
  // last channels of their examples they read what others would be writing.
  bool is_alone() const { return context_.team.threads() == 1; }
  template <typename Compute>
  void ForEachRange(const Compute& compute) {
    context_.team.RunRanges(context_.batch, [&](int64_t first, int64_t end) {
      compute(Examples{first, end - first});
    });
  }

  void ForwardStage(size_t stage);
  void ForwardTogether(size_t stage);
  void ForwardExamples(size_t stage, const Examples& examples);
  void CopyImages(const Examples& examples);
  void CopyInput(size_t index, const Examples& examples);
  void ForwardUnit(size_t index, const Examples& examples);
  void BackwardStage(size_t stage);
  void BackwardTogether(const Stage& stage);
  bool HasNormBelow(const Stage& stage) const;
  void BackwardExamples(const Stage& stage, const Examples& examples);
  void BackwardUnit(size_t index, const Examples& examples);
  void AddSpareGradient(size_t index, const Examples& examples);
  void BackwardAdd(size_t index, int input, const Examples& examples);
  void BackwardBias(const Unit& unit);
  void WeightGradient(size_t index, bool is_summed);
  // Where the gradient of a unit's input is put: its own place, or a spare one
  // to be added.
  MapView GradientToWrite(size_t index, int64_t first);

  // Batch norms: what they sum over a batch, block by block of its rows; all
  // blocks, or those that end within the examples up to `end`.
  using SumBlock = void (Network::*)(size_t index, int64_t block);
  void SumNormBlock(size_t index, int64_t block);
  void SumNormGradientBlock(size_t index, int64_t block);
  void SumBlocks(size_t index, SumBlock sum);
  void SumBlocksUpTo(size_t index, SumBlock sum, int64_t end);
  void FinishNormSums(size_t index);
  void FinishNormGradientSums(size_t index);
  void ForwardNorm(size_t index, const Examples& examples);
  void BackwardNorm(size_t index, const Examples& examples, const MapView& out);

  const TensorShape input_;
  const std::vector<Layer> layers_;
  const NetworkPlan plan_;
  const Context context_;
  mutable Team alone_{1};  // has no state: the calling thread computes
  Parameters parameters_;
  AlignedFloats maps_;
  AlignedFloats scratch_;
  std::vector<std::unique_ptr<Product>> products_;  // by unit
  std::vector<std::unique_ptr<Norm>> norms_;        // by unit
  std::vector<BackwardRole> roles_;                 // by unit
  std::vector<std::vector<size_t>> norms_of_;       // units that read layer - 1
  std::vector<int64_t> forward_examples_;   // by stage: that go together
  std::vector<int64_t> backward_examples_;  // by stage
  MapView images_;
  bool running_is_finite_ = true;
};

}  // namespace archpool::kernels

#endif  // ARCHPOOL_COMMON_KERNELS_INNER_NETWORK_H_
