// SPDX-License-Identifier: Apache-2.0
// What a verifier does before it judges others: it examines a trial of its own,
// as it will examine theirs.
#ifndef ARCHPOOL_VERIFIER_BUILT_IN_TRIAL_H_
#define ARCHPOOL_VERIFIER_BUILT_IN_TRIAL_H_

#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "verifier/evaluator.h"
#include "verifier/examiner.h"

namespace archpool {

// Evaluates a small built-in network: numerical libraries have taken by then
// what they take at their first use, files and memory. The evaluator's errors.
absl::Status WarmUp(Evaluator& evaluator);

// Has a small built-in training, whose commitment is known to be false,
// replayed in `arithmetic`. FAILED_PRECONDITION (SELF_TEST_FAILED): the
// examiner did not find that out, and says what it found instead; CANCELLED
// (STOPPED).
absl::Status TestExaminer(Examiner& examiner, const std::string& arithmetic,
                          const std::stop_token& stop);

}  // namespace archpool

#endif  // ARCHPOOL_VERIFIER_BUILT_IN_TRIAL_H_
