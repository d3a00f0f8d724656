// SPDX-License-Identifier: Apache-2.0
// The flags of `archpool-server backup` and `restore`.
#ifndef ARCHPOOL_SERVER_BACKUP_FLAGS_H_
#define ARCHPOOL_SERVER_BACKUP_FLAGS_H_

#include <cstdint>
#include <string>

namespace archpool {

struct BackupFlags {
  std::string folder;
  bool verifies = false;   // what is there, instead of a new backup
  int64_t keep_count = 0;  // 0: all
};

struct RestoreFlags {
  std::string folder;
  std::string id;  // "": the latest
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_BACKUP_FLAGS_H_
