// SPDX-License-Identifier: Apache-2.0
// Checks an account's receipts without a server: that they are what the pool
// signed, all of them and nothing else, and that they add up to what the
// account earned and holds. Pure; thread-safe.
#ifndef ARCHPOOL_COMMON_MODEL_RECEIPT_CHECK_H_
#define ARCHPOOL_COMMON_MODEL_RECEIPT_CHECK_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/crypto/merkle.h"
#include "common/crypto/signature.h"
#include "common/model/receipt.h"

namespace archpool {

// The three files of a folder of receipts, each canonically encoded:
//   seals      "archpool/receipt-epochs/v1", then for each seal its encoding
//              and its signature, as bytes
//   statement  "archpool/receipt-proof/v1", the statement's encoding as bytes,
//              then the siblings on its way to the last seal's root
//   receipts   "archpool/receipts/v1", then each receipt's encoding as bytes
struct ReceiptFolder {
  std::string seals;
  std::string statement;
  std::string receipts;
};

std::string EncodeSeals(const std::vector<SignedSeal>& seals);
std::string EncodeProof(const std::string& statement,
                        const std::vector<Digest>& siblings);
std::string EncodeReceipts(const std::vector<std::string>& receipts);
// INVALID_ARGUMENT (RECEIPT_MALFORMED). Safe on whatever anybody sends.
absl::StatusOr<std::vector<SignedSeal>> DecodeSeals(absl::string_view encoding);
absl::StatusOr<std::vector<std::string>> DecodeReceipts(
    absl::string_view encoding);

// What an account's work for a task came to.
struct TaskReceipts {
  int64_t accepted = 0;
  int64_t rejected = 0;
  WorkUnits units_credited = 0;  // of trials that are still accepted
  bool is_settled = false;
  // Accepted work that is not credited, or not paid by its own task, though
  // that should have ended by now.
  bool is_overdue = false;
  Amount pay = 0;
  Amount bonus = 0;
};

struct ReceiptReport {
  AccountId account;
  int64_t seal = 0;
  absl::Time time;  // of that seal: nothing later is covered
  // How often the pool was restored from a backup, as its seals say.
  int64_t restores = 0;
  int64_t receipts = 0;
  std::map<TaskId, TaskReceipts> tasks;
  std::map<std::string, Amount> moved_in;   // by the transfers' kind
  std::map<std::string, Amount> moved_out;  // likewise
  Amount carried = 0;                       // from before there were receipts
  // Earned through the window, and not paid yet; negative: paid for credit that
  // was found false afterwards.
  Amount owed = 0;
  Amount balance = 0;
  // What the pool signed and does not add up, a sentence each: show it to the
  // operator, and to others.
  std::vector<std::string> problems;
};

// INVALID_ARGUMENT (RECEIPT_MALFORMED): the bytes cannot be read.
// FAILED_PRECONDITION (RECEIPTS_FORGED): not what the holder of `pool_key`
// signed: something was changed, left out or added; POOL_RESTORED: what was
// fetched before is of a history that the pool lost.
absl::StatusOr<ReceiptReport> CheckReceipts(const ReceiptFolder& folder,
                                            const PublicKey& pool_key);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_MODEL_RECEIPT_CHECK_H_
