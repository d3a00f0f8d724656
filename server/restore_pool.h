// SPDX-License-Identifier: Apache-2.0
// A pool made of a backup (docs/backups.md).
#ifndef ARCHPOOL_SERVER_RESTORE_POOL_H_
#define ARCHPOOL_SERVER_RESTORE_POOL_H_

#include "absl/status/status.h"
#include "server/backup_flags.h"
#include "server/server_flags.h"

namespace archpool {

// Fills an empty data directory, and a private database in it or the empty one
// at flags.database_url, from a backup; then a server may start on both. Cut
// off, the directory is no pool's (RESTORE_UNFINISHED), and the next restore
// clears it.
//
// NOT_FOUND (BACKUP_MISSING); FAILED_PRECONDITION: BACKUP_DAMAGED (names the
// file), BACKUP_TOO_NEW, DIRECTORY_NOT_EMPTY, DATABASE_NOT_EMPTY,
// DATABASE_SCHEMA (another schema than the backup's), POSTGRES_TOO_OLD (than
// the backup's), CLOCK_BEHIND (this machine's clock is before the backup),
// SECRET_MISMATCH, SPACE_MISSING, POSTGRES_MISSING. INTERNAL (RESTORE_FAILED).
// UNAVAILABLE (STOPPED; or the database's). REQUIRES: no other thread runs.
absl::Status RestorePool(const ServerFlags& flags, const RestoreFlags& options);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_RESTORE_POOL_H_
