// Times one layer the way training and evaluation compute it: what the cost
// table (common/nas/cost_table.h) is measured with.
#ifndef ARCHPOOL_COMMON_NN_LAYER_TIMING_H_
#define ARCHPOOL_COMMON_NN_LAYER_TIMING_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/nas/layer_plan.h"

namespace archpool::nn {

struct LayerTiming {
  double train_ns = 0;     // per example, forward and backward
  double evaluate_ns = 0;  // per example, forward
};

// Medians of the thread's processor time, over at least `span` each. `layer`
// reads the input, twice for kAdd; its shapes are set. With
// `differentiates_input` the backward pass includes the gradient of the input.
// Call ConfigureRuntime first. INTERNAL (TRAINING_FAILED), RESOURCE_EXHAUSTED
// (TRAINING_OUT_OF_MEMORY).
absl::StatusOr<LayerTiming> TimeLayer(const Layer& layer,
                                      bool differentiates_input,
                                      absl::Duration span);

}  // namespace archpool::nn

#endif  // ARCHPOOL_COMMON_NN_LAYER_TIMING_H_
