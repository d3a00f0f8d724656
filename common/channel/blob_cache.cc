// SPDX-License-Identifier: Apache-2.0
#include "common/channel/blob_cache.h"

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/durable_file.h"
#include "common/base/status.h"
#include "common/data/read_file.h"

namespace archpool {
namespace {

namespace fs = std::filesystem;

constexpr absl::string_view kPartSuffix = ".part";

void RemoveQuietly(const std::string& path) {
  std::error_code ignored;
  fs::remove(path, ignored);
}

absl::Status TooLarge(int64_t size_bytes, int64_t size_bytes_max) {
  return InvalidArgument(
      "BLOB_TOO_LARGE",
      absl::StrCat("the blob has ", size_bytes, " bytes, where at most ",
                   size_bytes_max, " were expected"));
}

}  // namespace

BlobCache::BlobCache(std::string directory, int64_t capacity_bytes)
    : directory_(std::move(directory)), capacity_bytes_(capacity_bytes) {}

std::string BlobCache::PathOf(const Digest& digest) const {
  return absl::StrCat(directory_, "/", digest.ToString());
}

std::string BlobCache::Lookup(const Digest& digest,
                              int64_t size_bytes_max) const {
  const std::string path = PathOf(digest);
  absl::StatusOr<std::string> bytes = ReadFile(path, size_bytes_max);
  if (!bytes.ok()) return "";
  if (Sha256(*bytes) != digest) {
    RemoveQuietly(path);
    return "";
  }
  std::error_code ignored;
  fs::last_write_time(path, fs::file_time_type::clock::now(), ignored);
  return *std::move(bytes);
}

absl::Status BlobCache::FetchPart(const std::string& part,
                                  int64_t size_bytes_max,
                                  const BlobReader& read) const {
  ARCHPOOL_ASSIGN_OR_RETURN(GrowingFile file, GrowingFile::Open(part));
  int64_t expected_bytes = -1;
  ARCHPOOL_RETURN_IF_ERROR(read(file.size_bytes(), [&](absl::string_view data,
                                                       int64_t size_bytes) {
    expected_bytes = size_bytes;
    const int64_t grown = file.size_bytes() + static_cast<int64_t>(data.size());
    if (std::max(size_bytes, grown) > size_bytes_max) {
      return TooLarge(std::max(size_bytes, grown), size_bytes_max);
    }
    return file.Append(data);
  }));
  if (expected_bytes >= 0 && file.size_bytes() != expected_bytes) {
    return Unavailable(
        "DOWNLOAD_CUT_SHORT",
        absl::StrCat("the download ended after ", file.size_bytes(), " of ",
                     expected_bytes, " bytes: try again"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> BlobCache::Get(const Digest& digest,
                                           int64_t size_bytes_max,
                                           const BlobReader& read) {
  if (std::string cached = Lookup(digest, size_bytes_max); !cached.empty()) {
    return cached;
  }
  ARCHPOOL_RETURN_IF_ERROR(MakeDirectories(directory_));
  const std::string path = PathOf(digest);
  const std::string part = absl::StrCat(path, kPartSuffix);
  const absl::Status fetched = FetchPart(part, size_bytes_max, read);
  if (!fetched.ok()) {
    // What came so far is worth keeping only where it may still be completed.
    if (absl::IsInvalidArgument(fetched) || absl::IsOutOfRange(fetched)) {
      RemoveQuietly(part);
    }
    return fetched;
  }
  ARCHPOOL_ASSIGN_OR_RETURN(std::string bytes, ReadFile(part, size_bytes_max));
  if (Sha256(bytes) != digest) {
    RemoveQuietly(part);
    return InvalidArgument("BLOB_DIGEST_MISMATCH",
                           absl::StrCat("the bytes received for blob ",
                                        digest.ToString(), " are not its own"));
  }
  ARCHPOOL_ASSIGN_OR_RETURN(GrowingFile file, GrowingFile::Open(part));
  ARCHPOOL_RETURN_IF_ERROR(file.Publish(path));
  EvictAllBut(digest);
  return bytes;
}

void BlobCache::EvictAllBut(const Digest& digest) const {
  struct Blob {
    fs::file_time_type used;
    int64_t size_bytes;
    fs::path path;
  };
  std::vector<Blob> blobs;
  int64_t sum_bytes = 0;
  std::error_code error;
  for (const fs::directory_entry& entry :
       fs::directory_iterator(directory_, error)) {
    const std::string name = entry.path().filename().string();
    // What others put here is theirs.
    const bool is_own =
        Digest::Parse(std::string(absl::StripSuffix(name, kPartSuffix))).ok();
    if (!is_own || !fs::is_regular_file(entry.symlink_status(error))) continue;
    Blob blob{entry.last_write_time(error),
              static_cast<int64_t>(entry.file_size(error)), entry.path()};
    sum_bytes += blob.size_bytes;
    if (name != digest.ToString()) blobs.push_back(std::move(blob));
  }
  std::sort(blobs.begin(), blobs.end(),
            [](const Blob& a, const Blob& b) { return a.used < b.used; });
  for (const Blob& blob : blobs) {
    if (sum_bytes <= capacity_bytes_) return;
    if (fs::remove(blob.path, error)) sum_bytes -= blob.size_bytes;
  }
}

}  // namespace archpool
