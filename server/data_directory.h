// What a server keeps on disk beside its database: the lock that keeps a second
// server out, the pool's secret, the blobs, the
// checkpoints under audit, the first operator's token.
#ifndef ARCHPOOL_SERVER_DATA_DIRECTORY_H_
#define ARCHPOOL_SERVER_DATA_DIRECTORY_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/durable_file.h"
#include "common/crypto/sha256.h"
#include "common/crypto/signature.h"

namespace archpool {

// Thread-compatible. The directory is this process's as long as it lives.
class DataDirectory {
 public:
  // Makes it where it is missing, for its owner alone. FAILED_PRECONDITION
  // (DIRECTORY_IN_USE, FILE_UNWRITABLE).
  static absl::StatusOr<DataDirectory> Open(const std::string& path);

  // The key of everything the pool derives and does not store: drawn at the
  // first start. FAILED_PRECONDITION (SECRET_MALFORMED): the file was tampered
  // with; restore it, or datasets registered again will be cut anew.
  absl::StatusOr<Digest> PoolSecret() const;

  // A signing key derived from it for one use, named by `domain`: not a file of
  // its own, and never in the database. Errors as PoolSecret.
  absl::StatusOr<SigningKey> DeriveKey(absl::string_view domain) const;

  // Writes a file that only its owner may read. Returns its path.
  absl::StatusOr<std::string> WriteSecret(absl::string_view name,
                                          absl::string_view text) const;

  std::string BlobsPath() const { return path_ + "/blobs"; }
  std::string CheckpointsPath() const { return path_ + "/checkpoints"; }
  std::string PayoutsPath() const { return path_ + "/payouts"; }
  std::string ClusterPath() const { return path_ + "/postgresql"; }

 private:
  DataDirectory(std::string path, DirectoryLock lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}
  std::string path_;
  DirectoryLock lock_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_DATA_DIRECTORY_H_
