// SPDX-License-Identifier: Apache-2.0
// The files in which a pool tells its operator what to pay, and in which the
// operator tells what was paid: names, signature, and what their fields may
// hold. Pure; thread-safe.
#ifndef ARCHPOOL_COMMON_MODEL_PAYOUT_BATCH_H_
#define ARCHPOOL_COMMON_MODEL_PAYOUT_BATCH_H_

#include <string>

#include "absl/strings/string_view.h"
#include "common/crypto/signature.h"

namespace archpool {

// BATCH.json, with BATCH.json.sig and BATCH.result.json beside it; the key that
// signs batches is in the same folder under kBatchKeyName.
inline constexpr char kBatchEnd[] = ".json";
inline constexpr char kBatchSignatureEnd[] = ".json.sig";
inline constexpr char kBatchResultEnd[] = ".result.json";
inline constexpr char kBatchKeyName[] = "payout-key";
// What the operator says was paid since the backup that the pool was restored
// from (server/payout/restored_payouts.h): no batch.
inline constexpr char kPaidSinceBackup[] = "paid-since-backup.json";

// Whether `name` is a batch's: 16 lower-case hex digits.
bool IsBatchName(absl::string_view name);

// What is signed of the bytes of a batch.
std::string BatchToSign(absl::string_view text);

// Whether `signature_hex` is the signature of a batch's bytes, by the holder of
// the key; blanks around either are left out.
bool IsBatchSigned(absl::string_view text, absl::string_view signature_hex,
                   absl::string_view public_key_hex);

// Whether a text may be the reference of a payment: 1 to 200 printable
// characters of ASCII.
bool IsPaymentReference(absl::string_view text);

// Whether a text may be where money went, as a rail or an operator says it: 1
// to 200 printable characters of ASCII. Every address that an account can set
// is one; what else a file or a server may hold (a NUL, a page of text) would
// not come back from the database as it was.
bool IsPaidAddress(absl::string_view text);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_MODEL_PAYOUT_BATCH_H_
