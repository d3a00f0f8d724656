// SPDX-License-Identifier: Apache-2.0
// Recomputes the ledger from its transfers, inside the database.
#ifndef ARCHPOOL_SERVER_STORAGE_POSTGRES_LEDGER_CHECK_H_
#define ARCHPOOL_SERVER_STORAGE_POSTGRES_LEDGER_CHECK_H_

#include <pqxx/pqxx>

#include "absl/status/statusor.h"
#include "server/storage/store.h"

namespace archpool::postgres {

// Throws as libpqxx does. REQUIRES: `transaction` sees one snapshot.
absl::StatusOr<LedgerCheck> CheckLedger(pqxx::transaction_base& transaction,
                                        LedgerMark& mark);

}  // namespace archpool::postgres

#endif  // ARCHPOOL_SERVER_STORAGE_POSTGRES_LEDGER_CHECK_H_
