// SPDX-License-Identifier: Apache-2.0
#include "server/back_up.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/clock.h"
#include "common/base/countdown.h"
#include "common/base/signals.h"
#include "common/base/status.h"
#include "common/base/version.h"
#include "common/log/log.h"
#include "common/model/payout_batch.h"
#include "server/backup/backup_folder.h"
#include "server/backup/blob_plan.h"
#include "server/copy_progress.h"
#include "server/data_directory.h"
#include "server/pool_secret.h"
#include "server/storage/postgres/database_dump.h"
#include "server/storage/postgres/database_snapshot.h"
#include "server/storage/postgres/postgres_programs.h"
#include "server/storage/postgres/private_cluster.h"
#include "server/storage/removal_lock.h"

namespace archpool {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kBytesPerMib = int64_t{1} << 20;
constexpr int64_t kSpareBytes = 64 * kBytesPerMib;

// The pool's folders that are no part of a backup's files: the database and the
// blobs are copied apart, and what audits asked for is asked for again
// (docs/adr/0041-restore-as-after-an-outage.md). What an operator confirmed
// after an earlier restore says nothing of the next one.
bool IsLeftOut(const std::string& path) {
  return path == absl::StrCat("payouts/", kPaidSinceBackup) ||
         path == "postgresql" || path == "blobs" || path == "checkpoints" ||
         path == "lock" || path == "restore-unfinished" ||
         absl::EndsWith(path, ".new");
}

// The pool while it is backed up.
struct BackupSource {
  std::string data_dir;
  std::string connection;
  std::optional<DataDirectory> directory;   // where no server has it
  std::unique_ptr<PrivateCluster> cluster;  // likewise
  int cluster_fd = -1;

  BackupSource() = default;
  BackupSource(const BackupSource&) = delete;
  BackupSource& operator=(const BackupSource&) = delete;
  ~BackupSource() {
    if (cluster_fd >= 0) close(cluster_fd);
  }

