// SPDX-License-Identifier: Apache-2.0
// PostgreSQL's own programs at work on a pool's database: pg_dump writes it
// into a file, pg_restore fills an empty one from that. Functions; thread-safe
// for different files.
#ifndef ARCHPOOL_SERVER_STORAGE_POSTGRES_DATABASE_DUMP_H_
#define ARCHPOOL_SERVER_STORAGE_POSTGRES_DATABASE_DUMP_H_

#include <stop_token>
#include <string>

#include "absl/status/status.h"

namespace archpool {

struct DumpOptions {
  std::string connection_string;
  std::string programs;  // their folder, of postgres::FindClientPrograms
  std::string path;      // of the dump
  std::string log_path;  // for the program's words; removed in the end
  std::string schema;    // of the tables
  std::string snapshot;  // DatabaseSnapshot::id, to dump
  std::stop_token stop;  // ends the program
};

// INTERNAL (DUMP_FAILED), with the last words of the program. UNAVAILABLE
// (STOPPED). Of a database that changes meanwhile only what `snapshot` has is
// written. The file is not synced.
absl::Status DumpDatabase(const DumpOptions& options);

// All or nothing, in one transaction. Errors likewise (RESTORE_FAILED).
absl::Status LoadDump(const DumpOptions& options);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_STORAGE_POSTGRES_DATABASE_DUMP_H_
