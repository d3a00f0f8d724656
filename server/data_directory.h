// SPDX-License-Identifier: Apache-2.0
// What a server keeps on disk beside its database: the lock that keeps a second
// server out, the pool's secret, the blobs, the checkpoints under audit, the
// first operator's token.
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
  // Makes it where it is missing, with its folders, for its owner alone: a
  // folder that is there keeps its mode. (Root's may be passed through by the
  // user that runs the private database, and not be listed.)
  // FAILED_PRECONDITION (DIRECTORY_IN_USE, FILE_UNWRITABLE).
  static absl::StatusOr<DataDirectory> Open(const std::string& path);

  // The key of everything the pool derives and does not store. NOT_FOUND
  // (SECRET_MISSING): there is no such file. FAILED_PRECONDITION: it is there
  // and cannot be read (SECRET_UNREADABLE: a link that leads nowhere, a
  // permission, a disk) or is no secret (SECRET_MALFORMED).
  absl::StatusOr<Digest> PoolSecret() const;
  // The secret of a directory that another process has.
  static absl::StatusOr<Digest> ReadPoolSecret(const std::string& path);

  // Draws it, for a new pool, and never over another. ALREADY_EXISTS
  // (FILE_EXISTS); else errors as NewFile::Create.
  absl::StatusOr<Digest> MakePoolSecret() const;

  // Notes that a database has been this pool's, so that an empty one is not
  // taken for it later. Idempotent. Errors as WriteFileDurably.
  absl::Status NoteDatabase() const;
  bool HadDatabase() const;

  // While a restore fills the directory it is no pool's: noted before anything
  // is written, and taken back when all is there. Errors as WriteFileDurably.
  absl::Status NoteRestore() const;
  absl::Status EndRestore() const;
  // FAILED_PRECONDITION (RESTORE_UNFINISHED): a restore into it was cut off.
  absl::Status CheckRestored() const;
  // Whether there is nothing at `path`, or an empty folder, or what a restore
  // that was cut off left.
  static bool MayBeRestoredInto(const std::string& path);
  // Removes what is in it, but its lock and that note.
  void Clear() const;

  // A signing key derived from the secret for one use, named by `domain`: not a
  // file of its own, and never in the database. Errors as PoolSecret.
  absl::StatusOr<SigningKey> DeriveKey(absl::string_view domain) const;
  // The same of a directory that another process has.
  static absl::StatusOr<SigningKey> DeriveKeyOf(const std::string& path,
                                                absl::string_view domain);

  const std::string& path() const { return path_; }
  std::string OperatorTokenPath() const { return path_ + "/operator-token"; }
  std::string BlobsPath() const { return path_ + "/blobs"; }
  std::string CheckpointsPath() const { return path_ + "/checkpoints"; }
  std::string PayoutsPath() const { return path_ + "/payouts"; }
  std::string TlsPath() const { return path_ + "/tls"; }
  std::string ClusterPath() const { return path_ + "/postgresql"; }

 private:
  DataDirectory(std::string path, DirectoryLock lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}
  std::string NotePath() const { return path_ + "/database-made"; }

  std::string path_;
  DirectoryLock lock_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_DATA_DIRECTORY_H_