  std::string BlobPath(const Digest& digest) const {
    const std::string name = digest.ToString();
    return absl::StrCat(data_dir, "/blobs/blobs/", name.substr(0, 2), "/",
                        name);
  }
};

absl::Status OpenSource(const ServerFlags& flags, const std::stop_token& stop,
                        BackupSource& source) {
  std::error_code error;
  source.data_dir =
      fs::absolute(flags.data_dir, error).lexically_normal().string();
  // Before anything is made: no pool is made by a backup.
  ARCHPOOL_RETURN_IF_ERROR(
      DataDirectory::ReadPoolSecret(source.data_dir).status());
  source.connection = flags.database_url;
  absl::StatusOr<DataDirectory> directory =
      DataDirectory::Open(source.data_dir);
  const bool is_served = GetReason(directory.status()) == "DIRECTORY_IN_USE";
  if (!is_served) {
    ARCHPOOL_RETURN_IF_ERROR(directory.status());
    ARCHPOOL_RETURN_IF_ERROR(directory->CheckRestored());
    source.directory.emplace(*std::move(directory));
  }
  if (!source.connection.empty()) return absl::OkStatus();
  const std::string cluster = source.data_dir + "/postgresql";
  if (is_served) {
    source.cluster_fd = open(cluster.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    source.connection =
        PrivateCluster::ConnectionTo(cluster, source.cluster_fd);
    return absl::OkStatus();
  }
  if (!fs::exists(cluster, error)) {
    return FailedPrecondition(
        "DATABASE_MISSING",
        absl::StrCat("there is no private database in ", source.data_dir,
                     "; name the pool's with --database-url"));
  }
  ARCHPOOL_ASSIGN_OR_RETURN(
      source.cluster,
      PrivateCluster::Start({.directory = cluster, .stop = stop}));
  source.connection = source.cluster->ConnectionString();
  return absl::OkStatus();
}

absl::Status CheckIsOnePool(const BackupSource& source,
                            const SnapshotFacts& facts) {
  ARCHPOOL_ASSIGN_OR_RETURN(const Digest secret,
                            DataDirectory::ReadPoolSecret(source.data_dir));
  if (!facts.secret_fingerprint ||
      *facts.secret_fingerprint == FingerprintOf(secret)) {
    return absl::OkStatus();
  }
  return FailedPrecondition(
      "SECRET_MISMATCH",
      absl::StrCat("the database and the data directory ", source.data_dir,
                   " are not of the same pool; nothing was backed up"));
}

// The blobs of the latest backup that can be read: the others are copied again.
std::vector<ListedBlob> EarlierBlobs(const BackupFolder& folder) {
  const absl::StatusOr<BackupManifest> manifest = folder.Read("");
  if (!manifest.ok()) return {};
  return folder.ReadBlobs(*manifest).value_or(std::vector<ListedBlob>());
}

// Copies what the plan says, and moves what the pool has lost, or has other
// bytes of, to the lost ones.
absl::Status CopyBlobs(const BackupSource& source, const BackupFolder& folder,
                       const std::stop_token& stop, BlobPlan& plan) {
  CopyProgress progress(plan.CopiedBytes());
  const CopyOptions options{
      .stop = stop,
      .on_bytes = [&progress](int64_t bytes) { progress.Add(bytes); }};
  std::vector<ListedBlob> copied;
  copied.reserve(plan.copied.size());
  for (const ListedBlob& blob : plan.copied) {
    ARCHPOOL_RETURN_IF_ERROR(folder.MakeBlobFolder(blob.digest));
    const std::string path = folder.BlobPath(blob.digest);
    const absl::StatusOr<CopiedFile> copy =
        CopyFile(source.BlobPath(blob.digest), path, options);
    if (copy.ok() && copy->digest == blob.digest) {
      copied.push_back({blob.digest, copy->size_bytes});
      continue;
    }
    const std::string reason = GetReason(copy.status());
    if (!copy.ok() && reason != "FILE_NOT_FOUND" &&
        reason != "FILE_UNREADABLE") {
      return copy.status();
    }
    if (copy.ok()) unlink(path.c_str());
    plan.lost.push_back(blob.digest);
  }
  plan.copied = std::move(copied);
  std::sort(plan.lost.begin(), plan.lost.end());
  return absl::OkStatus();
}

// The data directory's own files, below ID/data.
absl::Status CopyDataFiles(const BackupSource& source, const std::string& to,
                           const CopyOptions& options,
                           std::vector<BackedUpFile>& files) {
  const std::string data = absl::StrCat(to, "/", kDataFolder);
  ARCHPOOL_RETURN_IF_ERROR(MakePrivateFolder(data));
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<std::string> paths,
                            ListFiles(source.data_dir, IsLeftOut));
  for (const std::string& path : paths) {
    std::string folder = data;
    for (const fs::path& part : fs::path(path).parent_path()) {
      absl::StrAppend(&folder, "/", part.string());
      ARCHPOOL_RETURN_IF_ERROR(MakePrivateFolder(folder));
    }
    const absl::StatusOr<CopiedFile> copy =
        CopyFile(absl::StrCat(source.data_dir, "/", path),
                 absl::StrCat(data, "/", path), options);
    // Replaced, or moved away, since it was listed.
    if (absl::IsNotFound(copy.status())) continue;
    ARCHPOOL_RETURN_IF_ERROR(copy.status());
    files.push_back({.path = absl::StrCat(kDataFolder, "/", path),
                     .size_bytes = copy->size_bytes,
                     .digest = copy->digest});
  }
  return absl::OkStatus();
}

absl::Status AddFile(const std::string& folder, const std::string& name,
                     const CopyOptions& options,
                     std::vector<BackedUpFile>& files) {
  ARCHPOOL_ASSIGN_OR_RETURN(
      const CopiedFile file,
      ReadThrough(absl::StrCat(folder, "/", name), options));
  files.push_back(
      {.path = name, .size_bytes = file.size_bytes, .digest = file.digest});
  return absl::OkStatus();
}

// All but the manifest: the dump and the blobs at once, since the blobs that
// the snapshot names do not change.
absl::Status Fill(const BackupSource& source, DatabaseSnapshot& snapshot,
                  const BackupFolder& folder, const std::stop_token& stop,
                  const std::string& programs, BlobPlan& plan,
                  BackupManifest& manifest) {
  const std::string to = folder.PathOf(manifest.id);
  absl::Status dumped;
  {
    std::stop_source dump_stop;
    const std::stop_callback forward(
        stop, [&dump_stop] { dump_stop.request_stop(); });
    std::jthread dump([&] {
      dumped = DumpDatabase({.connection_string = source.connection,
                             .programs = programs,
                             .path = absl::StrCat(to, "/", kDumpName),
                             .log_path = absl::StrCat(to, "/", "dump.log"),
                             .schema = snapshot.facts().schema,
                             .snapshot = snapshot.id(),
                             .stop = dump_stop.get_token()});
    });
    const absl::Status copied = CopyBlobs(source, folder, stop, plan);
    if (!copied.ok()) {
      dump_stop.request_stop();
      return copied;
    }
  }
  ARCHPOOL_RETURN_IF_ERROR(dumped);
  const CopyOptions options{.stop = stop};
  std::vector<ListedBlob> blobs;
  std::merge(plan.kept.begin(), plan.kept.end(), plan.copied.begin(),
             plan.copied.end(), std::back_inserter(blobs),
             [](const ListedBlob& a, const ListedBlob& b) {
               return a.digest < b.digest;
             });
  ARCHPOOL_RETURN_IF_ERROR(WriteFileDurably(
      absl::StrCat(to, "/", kBlobListName), EncodeBlobList(blobs)));
  // After the snapshot: whatever it says was sent is among the batches.
  ARCHPOOL_RETURN_IF_ERROR(CopyDataFiles(source, to, options, manifest.files));
  ARCHPOOL_RETURN_IF_ERROR(AddFile(to, kDumpName, options, manifest.files));
  ARCHPOOL_RETURN_IF_ERROR(AddFile(to, kBlobListName, options, manifest.files));
  manifest.blob_count = static_cast<int64_t>(blobs.size());
  for (const ListedBlob& blob : blobs) manifest.blob_bytes += blob.size_bytes;
  manifest.lost_blobs = plan.lost;
  return absl::OkStatus();
}

absl::Status ReportLost(const BackupManifest& manifest) {
  if (manifest.lost_blobs.empty()) return absl::OkStatus();
  for (const Digest& digest : manifest.lost_blobs) {
    LogError("backup_lacks_blob",
             "a file that the pool needs is missing in the pool itself, or "
             "damaged",
             "look in an earlier backup for it (data-blobs), and copy it to "
             "blobs/blobs of the data directory",
             {{"digest", digest.ToString()}});
  }
  return FailedPrecondition(
      "BLOBS_LOST",
      absl::StrCat("backup ", manifest.id, " is complete but for ",
                   manifest.lost_blobs.size(),
                   " files that the pool needs and does not have itself, the "
                   "first of them ",
                   manifest.lost_blobs.front().ToString()));
}

// Else each backup would be a part of the next one, and fill the pool's disk.
absl::Status CheckIsOutside(const std::string& folder,
                            const std::string& data_dir) {
  std::error_code error;
  const fs::path inside =
      fs::weakly_canonical(folder, error)
          .lexically_relative(fs::weakly_canonical(data_dir, error));
  if (inside.empty() || *inside.begin() == "..") return absl::OkStatus();
  return FailedPrecondition(
      "BACKUP_IN_POOL",
      absl::StrCat(folder, " is in the pool's own data directory ", data_dir,
                   ": name a folder outside it, best on another disk"));
}

// A pool without it could not be served again.
absl::Status CheckHasSecret(const BackupManifest& manifest,
                            const std::string& data_dir) {
  const std::string path = absl::StrCat(kDataFolder, "/pool-secret");
  const bool has_secret =
      std::any_of(manifest.files.begin(), manifest.files.end(),
                  [&](const BackedUpFile& file) { return file.path == path; });
  if (has_secret) return absl::OkStatus();
  return FailedPrecondition(
      "SECRET_MISSING",
      absl::StrCat("there is no pool-secret in ", data_dir,
                   ", without which no backup is of use; mount its disk, or "
                   "put it back, and start the backup again"));
}

absl::Status MakeBackup(const ServerFlags& flags, const BackupFlags& options,
                        const std::stop_token& stop) {
  const Stopwatch watch;
  const SystemClock clock;
  BackupSource source;
  ARCHPOOL_RETURN_IF_ERROR(OpenSource(flags, stop, source));
  ARCHPOOL_RETURN_IF_ERROR(CheckIsOutside(options.folder, source.data_dir));
  ARCHPOOL_ASSIGN_OR_RETURN(const BackupFolder folder,
                            BackupFolder::OpenToWrite(options.folder));
  folder.Clean(/*keep_count=*/0);
  // Before the snapshot: what it names stays until it is copied.
  ARCHPOOL_ASSIGN_OR_RETURN(
      const RemovalLock lock,
      RemovalLock::ToCopy(source.data_dir + "/blobs", stop));
  ARCHPOOL_ASSIGN_OR_RETURN(const std::unique_ptr<DatabaseSnapshot> snapshot,
                            DatabaseSnapshot::Take(source.connection));
  const SnapshotFacts& facts = snapshot->facts();
  ARCHPOOL_RETURN_IF_ERROR(CheckIsOnePool(source, facts));
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string programs,
                            postgres::FindClientPrograms(facts.postgres_major));
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<NamedBlob> named,
                            snapshot->Blobs());
  BlobPlan plan = PlanBlobs(
      named, EarlierBlobs(folder),
      [&](const Digest& blob) { return SizeOfFile(folder.BlobPath(blob)); },
      [&](const Digest& blob) { return SizeOfFile(source.BlobPath(blob)); });
  ARCHPOOL_RETURN_IF_ERROR(CheckSpace(
      folder.path(), plan.CopiedBytes() + facts.database_bytes + kSpareBytes));
  BackupManifest manifest{.program_version = kVersion,
                          .snapshot_time = facts.time,
                          .schema_version = facts.schema_version,
                          .postgres_major = facts.postgres_major,
                          .schema = facts.schema,
                          .secret_fingerprint = facts.secret_fingerprint};
  ARCHPOOL_ASSIGN_OR_RETURN(manifest.id, folder.Begin(clock.Now()));
  absl::Cleanup remove = [&] {
    std::error_code ignored;
    fs::remove_all(folder.PathOf(manifest.id), ignored);
  };
  LogInfo("backup_started", "the database is dumped, and new files are copied",
          {{"backup", manifest.id},
           {"snapshot_time", facts.time},
           {"new_files", plan.copied.size()},
           {"new_mib", plan.CopiedBytes() / kBytesPerMib},
           {"kept_files", plan.kept.size()},
           {"database_mib", facts.database_bytes / kBytesPerMib}});
  const size_t kept = plan.kept.size();
  ARCHPOOL_RETURN_IF_ERROR(
      Fill(source, *snapshot, folder, stop, programs, plan, manifest));
  ARCHPOOL_RETURN_IF_ERROR(CheckHasSecret(manifest, source.data_dir));
  manifest.end_time = clock.Now();
  ARCHPOOL_RETURN_IF_ERROR(folder.Publish(manifest));
  std::move(remove).Cancel();
  const int64_t removed = folder.Clean(options.keep_count);
  LogInfo("backup_done",
          "the backup is complete and on the disk; keep a copy of its folder "
          "on another machine",
          {{"backup", manifest.id},
           {"directory", folder.path()},
           {"files", manifest.blob_count},
           {"files_mib", manifest.blob_bytes / kBytesPerMib},
           {"kept_files", kept},
           {"unneeded_files", plan.unneeded},
           {"removed_backups", removed},
           {"took_s", watch.elapsed()}});
  return ReportLost(manifest);
}

}  // namespace

