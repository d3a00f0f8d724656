// SPDX-License-Identifier: Apache-2.0
// Builds a LayerPlan layer by layer, within limits. Used by chain_plan.cc
// alone. Not thread-safe.
#ifndef ARCHPOOL_COMMON_NAS_PLAN_BUILDER_H_
#define ARCHPOOL_COMMON_NAS_PLAN_BUILDER_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/nas/layer_plan.h"
#include "common/nas/resolved_chain.h"

namespace archpool {

// A block with its fields filled in.
struct Block {
  Operation operation;
  int64_t kernel;
  int64_t width;
  int64_t expansion;
  LayerKind activation;
};

// Each layer reads the tip and becomes it. The first refusal sticks: later
// calls do nothing, and Finish reports it.
class PlanBuilder {
 public:
  PlanBuilder(const TensorShape& input_shape, int64_t classes,
              const PlanLimits& limits, const Pricing& pricing);

  int64_t channels() const { return shape_.channels; }
  // The layer whose output the next one reads; -1 is the image.
  int tip() const { return tip_; }
  // Goes back to an earlier layer whose output has the present shape.
  void ReturnTo(int layer) { tip_ = layer; }

  void Conv(int64_t width, int64_t kernel, int64_t stride, int64_t groups);
  void Pool(LayerKind kind, int64_t kernel, int64_t stride);
  void BatchNorm();
  void Elementwise(LayerKind kind) { Append(Next(kind)); }
  void ConvNormActivation(int64_t width, int64_t kernel, int64_t stride,
                          int64_t groups, LayerKind activation);
  // The input itself, or its projection where shapes differ.
  void Identity(int64_t width, int64_t stride);
  // The tip plus another layer of its shape.
  void AddTo(int layer);
  // REQUIRES: block.operation is neither kNone nor kCell.
  void Place(const Block& block, int64_t stride);
  void Classify();

  void Refuse(absl::string_view reason, absl::string_view message);
  bool refused() const { return !refusal_.ok(); }

  absl::StatusOr<LayerPlan> Finish() &&;

 private:
  void Separable(const Block& block, int64_t stride);
  void Bottleneck(const Block& block, int64_t stride);
  void Residual(const Block& block, int64_t stride);

  // A layer that reads the tip and keeps its shape.
  Layer Next(LayerKind kind) const;
  void Append(const Layer& layer);
  bool CanStride(int64_t stride);
  void CountActivations(int64_t elements);
  void CheckLimit(absl::string_view what, int64_t count, int64_t limit);

  int64_t parameters_max_;
  int64_t macs_max_;
  Pricing pricing_;
  LayerPlan plan_;
  int tip_ = -1;
  TensorShape shape_;  // of the tip's output
  int64_t activations_ = 0;
  int64_t train_ps_ = 0;
  int64_t evaluate_ps_ = 0;
  absl::Status refusal_;
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_NAS_PLAN_BUILDER_H_
