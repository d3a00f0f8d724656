// SPDX-License-Identifier: Apache-2.0
// Backups of a pool that runs, or does not (docs/backups.md).
#ifndef ARCHPOOL_SERVER_BACK_UP_H_
#define ARCHPOOL_SERVER_BACK_UP_H_

#include "absl/status/status.h"
#include "server/backup_flags.h"
#include "server/server_flags.h"

namespace archpool {

// Adds a backup to the folder. Where no server has the data directory, it is
// kept from servers meanwhile. When it has returned OK the backup is on the
// disk; until then the folder has what it had before.
//
// NOT_FOUND (SECRET_MISSING: no pool is there); FAILED_PRECONDITION:
// SECRET_MISMATCH, DATABASE_EMPTY, SPACE_MISSING, POSTGRES_MISSING,
// DIRECTORY_IN_USE (another backup into the folder), BLOBS_LOST (it is made,
// and is all there is: files that the pool needs are missing in the pool
// itself); UNAVAILABLE (STOPPED; or the database's). INTERNAL (DUMP_FAILED).
// REQUIRES: no other thread runs.
absl::Status BackUp(const ServerFlags& flags, const BackupFlags& options);

// Reads every file of every complete backup in the folder. FAILED_PRECONDITION
// (BACKUP_DAMAGED), which names the first one that is not what was written; all
// are logged. NOT_FOUND (BACKUP_MISSING). REQUIRES: likewise.
absl::Status VerifyBackups(const BackupFlags& options);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_BACK_UP_H_