absl::Status BackUp(const ServerFlags& flags, const BackupFlags& options) {
  const SignalStop signals;
  return MakeBackup(flags, options, signals.token());
}

absl::Status VerifyBackups(const BackupFlags& options) {
  const SignalStop signals;
  const BackupFolder folder(options.folder);
  const std::vector<std::string> ids = folder.Ids();
  if (ids.empty()) return folder.Read("").status();
  absl::Status first;
  const auto note = [&first](const absl::Status& damage) {
    LogError("backup_damaged", "a file of a backup is not what was written",
             "restore from another copy of the backup, and look at the disk "
             "that it is on",
             {{"error", damage}});
    if (first.ok()) first = damage;
  };
  std::vector<ListedBlob> checked;
  for (const std::string& id : ids) {
    const absl::StatusOr<BackupManifest> manifest = folder.Read(id);
    if (!manifest.ok()) {
      note(manifest.status());
      continue;
    }
    int64_t total = manifest->blob_bytes;
    for (const BackedUpFile& file : manifest->files) total += file.size_bytes;
    CopyProgress progress(total);
    ARCHPOOL_RETURN_IF_ERROR(folder.Check(
        *manifest, checked,
        {.stop = signals.token(),
         .on_bytes = [&progress](int64_t bytes) { progress.Add(bytes); }},
        note));
    LogInfo("backup_checked", "every file of this backup was read",
            {{"backup", id},
             {"snapshot_time", manifest->snapshot_time},
             {"files", manifest->blob_count}});
  }
  return first;
}

}  // namespace archpool
