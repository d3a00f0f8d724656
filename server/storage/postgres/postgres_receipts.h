// SPDX-License-Identifier: Apache-2.0
// The ReceiptStore in PostgreSQL. Thread-safe: one connection, one call at a
// time, made again when it broke.
#ifndef ARCHPOOL_SERVER_STORAGE_POSTGRES_POSTGRES_RECEIPTS_H_
#define ARCHPOOL_SERVER_STORAGE_POSTGRES_POSTGRES_RECEIPTS_H_

#include <memory>
#include <string>
#include <vector>

#include "server/storage/postgres/patience.h"
#include "server/storage/receipt_store.h"

namespace archpool {

class PostgresReceipts : public ReceiptStore {
 public:
  // REQUIRES: the database has this program's schema.
  explicit PostgresReceipts(std::string connection_string,
                            const Patience& patience = Patience());
  ~PostgresReceipts() override;

  absl::StatusOr<OpenReceipts> Open(int64_t limit) override;
  absl::Status AddSeal(const SignedSeal& seal, ReceiptId last_receipt,
                       absl::Span<const AccountReceipts> changed) override;
  absl::StatusOr<SealedReceipts> Sealed() override;
  absl::StatusOr<std::vector<SignedSeal>> Seals(int64_t after,
                                                int64_t limit) override;
  absl::StatusOr<std::vector<Receipt>> ReceiptsOf(AccountId account,
                                                  ReceiptId after,
                                                  int64_t limit) override;

 private:
  class Connection;
  const std::unique_ptr<Connection> connection_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_STORAGE_POSTGRES_POSTGRES_RECEIPTS_H_
