// What a verifier does before it judges others: it examines a trial of its own,
// as it will examine theirs.
#ifndef ARCHPOOL_VERIFIER_BUILT_IN_TRIAL_H_
#define ARCHPOOL_VERIFIER_BUILT_IN_TRIAL_H_

#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "verifier/examiner.h"

namespace archpool {

// Has a small built-in training, whose commitment is known to be false,
// replayed in `arithmetic`. FAILED_PRECONDITION (SELF_TEST_FAILED): the
// examiner did not find that out, and says what it found instead; CANCELLED
// (STOPPED).
absl::Status TestExaminer(Examiner& examiner, const std::string& arithmetic,
                          const std::stop_token& stop);

}  // namespace archpool

#endif  // ARCHPOOL_VERIFIER_BUILT_IN_TRIAL_H_
