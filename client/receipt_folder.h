// SPDX-License-Identifier: Apache-2.0
// A folder of receipts on a miner's disk: DIR/seals.bin, DIR/statement.bin and
// DIR/receipts.bin (common/model/receipt_check.h).
#ifndef ARCHPOOL_CLIENT_RECEIPT_FOLDER_H_
#define ARCHPOOL_CLIENT_RECEIPT_FOLDER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/pool_client.h"
#include "common/model/receipt_check.h"

namespace archpool {

// ReadFile's errors.
absl::StatusOr<ReceiptFolder> ReadReceiptFolder(const std::string& directory);
// Makes the directory where it is missing. Errors as WriteFileDurably.
absl::Status WriteReceiptFolder(const std::string& directory,
                                const ReceiptFolder& folder);

struct FetchedReceipts {
  ReceiptFolder folder;
  PublicKey pool_key;    // as the pool says
  int64_t receipts = 0;  // in all
  int64_t added = 0;     // to those of `before`
};

// What the pool has sealed since `before` (empty: everything), added to it:
// what was fetched once is never replaced, so that a pool that changes its mind
// is found out. The pool's errors; UNAVAILABLE (RECEIPTS_MOVED): it sealed
// meanwhile; again, please.
absl::StatusOr<FetchedReceipts> FetchReceipts(PoolClient& client,
                                              const ReceiptFolder& before);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_RECEIPT_FOLDER_H_
