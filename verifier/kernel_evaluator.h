// SPDX-License-Identifier: Apache-2.0
// Evaluator in the arithmetic of docs/arithmetic.md, and what asks a second
// implementation whether it is right. Thread-compatible.
#ifndef ARCHPOOL_VERIFIER_KERNEL_EVALUATOR_H_
#define ARCHPOOL_VERIFIER_KERNEL_EVALUATOR_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/kernels/simd.h"
#include "verifier/consultation.h"
#include "verifier/evaluator.h"
#include "verifier/second_opinion.h"

namespace archpool {

class KernelEvaluator : public Evaluator {
 public:
  // `second` may be null: nobody is asked then.
  KernelEvaluator(const kernels::Machine& machine,
                  std::unique_ptr<SecondOpinion> second)
      : machine_(machine) {
    if (second != nullptr) consultation_.emplace(std::move(second));
  }

  std::vector<std::string> arithmetics() const override;
  // The kernels' count. INTERNAL (EVALUATIONS_DIFFER): the second opinion is
  // another.
  absl::StatusOr<int64_t> CountCorrect(const LayerPlan& plan,
                                       const TensorMap& weights,
                                       const DatasetManifest& manifest,
                                       const Dataset& dataset) override;
  absl::StatusOr<Checkpoint> Start(const TrainingSetup& setup,
                                   const TensorMap* resumed,
                                   const Dataset& train) override;
  absl::StatusOr<Checkpoint> Replay(const TrainingSetup& setup,
                                    const Dataset& train,
                                    const Checkpoint& from) override;

 private:
  const kernels::Machine machine_;
  std::optional<Consultation> consultation_;
};

// Computes the arithmetic's test vectors. FAILED_PRECONDITION
// (ARITHMETIC_DIFFERS): this machine, or this build, computes otherwise.
absl::Status CheckArithmetic(const kernels::Machine& machine);

}  // namespace archpool

#endif  // ARCHPOOL_VERIFIER_KERNEL_EVALUATOR_H_
