// SPDX-License-Identifier: Apache-2.0
#include "server/backup/backup_folder.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/status.h"
#include "common/data/read_file.h"

namespace archpool {
namespace {

namespace fs = std::filesystem;

constexpr char kBackups[] = "/backups";
constexpr char kBlobs[] = "/data-blobs";
constexpr int64_t kManifestBytesMax = int64_t{256} << 20;
constexpr int64_t kListBytesMax = int64_t{8} << 30;

std::vector<std::string> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool IsBelow(const ListedBlob& a, const ListedBlob& b) {
  return a.digest < b.digest;
}

std::vector<ListedBlob> Union(const std::vector<ListedBlob>& a,
                              const std::vector<ListedBlob>& b) {
  std::vector<ListedBlob> both;
  both.reserve(a.size() + b.size());
  std::set_union(a.begin(), a.end(), b.begin(), b.end(),
                 std::back_inserter(both), IsBelow);
  return both;
}

absl::Status Differs(const std::string& path) {
  return BackupDamaged(path, "its bytes are not those that were written");
}

}  // namespace

absl::StatusOr<BackupFolder> BackupFolder::OpenToWrite(
    const std::string& path) {
  std::error_code error;
  const fs::path whole = fs::absolute(path, error).lexically_normal();
  BackupFolder folder(whole.string());
  while (folder.path_.size() > 1 && folder.path_.back() == '/') {
    folder.path_.pop_back();
  }
  ARCHPOOL_RETURN_IF_ERROR(
      MakeDirectories(fs::path(folder.path_).parent_path().string()));
  ARCHPOOL_RETURN_IF_ERROR(MakePrivateFolder(folder.path_));
  ARCHPOOL_ASSIGN_OR_RETURN(DirectoryLock lock,
                            DirectoryLock::Acquire(folder.path_));
  folder.lock_.emplace(std::move(lock));
  for (const char* part : {kBackups, kBlobs}) {
    ARCHPOOL_RETURN_IF_ERROR(MakePrivateFolder(folder.path_ + part));
  }
  return folder;
}

std::vector<std::string> BackupFolder::Ids() const {
  std::vector<std::string> ids;
  for (const std::string& name : NamesIn(path_ + kBackups)) {
    if (SizeOfFile(absl::StrCat(PathOf(name), "/", kManifestName))) {
      ids.push_back(name);
    }
  }
  return ids;
}

absl::StatusOr<BackupManifest> BackupFolder::Read(const std::string& id) const {
  const std::vector<std::string> ids = Ids();
  if (ids.empty()) {
    return NotFound("BACKUP_MISSING",
                    absl::StrCat("there is no complete backup in ", path_,
                                 "; name the folder that archpool-server "
                                 "backup was given"));
  }
  if (!id.empty() && std::find(ids.begin(), ids.end(), id) == ids.end()) {
    return NotFound("BACKUP_MISSING",
                    absl::StrCat("there is no complete backup ", id, " in ",
                                 path_, "; the latest one is ", ids.back()));
  }
  const std::string path =
      absl::StrCat(PathOf(id.empty() ? ids.back() : id), "/", kManifestName);
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string text,
                            ReadFile(path, kManifestBytesMax));
  ARCHPOOL_ASSIGN_OR_RETURN(BackupManifest manifest, ParseManifest(text, path));
  if (manifest.id != (id.empty() ? ids.back() : id)) {
    return BackupDamaged(path, "it is another backup's");
  }
  return manifest;
}

absl::StatusOr<std::vector<ListedBlob>> BackupFolder::ReadBlobs(
    const BackupManifest& manifest) const {
  const std::string path =
      absl::StrCat(PathOf(manifest.id), "/", kBlobListName);
  const auto file = std::find_if(
      manifest.files.begin(), manifest.files.end(),
      [](const BackedUpFile& one) { return one.path == kBlobListName; });
  if (file == manifest.files.end()) {
    return BackupDamaged(path, "the manifest does not name it");
  }
  const absl::StatusOr<std::string> text = ReadFile(path, kListBytesMax);
  if (!text.ok()) return BackupDamaged(path, text.status().message());
  if (Sha256(*text) != file->digest) return Differs(path);
  return ParseBlobList(*text, path);
}

