// SPDX-License-Identifier: Apache-2.0
// The folder that an operator's backups lie in. Each has a folder of its own;
// blobs, which never change, lie beside them, once for all.
//
//   DIR/backups/ID/...   one backup (manifest.h)
//   DIR/data-blobs/ab/DIGEST
//   DIR/lock             held by the backup that is under way
//
// IDs are numbered, so that their order is that in which they were made,
// whatever the clock did. Thread-compatible.
#ifndef ARCHPOOL_SERVER_BACKUP_BACKUP_FOLDER_H_
#define ARCHPOOL_SERVER_BACKUP_BACKUP_FOLDER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/durable_file.h"
#include "server/backup/file_copy.h"
#include "server/backup/manifest.h"

namespace archpool {

class BackupFolder {
 public:
  // To write into: made where it is missing, for its owner alone, and locked.
  // FAILED_PRECONDITION (DIRECTORY_IN_USE, FILE_UNWRITABLE).
  static absl::StatusOr<BackupFolder> OpenToWrite(const std::string& path);
  // To read from. It may be on a disk that takes no writes.
  explicit BackupFolder(std::string path) : path_(std::move(path)) {}

  // Complete backups, the oldest first.
  std::vector<std::string> Ids() const;
  // The manifest of a complete backup; "" for the latest. NOT_FOUND
  // (BACKUP_MISSING). Errors of ParseManifest.
  absl::StatusOr<BackupManifest> Read(const std::string& id) const;
  // Errors of ParseBlobList; BACKUP_DAMAGED where it is not what the manifest
  // says.
  absl::StatusOr<std::vector<ListedBlob>> ReadBlobs(
      const BackupManifest& manifest) const;

  // The id of the next backup, whose folder is made.
  absl::StatusOr<std::string> Begin(absl::Time now) const;
  // The backup is there when this has returned OK, and not before: everything
  // is synced, and the manifest written last.
  absl::Status Publish(const BackupManifest& manifest) const;
  // Removes what begun backups left, then the oldest complete ones but the
  // `keep_count` latest (0: none), then blobs that no backup names. Answers how
  // many backups it removed. What cannot be removed is left, and so are all
  // blobs where a backup cannot be read.
  int64_t Clean(int64_t keep_count) const;

  // Reads all of the backup's files, and its blobs, but those in `checked`, to
  // which it adds; calls `on_damage` with each that is not what it should be.
  // UNAVAILABLE (STOPPED).
  absl::Status Check(
      const BackupManifest& manifest, std::vector<ListedBlob>& checked,
      const CopyOptions& options,
      const std::function<void(const absl::Status&)>& on_damage) const;
  // The same of one file. BACKUP_DAMAGED names it.
  absl::Status CheckFile(const BackupManifest& manifest,
                         const BackedUpFile& file,
                         const CopyOptions& options) const;

  const std::string& path() const { return path_; }
  std::string PathOf(const std::string& id) const {
    return path_ + "/backups/" + id;
  }
  std::string BlobPath(const Digest& digest) const;
  // Makes the folder that the blob lies in.
  absl::Status MakeBlobFolder(const Digest& digest) const;

 private:
  std::string path_;
  std::optional<DirectoryLock> lock_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_BACKUP_BACKUP_FOLDER_H_
