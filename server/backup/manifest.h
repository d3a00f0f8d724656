// SPDX-License-Identifier: Apache-2.0
// What a backup says of itself. It is the last file that is written: a folder
// without one is no backup. Pure; thread-safe.
//
//   ID/manifest        this, JSON, and a last line with its SHA-256
//   ID/database.dump   of pg_dump
//   ID/blobs           the list of blobs, a line each: digest and size
//   ID/data/...        the data directory's other files
#ifndef ARCHPOOL_SERVER_BACKUP_MANIFEST_H_
#define ARCHPOOL_SERVER_BACKUP_MANIFEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/crypto/sha256.h"

namespace archpool {

inline constexpr char kManifestName[] = "manifest";
inline constexpr char kDumpName[] = "database.dump";
inline constexpr char kBlobListName[] = "blobs";
inline constexpr char kDataFolder[] = "data";

struct BackedUpFile {
  std::string path;  // within the backup's folder, with '/'
  int64_t size_bytes = 0;
  Digest digest;

  friend bool operator==(const BackedUpFile&, const BackedUpFile&) = default;
};

struct BackupManifest {
  std::string id;
  std::string program_version;
  absl::Time snapshot_time;  // by the database's clock
  absl::Time end_time;       // by this machine's
  int64_t schema_version = 0;
  int postgres_major = 0;  // of pg_dump
  std::string schema;
  std::optional<Digest> secret_fingerprint;
  std::vector<BackedUpFile> files;  // all but the manifest itself
  int64_t blob_count = 0;
  int64_t blob_bytes = 0;
  // Blobs that the pool needs and did not have itself.
  std::vector<Digest> lost_blobs;

  friend bool operator==(const BackupManifest&,
                         const BackupManifest&) = default;
};

std::string EncodeManifest(const BackupManifest& manifest);
// Safe on whatever is on a disk. FAILED_PRECONDITION: BACKUP_DAMAGED (cut off,
// changed, or a path that leads out of its folder); BACKUP_TOO_NEW (of a later
// program). `path` is for the message.
absl::StatusOr<BackupManifest> ParseManifest(absl::string_view text,
                                             const std::string& path);

struct ListedBlob {
  Digest digest;
  int64_t size_bytes = 0;

  friend bool operator==(const ListedBlob&, const ListedBlob&) = default;
};

std::string EncodeBlobList(const std::vector<ListedBlob>& blobs);
// As ParseManifest. REQUIRES: in the order of their digests, each once, which
// is checked.
absl::StatusOr<std::vector<ListedBlob>> ParseBlobList(absl::string_view text,
                                                      const std::string& path);

// BACKUP_DAMAGED of the file at `path`.
absl::Status BackupDamaged(const std::string& path, absl::string_view what);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_BACKUP_MANIFEST_H_