absl::StatusOr<std::string> BackupFolder::Begin(absl::Time now) const {
  int64_t last = 0;
  for (const std::string& name : NamesIn(path_ + kBackups)) {
    last = std::max<int64_t>(last, std::strtoll(name.c_str(), nullptr, 10));
  }
  std::string id = absl::StrCat(
      absl::StrFormat("%06d", last + 1), "-",
      absl::FormatTime("%Y%m%dT%H%M%SZ", now, absl::UTCTimeZone()));
  ARCHPOOL_RETURN_IF_ERROR(MakePrivateFolder(PathOf(id)));
  return id;
}

absl::Status BackupFolder::Publish(const BackupManifest& manifest) const {
  ARCHPOOL_RETURN_IF_ERROR(SyncFilesystem(path_));
  return WriteFileDurably(absl::StrCat(PathOf(manifest.id), "/", kManifestName),
                          EncodeManifest(manifest));
}

int64_t BackupFolder::Clean(int64_t keep_count) const {
  std::vector<std::string> ids = Ids();
  std::error_code ignored;
  for (const std::string& name : NamesIn(path_ + kBackups)) {
    if (std::find(ids.begin(), ids.end(), name) == ids.end()) {
      fs::remove_all(PathOf(name), ignored);
    }
  }
  int64_t removed = 0;
  for (; keep_count > 0 && std::ssize(ids) > keep_count; ++removed) {
    // Without its manifest it is no backup any more.
    fs::remove(absl::StrCat(PathOf(ids.front()), "/", kManifestName), ignored);
    fs::remove_all(PathOf(ids.front()), ignored);
    ids.erase(ids.begin());
  }
  if (removed == 0) return removed;
  std::vector<ListedBlob> named;
  for (const std::string& id : ids) {
    const absl::StatusOr<BackupManifest> manifest = Read(id);
    if (!manifest.ok()) return removed;
    const absl::StatusOr<std::vector<ListedBlob>> blobs = ReadBlobs(*manifest);
    if (!blobs.ok()) return removed;
    named = Union(named, *blobs);
  }
  for (const std::string& part : NamesIn(path_ + kBlobs)) {
    const std::string folder = absl::StrCat(path_, kBlobs, "/", part);
    for (const std::string& name : NamesIn(folder)) {
      const absl::StatusOr<Digest> digest = Digest::Parse(name);
      const bool is_named =
          digest.ok() && std::binary_search(named.begin(), named.end(),
                                            ListedBlob{*digest, 0}, IsBelow);
      if (!is_named) unlink(absl::StrCat(folder, "/", name).c_str());
    }
  }
  return removed;
}

absl::Status BackupFolder::CheckFile(const BackupManifest& manifest,
                                     const BackedUpFile& file,
                                     const CopyOptions& options) const {
  const std::string path = absl::StrCat(PathOf(manifest.id), "/", file.path);
  const absl::StatusOr<CopiedFile> read = ReadThrough(path, options);
  if (absl::IsUnavailable(read.status())) return read.status();
  if (!read.ok()) return BackupDamaged(path, read.status().message());
  return read->size_bytes == file.size_bytes && read->digest == file.digest
             ? absl::OkStatus()
             : Differs(path);
}

absl::Status BackupFolder::Check(
    const BackupManifest& manifest, std::vector<ListedBlob>& checked,
    const CopyOptions& options,
    const std::function<void(const absl::Status&)>& on_damage) const {
  for (const BackedUpFile& file : manifest.files) {
    const absl::Status status = CheckFile(manifest, file, options);
    if (absl::IsUnavailable(status)) return status;
    if (!status.ok()) on_damage(status);
  }
  const absl::StatusOr<std::vector<ListedBlob>> blobs = ReadBlobs(manifest);
  if (!blobs.ok()) return absl::OkStatus();  // told already
  for (const ListedBlob& blob : *blobs) {
    if (std::binary_search(checked.begin(), checked.end(), blob, IsBelow)) {
      continue;
    }
    const std::string path = BlobPath(blob.digest);
    const absl::StatusOr<CopiedFile> read = ReadThrough(path, options);
    if (absl::IsUnavailable(read.status())) return read.status();
    if (!read.ok()) {
      on_damage(BackupDamaged(path, read.status().message()));
    } else if (read->digest != blob.digest) {
      on_damage(Differs(path));
    }
  }
  checked = Union(checked, *blobs);
  return absl::OkStatus();
}

std::string BackupFolder::BlobPath(const Digest& digest) const {
  const std::string name = digest.ToString();
  return absl::StrCat(path_, kBlobs, "/", name.substr(0, 2), "/", name);
}

absl::Status BackupFolder::MakeBlobFolder(const Digest& digest) const {
  return MakePrivateFolder(fs::path(BlobPath(digest)).parent_path().string());
}

}  // namespace archpool
