// SPDX-License-Identifier: Apache-2.0
#include "server/restore_pool.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/clock.h"
#include "common/base/countdown.h"
#include "common/base/signals.h"
#include "common/base/status.h"
#include "common/log/log.h"
#include "server/backup/backup_folder.h"
#include "server/copy_progress.h"
#include "server/data_directory.h"
#include "server/pool_secret.h"
#include "server/receipts/notary.h"
#include "server/storage/blob_store.h"
#include "server/storage/postgres/database_dump.h"
#include "server/storage/postgres/database_snapshot.h"
#include "server/storage/postgres/migrations.h"
#include "server/storage/postgres/pool_restore.h"
#include "server/storage/postgres/postgres_programs.h"
#include "server/storage/postgres/postgres_receipts.h"
#include "server/storage/postgres/private_cluster.h"

namespace archpool {
namespace {

constexpr int64_t kRestoreSpareBytes = int64_t{256} << 20;
// A dump is packed, and its rows get indexes.
constexpr int64_t kDatabasePerDump = 10;
constexpr absl::Duration kClockSlack = absl::Minutes(1);

absl::Status TooNew(const BackupManifest& manifest) {
  return FailedPrecondition(
      "BACKUP_TOO_NEW",
      absl::StrCat("backup ", manifest.id, " was made by archpool-server ",
                   manifest.program_version, ", with version ",
                   manifest.schema_version,
                   " of the database's schema, and this program knows ",
                   EmbeddedMigrations().size(),
                   "; nothing was written. Restore with that program, or a "
                   "later one"));
}

// What can be refused before anything is written.
absl::Status CheckBackup(const BackupManifest& manifest, absl::Time now) {
  if (manifest.schema_version >
      static_cast<int64_t>(EmbeddedMigrations().size())) {
    return TooNew(manifest);
  }
  if (now + kClockSlack < manifest.snapshot_time) {
    return FailedPrecondition(
        "CLOCK_BEHIND",
        absl::StrCat("this machine's clock says ", absl::FormatTime(now),
                     ", and the backup was made at ",
                     absl::FormatTime(manifest.snapshot_time),
                     "; set the clock, since the pool's time continues "
                     "from there, and try again"));
  }
  const std::string secret = absl::StrCat(kDataFolder, "/pool-secret");
  for (const std::string& needed : {secret, std::string(kDumpName)}) {
    if (std::none_of(
            manifest.files.begin(), manifest.files.end(),
            [&](const BackedUpFile& one) { return one.path == needed; })) {
      return BackupDamaged(needed, "the manifest does not name it");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckSizes(const BackupFolder& folder,
                        const std::vector<ListedBlob>& blobs) {
  for (const ListedBlob& blob : blobs) {
    const std::string path = folder.BlobPath(blob.digest);
    const std::optional<int64_t> size = SizeOfFile(path);
    if (!size) return BackupDamaged(path, "it is not there");
    if (*size != blob.size_bytes) {
      return BackupDamaged(path, "its size is not what was written");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckTarget(const BackupManifest& manifest,
                         const std::string& connection) {
  ARCHPOOL_ASSIGN_OR_RETURN(const DatabaseFacts facts,
                            ReadDatabaseFacts(connection));
  if (!facts.is_empty) {
    return FailedPrecondition(
        "DATABASE_NOT_EMPTY",
        "the database has tables, and nothing in it was changed: restore into "
        "an empty one (CREATE DATABASE), and name it with --database-url");
  }
  if (facts.schema != manifest.schema) {
    return FailedPrecondition(
        "DATABASE_SCHEMA",
        absl::StrCat("the backup's tables are in the schema '", manifest.schema,
                     "', and this database makes tables in '", facts.schema,
                     "': set search_path of the role so that ", manifest.schema,
                     " comes first, and that schema exists"));
  }
  if (facts.postgres_major < manifest.postgres_major) {
    return FailedPrecondition(
        "POSTGRES_TOO_OLD",
        absl::StrCat("the backup was made from PostgreSQL ",
                     manifest.postgres_major, ", and here is PostgreSQL ",
                     facts.postgres_major, ": restore into ",
                     manifest.postgres_major, " or later"));
  }
  return absl::OkStatus();
}

// What is made of a backup, as far as it has come.
struct Restoring {
  const BackupFolder& folder;
  const BackupManifest& manifest;
  const DataDirectory& directory;
  const std::stop_token& stop;
  std::string connection;
};

absl::Status RestoreFiles(const Restoring& restoring) {
  const std::string prefix = absl::StrCat(kDataFolder, "/");
  for (const BackedUpFile& file : restoring.manifest.files) {
    absl::string_view path = file.path;
    if (!absl::ConsumePrefix(&path, prefix)) continue;
    std::string folder = restoring.directory.path();
    const std::filesystem::path parent =
        std::filesystem::path(std::string(path)).parent_path();
    for (const std::filesystem::path& part : parent) {
      absl::StrAppend(&folder, "/", part.string());
      ARCHPOOL_RETURN_IF_ERROR(MakePrivateFolder(folder));
    }
    const std::string from = absl::StrCat(
        restoring.folder.PathOf(restoring.manifest.id), "/", file.path);
    ARCHPOOL_ASSIGN_OR_RETURN(
        const CopiedFile copy,
        CopyFile(from, absl::StrCat(restoring.directory.path(), "/", path),
                 {.stop = restoring.stop}));
    if (copy.digest != file.digest) {
      return BackupDamaged(from, "its bytes are not those that were written");
    }
  }
  return absl::OkStatus();
}

absl::Status RestoreBlobs(const Restoring& restoring,
                          const std::vector<ListedBlob>& blobs) {
  // Makes the folders that a pool's blobs lie in.
  ARCHPOOL_RETURN_IF_ERROR(
      BlobStore::Open(restoring.directory.BlobsPath()).status());
  CopyProgress progress(restoring.manifest.blob_bytes);
  for (const ListedBlob& blob : blobs) {
    const std::string name = blob.digest.ToString();
    const std::string part = absl::StrCat(restoring.directory.BlobsPath(),
                                          "/blobs/", name.substr(0, 2));
    ARCHPOOL_RETURN_IF_ERROR(MakePrivateFolder(part));
    const std::string from = restoring.folder.BlobPath(blob.digest);
    ARCHPOOL_ASSIGN_OR_RETURN(
        const CopiedFile copy,
        CopyFile(from, absl::StrCat(part, "/", name),
                 {.stop = restoring.stop,
                  .on_bytes = [&](int64_t bytes) { progress.Add(bytes); }}));
    if (copy.digest != blob.digest) {
      return BackupDamaged(from, "its bytes are not those that were written");
    }
  }
  return absl::OkStatus();
}

// Fills the database, and has it and the receipts say that it was restored.
// Answers how many restores there were.
absl::StatusOr<int64_t> RestoreDatabase(const Restoring& restoring,
                                        absl::Time now) {
  ARCHPOOL_ASSIGN_OR_RETURN(const DatabaseFacts facts,
                            ReadDatabaseFacts(restoring.connection));
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string programs,
                            postgres::FindClientPrograms(facts.postgres_major));
  LogInfo("database_restoring", "the database is filled from the dump");
  ARCHPOOL_RETURN_IF_ERROR(LoadDump(
      {.connection_string = restoring.connection,
       .programs = programs,
       .path = absl::StrCat(restoring.folder.PathOf(restoring.manifest.id), "/",
                            kDumpName),
       .log_path = restoring.directory.path() + "/restore.log",
       .schema = restoring.manifest.schema,
       .snapshot = "",
       .stop = restoring.stop}));
  ARCHPOOL_RETURN_IF_ERROR(
      Migrate(restoring.connection, {.stop = restoring.stop, .on_wait = {}}));
  ARCHPOOL_RETURN_IF_ERROR(
      OpenPoolSecret(restoring.directory, restoring.connection).status());
  ARCHPOOL_ASSIGN_OR_RETURN(
      const int64_t number,
      NoteRestore(restoring.connection,
                  {.number = 0,
                   .backup = restoring.manifest.id,
                   .snapshot_time = restoring.manifest.snapshot_time,
                   .restore_time = now}));
  ARCHPOOL_ASSIGN_OR_RETURN(const SigningKey key,
                            restoring.directory.DeriveKey(kReceiptKeyDomain));
  const SystemClock clock;
  PostgresReceipts receipts(restoring.connection);
  Notary notary(clock, receipts, key, NotaryOptions());
  ARCHPOOL_RETURN_IF_ERROR(notary.SealRestore());
  return number;
}

// Where a folder will be: the nearest one above it that is there.
std::string ThereAbove(const std::string& path) {
  std::error_code error;
  std::filesystem::path there =
      std::filesystem::absolute(path, error).lexically_normal();
  while (!std::filesystem::exists(there, error) &&
         there != there.parent_path()) {
    there = there.parent_path();
  }
  return there.string();
}

absl::Status CheckRoom(const ServerFlags& flags,
                       const BackupManifest& manifest) {
  int64_t bytes = manifest.blob_bytes + kRestoreSpareBytes;
  for (const BackedUpFile& file : manifest.files) {
    bytes += file.size_bytes;
    if (file.path == kDumpName && flags.database_url.empty()) {
      bytes += kDatabasePerDump * file.size_bytes;
    }
  }
  return CheckSpace(ThereAbove(flags.data_dir), bytes);
}

absl::Status CheckEmpty(const std::string& data_dir) {
  if (DataDirectory::MayBeRestoredInto(data_dir)) return absl::OkStatus();
  return FailedPrecondition(
      "DIRECTORY_NOT_EMPTY",
      absl::StrCat(data_dir,
                   " is not empty, and nothing in it was changed: name a new "
                   "--data-dir. If a pool is in it, keep that aside: it may "
                   "hold batches of payouts that the backup has not"));
}

absl::Status RestoreInto(const ServerFlags& flags, const BackupFolder& folder,
                         const BackupManifest& manifest,
                         const std::vector<ListedBlob>& blobs,
                         const std::stop_token& stop) {
  const Stopwatch watch;
  const absl::Time now = SystemClock().Now();
  ARCHPOOL_ASSIGN_OR_RETURN(const DataDirectory directory,
                            DataDirectory::Open(flags.data_dir));
  ARCHPOOL_RETURN_IF_ERROR(directory.NoteRestore());
  directory.Clear();
  Restoring restoring{.folder = folder,
                      .manifest = manifest,
                      .directory = directory,
                      .stop = stop,
                      .connection = flags.database_url};
  LogInfo("restore_started", "the pool's files are copied",
          {{"backup", manifest.id},
           {"snapshot_time", manifest.snapshot_time},
           {"files", blobs.size()}});
  for (const std::string& part :
       {directory.PayoutsPath(), directory.BlobsPath()}) {
    ARCHPOOL_RETURN_IF_ERROR(MakePrivateFolder(part));
  }
  ARCHPOOL_RETURN_IF_ERROR(RestoreFiles(restoring));
  ARCHPOOL_RETURN_IF_ERROR(RestoreBlobs(restoring, blobs));
  std::unique_ptr<PrivateCluster> cluster;
  if (flags.database_url.empty()) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        cluster, PrivateCluster::Start(
                     {.directory = directory.ClusterPath(), .stop = stop}));
    restoring.connection = cluster->ConnectionString();
    ARCHPOOL_RETURN_IF_ERROR(CheckTarget(manifest, restoring.connection));
  }
  ARCHPOOL_ASSIGN_OR_RETURN(const int64_t number,
                            RestoreDatabase(restoring, now));
  cluster.reset();
  ARCHPOOL_RETURN_IF_ERROR(SyncFilesystem(directory.path()));
  ARCHPOOL_RETURN_IF_ERROR(directory.EndRestore());
  LogWarn("pool_restored",
          "the pool is restored, as it was when the backup was made; what was "
          "done later is lost",
          "start archpool-server on it; payouts wait until what was paid since "
          "the backup is in the books (docs/backups.md)",
          {{"backup", manifest.id},
           {"snapshot_time", manifest.snapshot_time},
           {"lost_s", now - manifest.snapshot_time},
           {"restores", number},
           {"missing_files", manifest.lost_blobs.size()},
           {"directory", directory.path()},
           {"took_s", watch.elapsed()}});
  return absl::OkStatus();
}

}  // namespace

absl::Status RestorePool(const ServerFlags& flags,
                         const RestoreFlags& options) {
  const SignalStop signals;
  const BackupFolder folder(options.folder);
  ARCHPOOL_ASSIGN_OR_RETURN(const BackupManifest manifest,
                            folder.Read(options.id));
  ARCHPOOL_RETURN_IF_ERROR(CheckBackup(manifest, SystemClock().Now()));
  ARCHPOOL_RETURN_IF_ERROR(CheckEmpty(flags.data_dir));
  ARCHPOOL_RETURN_IF_ERROR(CheckRoom(flags, manifest));
  LogInfo("backup_reading", "the backup's files are compared with its manifest",
          {{"backup", manifest.id}});
  for (const BackedUpFile& file : manifest.files) {
    ARCHPOOL_RETURN_IF_ERROR(
        folder.CheckFile(manifest, file, {.stop = signals.token()}));
  }
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<ListedBlob> blobs,
                            folder.ReadBlobs(manifest));
  ARCHPOOL_RETURN_IF_ERROR(CheckSizes(folder, blobs));
  if (!flags.database_url.empty()) {
    ARCHPOOL_RETURN_IF_ERROR(CheckTarget(manifest, flags.database_url));
  }
  return RestoreInto(flags, folder, manifest, blobs, signals.token());
}

}  // namespace archpool
