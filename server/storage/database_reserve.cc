// SPDX-License-Identifier: Apache-2.0
#include "server/storage/database_reserve.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/crypto/random.h"

namespace archpool {
namespace {

// What every file system gives room for, whatever it does with zeros.
std::string Noise() {
  std::string noise;
  while (noise.size() < size_t{1} << 20) {
    absl::StrAppend(&noise, RandomSecret().AsBytes());
  }
  return noise;
}

bool WriteNoise(int fd, int64_t bytes) {
  const std::string noise = Noise();
  for (int64_t written = 0; written < bytes;) {
    const auto size = static_cast<size_t>(
        std::min(bytes - written, static_cast<int64_t>(noise.size())));
    const ssize_t count = write(fd, noise.data(), size);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    written += count;
  }
  return true;
}

// Takes the room itself, and does not only say how long the file is.
bool Fill(int fd, int64_t bytes) {
  while (fallocate(fd, 0, 0, bytes) != 0) {
    if (errno == EINTR) continue;
    return errno == EOPNOTSUPP && WriteNoise(fd, bytes);
  }
  return true;
}

}  // namespace

DatabaseReserve::DatabaseReserve(std::string path, int64_t bytes, Look look)
    : path_(std::move(path)), bytes_(bytes), look_(std::move(look)) {}

std::optional<DatabaseReserve::Room> DatabaseReserve::LookAtRoom() const {
  const std::optional<DiskSpace> disk = look_();
  if (!disk) return std::nullopt;
  Room room{.wanted_bytes = std::min(bytes_, disk->total_bytes / 10),
            .free_bytes = disk->free_bytes};
  struct stat status;
  if (lstat(path_.c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
    // A copy may be a file of holes, which holds nothing.
    room.held_bytes =
        std::min<int64_t>(status.st_size, int64_t{status.st_blocks} * 512);
  }
  return room;
}

DatabaseReserve::Change DatabaseReserve::Keep() const {
  const std::optional<Room> room = LookAtRoom();
  if (!room) return Change::kNone;
  const bool is_full = room->free_bytes < room->wanted_bytes / 2;
  if (room->held_bytes > 0 && (is_full || room->wanted_bytes == 0)) {
    return unlink(path_.c_str()) == 0 ? Change::kGivenUp : Change::kNone;
  }
  const bool is_due = room->held_bytes == 0 && room->wanted_bytes > 0 &&
                      room->free_bytes >= 2 * room->wanted_bytes;
  if (!is_due) return Change::kNone;
  return Make(room->wanted_bytes) ? Change::kMade : Change::kNone;
}

bool DatabaseReserve::IsShort() const {
  const std::optional<Room> room = LookAtRoom();
  if (!room || room->wanted_bytes == 0) return false;
  return room->free_bytes + room->held_bytes <
         room->wanted_bytes + room->wanted_bytes / 2;
}

// Beside, then renamed: what is there takes all of its room. A new file in any
// case: the folder is PostgreSQL's user's, who may have put a link there.
bool DatabaseReserve::Make(int64_t bytes) const {
  const std::string beside = path_ + ".new";
  unlink(beside.c_str());
  const int fd =
      open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
           0600);
  if (fd < 0) return false;
  const absl::Cleanup close_it = [fd] { close(fd); };
  if (Fill(fd, bytes) && rename(beside.c_str(), path_.c_str()) == 0) {
    return true;
  }
  unlink(beside.c_str());
  return false;
}

}  // namespace archpool
