// SPDX-License-Identifier: Apache-2.0
// Records the outcome of a batch of payouts that an operator paid by hand,
// beside its file, where the pool looks for it (docs/payouts.md). Works without
// a server.
#ifndef ARCHPOOL_CLIENT_CONFIRM_BATCH_H_
#define ARCHPOOL_CLIENT_CONFIRM_BATCH_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace archpool {

struct BatchConfirmation {
  std::string path;                  // of BATCH.json
  std::string reference;             // of the payment; "" where none was paid
  std::vector<std::string> refused;  // KEY=REASON of what was not paid
};

struct ConfirmedBatch {
  std::string result_path;
  size_t settled = 0;
  size_t refused = 0;
  bool is_new = true;  // false where the result said so already
};

// Writes BATCH.result.json: all payouts of the batch are settled but those that
// are refused. What was said once stays.
//
// INVALID_ARGUMENT: BATCH_MALFORMED (no batch of payouts as the pool writes
// them), BATCH_UNSIGNED (not with the key in its folder, or changed since),
// REFERENCE_MALFORMED, REFUSAL_MALFORMED (also a key named twice).
// FAILED_PRECONDITION (CONFIRMED_OTHERWISE): an earlier result says something
// else of a payout. Also ReadFile's and WriteFileDurably's errors.
absl::StatusOr<ConfirmedBatch> ConfirmBatch(
    const BatchConfirmation& confirmation);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_CONFIRM_BATCH_H_
