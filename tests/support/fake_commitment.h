// SPDX-License-Identifier: Apache-2.0
// Commitments of trainings that never were, for tests and benchmarks of what
// the pool does with them. Header only.
#ifndef ARCHPOOL_TESTS_SUPPORT_FAKE_COMMITMENT_H_
#define ARCHPOOL_TESTS_SUPPORT_FAKE_COMMITMENT_H_

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/model/commitment.h"
#include "server/core/commands/commands.h"

namespace archpool {

// Ends with weights of the digest Sha256(trial.ToString()).
inline CheckpointChain FakeChain(TrialId trial, int64_t segments) {
  const std::string name = trial.ToString();
  std::vector<CheckpointFiles> boundaries;
  for (int64_t k = 0; k < segments; ++k) {
    boundaries.push_back({Sha256(absl::StrCat(name, " weights ", k)), 100,
                          Sha256(absl::StrCat(name, " optimizer ", k)), 100});
  }
  boundaries.push_back({Sha256(name), 100, Sha256(name + " optimizer"), 100});
  return CheckpointChain(boundaries);
}

inline TrialReport FakeReport(TrialId trial, int64_t segments, int64_t claim) {
  const CheckpointChain chain = FakeChain(trial, segments);
  const CheckpointFiles& last = chain.boundary(segments);
  return {.trial = trial,
          .weights_digest = last.weights,
          .weights_size_bytes = last.weights_size_bytes,
          .validation_correct = claim,
          .train_time = absl::Seconds(1),
          .checkpoint_root = chain.Root(),
          .final_optimizer = last.optimizer,
          .final_proof = chain.ProofOf(segments)};
}

// All trials' one training of one segment: costs a benchmark no hashes.
struct SharedCommitment {
  TrialReport ReportOf(TrialId trial) const {
    TrialReport copy = report;
    copy.trial = trial;
    return copy;
  }
  const TrialReport report = FakeReport(TrialId{1}, 1, 500);
  const Opening opening = FakeChain(TrialId{1}, 1).Open(0);
};

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_SUPPORT_FAKE_COMMITMENT_H_
