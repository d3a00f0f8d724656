// SPDX-License-Identifier: Apache-2.0
// What server/storage/postgres/ledger_check asks the database, asked of tables
// in memory: slowly, and in other words, so that each checks the other.
#ifndef ARCHPOOL_SERVER_STORAGE_MEMORY_LEDGER_CHECK_H_
#define ARCHPOOL_SERVER_STORAGE_MEMORY_LEDGER_CHECK_H_

#include "server/storage/memory_tables.h"
#include "server/storage/store.h"

namespace archpool::memory {

LedgerCheck CheckLedger(const Tables& tables);

}  // namespace archpool::memory

#endif  // ARCHPOOL_SERVER_STORAGE_MEMORY_LEDGER_CHECK_H_
