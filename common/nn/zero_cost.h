// What an untrained network promises: proxies that cost one batch. Measured by
// tests/bench/try_recipe; nothing in the pool decides by them (docs/adr/0013).
// No LibTorch type appears here.
#ifndef ARCHPOOL_COMMON_NN_ZERO_COST_H_
#define ARCHPOOL_COMMON_NN_ZERO_COST_H_

#include "absl/status/statusor.h"
#include "common/crypto/sha256.h"
#include "common/data/dataset.h"
#include "common/model/task_spec.h"
#include "common/nas/layer_plan.h"
#include "common/nn/trial.h"

namespace archpool::nn {

struct ZeroCostScores {
  // How differently the activations answer to the images of a batch: the
  // logarithm of the determinant of the kernel of their signs' agreement
  // (Mellor et al., Neural Architecture Search without Training, ICML 2021).
  double activation_kernel_log_determinant = 0;
  // Of the loss by all parameters (Abdelfattah et al., Zero-Cost Proxies for
  // Lightweight NAS, ICLR 2021).
  double gradient_norm = 0;
};

// With the initial weights and the first batch of the trial that `trial_key`
// decides: anybody who has the key finds the same.
// INVALID_ARGUMENT: DATA_MISMATCH. INTERNAL: TRAINING_FAILED.
absl::StatusOr<ZeroCostScores> ScoreUntrained(
    const LayerPlan& plan, const Recipe& recipe, const Digest& trial_key,
    const Normalization& normalization, const Dataset& train);

}  // namespace archpool::nn

#endif  // ARCHPOOL_COMMON_NN_ZERO_COST_H_
