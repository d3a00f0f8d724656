// SPDX-License-Identifier: Apache-2.0
// What goes wrong with the pool's own disks. Peers are told that the pool
// cannot store just now, and may try again; which file it was, and why, is for
// the pool's operator alone.
#ifndef ARCHPOOL_SERVER_STORAGE_STORAGE_ERRORS_H_
#define ARCHPOOL_SERVER_STORAGE_STORAGE_ERRORS_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace archpool {

// UNAVAILABLE (STORAGE_FULL: no room; BLOB_IO: anything else), without `path`
// in its message. `error` is an errno.
absl::Status StorageError(absl::string_view action, const std::string& path,
                          int error);

// "cannot write /data/blobs/…: No space left on device", of a status made by
// StorageError; "" of any other. Never sent to a peer.
std::string StorageDetail(const absl::Status& status);

// Whether it is one of StorageError, and says that something is not there.
bool IsMissing(const absl::Status& status);

// Hears of them all. Thread-safe.
class StorageErrors {
 public:
  // Called with the detail of each, on the thread that met it.
  // REQUIRES: nothing is stored yet.
  void OnError(std::function<void(const std::string&)> listener) {
    listener_ = std::move(listener);
  }
  // Asked before bytes are written into that directory of the pool's whether
  // what is left of its disk is kept for something else: then they are refused
  // as a full disk refuses them. On any thread. REQUIRES: nothing is stored
  // yet.
  void OnWrite(std::function<bool(const std::string& directory)> is_closed) {
    is_closed_ = std::move(is_closed);
  }
  bool IsClosed(const std::string& directory) const {
    return is_closed_ && is_closed_(directory);
  }
  // Statuses of other kinds are none of it.
  void Note(const absl::Status& status);
  int64_t count() const { return count_; }
  int64_t full_count() const { return full_count_; }  // STORAGE_FULL alone

 private:
  std::function<void(const std::string&)> listener_;
  std::function<bool(const std::string&)> is_closed_;
  std::atomic<int64_t> count_{0};
  std::atomic<int64_t> full_count_{0};
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_STORAGE_STORAGE_ERRORS_H_
