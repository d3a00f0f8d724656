// SPDX-License-Identifier: Apache-2.0
// Room for the database where it shares a disk with the files. A database
// writes its log before it writes anything else: on a disk without a free byte
// it commits nothing, stops, and does not start again, so nothing can be ended
// and no file removed. So a file that nothing reads takes room beside the
// database. It is given up when the disk runs full, and made again when there
// is room for it; in between, files leave to the database what it took.
//
// What it says follows from what is on the disk alone, so there may be several.
#ifndef ARCHPOOL_SERVER_STORAGE_DATABASE_RESERVE_H_
#define ARCHPOOL_SERVER_STORAGE_DATABASE_RESERVE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "server/storage/disk_reserve.h"

namespace archpool {

// Thread-compatible but for IsShort, which is thread-safe.
class DatabaseReserve {
 public:
  using Look = std::function<std::optional<DiskSpace>()>;

  // The file is `path`, on the disk that `look` tells of. It takes `bytes`, or
  // a tenth of the disk where that is less; 0: there is to be none.
  DatabaseReserve(std::string path, int64_t bytes, Look look);

  enum class Change { kNone, kGivenUp, kMade };
  // Gives the file up where less than half as much is free beside it, so that a
  // database that writes fast does not meet the end first; makes it where a
  // whole one is free beside it. A disk that says nothing changes nothing.
  Change Keep() const;

  // Whether what is left, with the file, is no more than is kept for the
  // database: then nobody else may write there.
  bool IsShort() const;

 private:
  struct Room {
    int64_t wanted_bytes = 0;
    int64_t free_bytes = 0;
    int64_t held_bytes = 0;  // by the file
  };
  std::optional<Room> LookAtRoom() const;
  bool Make(int64_t bytes) const;

  const std::string path_;
  const int64_t bytes_;
  const Look look_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_STORAGE_DATABASE_RESERVE_H_
