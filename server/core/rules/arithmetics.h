// SPDX-License-Identifier: Apache-2.0
// Which arithmetics the pool takes work in. Pure.
#ifndef ARCHPOOL_SERVER_CORE_RULES_ARITHMETICS_H_
#define ARCHPOOL_SERVER_CORE_RULES_ARITHMETICS_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/model/arithmetic.h"
#include "server/core/records/entities.h"

namespace archpool {

// Whether a machine that computes in it may train or examine here.
// FAILED_PRECONDITION: ARITHMETIC_DIFFERS (the same specification with other
// test vectors: the machine or its build computes wrongly);
// ARITHMETIC_REPLACED (any other one).
absl::Status CheckArithmetic(absl::string_view arithmetic);

// Whether the trial's training can be done again: one of an earlier arithmetic
// is judged by its weights alone.
inline bool IsReplayable(const Trial& trial) {
  return trial.arithmetic == kArithmetic;
}

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_RULES_ARITHMETICS_H_
