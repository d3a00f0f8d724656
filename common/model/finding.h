// SPDX-License-Identifier: Apache-2.0
// What a verifier reports about an audit: one set for the verifier that finds
// it and for the core that decides by it. On the wire it is
// ReportAuditRequest's oneof (verification.proto). Plain values.
#ifndef ARCHPOOL_COMMON_MODEL_FINDING_H_
#define ARCHPOOL_COMMON_MODEL_FINDING_H_

#include <cstdint>
#include <string>
#include <variant>

namespace archpool {

// The training leads where the miner said: correct answers on each split, or on
// as many of its examples as it took to find the claim credible.
struct WeightsMeasured {
  int64_t validation_correct = 0;
  int64_t held_out_correct = 0;
  bool measured_all = true;
  friend bool operator==(const WeightsMeasured&,
                         const WeightsMeasured&) = default;
};

// The training leads elsewhere, and did so twice.
struct TrainingRefuted {
  std::string reason;
  friend bool operator==(const TrainingRefuted&,
                         const TrainingRefuted&) = default;
};

// The weights are of no use, and that is the miner's doing.
struct WeightsUnusable {
  std::string reason;
  friend bool operator==(const WeightsUnusable&,
                         const WeightsUnusable&) = default;
};

// The verifier could not tell, and that is nobody's fault yet.
struct AuditInconclusive {
  std::string reason;
  friend bool operator==(const AuditInconclusive&,
                         const AuditInconclusive&) = default;
};

// The reason of an AuditInconclusive that is an alarm to the pool's operator:
// the training is as committed, and the pool's own two evaluations of its
// network differ, so that one of them is wrong.
inline constexpr char kEvaluationsDiffer[] = "EVALUATIONS_DIFFER";

using AuditFinding = std::variant<WeightsMeasured, TrainingRefuted,
                                  WeightsUnusable, AuditInconclusive>;

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_MODEL_FINDING_H_
