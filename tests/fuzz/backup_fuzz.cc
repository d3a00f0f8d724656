// SPDX-License-Identifier: Apache-2.0
// Whatever lies in a folder of backups: a manifest and a list of blobs are
// refused as damaged or too new, or read as what was written; and a file that a
// manifest names is checked within its folder, and nowhere else.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/crypto/sha256.h"
#include "server/backup/backup_folder.h"
#include "server/backup/manifest.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

constexpr char kId[] = "000001-20260101T000000Z";
constexpr char kPath[] = "backup/manifest";

void CheckRefusal(const absl::Status& status) {
  const std::string reason = GetReason(status);
  ARCHPOOL_CHECK(reason == "BACKUP_DAMAGED" || reason == "BACKUP_TOO_NEW");
}

// A body that a disk spoilt has a wrong sum; one that somebody wrote has the
// right one.
std::string Summed(const std::string& body) {
  return absl::StrCat(body, "sha256 ", Sha256(body).ToString(), "\n");
}

void FuzzManifest(const std::string& text) {
  const auto manifest = ParseManifest(text, kPath);
  if (!manifest.ok()) return CheckRefusal(manifest.status());
  for (const BackedUpFile& file : manifest->files) {
    ARCHPOOL_CHECK(file.size_bytes >= 0);
    for (const absl::string_view part : absl::StrSplit(file.path, '/')) {
      ARCHPOOL_CHECK(!part.empty() && part != "." && part != "..");
    }
  }
  const auto again = ParseManifest(EncodeManifest(*manifest), kPath);
  ARCHPOOL_CHECK(again.ok() && *again == *manifest);
}

void FuzzBlobList(const std::string& text) {
  const auto blobs = ParseBlobList(text, kPath);
  if (!blobs.ok()) return CheckRefusal(blobs.status());
  const auto again = ParseBlobList(EncodeBlobList(*blobs), kPath);
  ARCHPOOL_CHECK(again.ok() && *again == *blobs);
}

// One folder for all inputs: a backup whose manifest each of them writes, with
// a dump of three bytes and no list of blobs but what the input is.
class Folder {
 public:
  Folder() {
    std::filesystem::create_directories(backup_.PathOf(kId));
    Write(kDumpName, "abc");
  }

  void Fuzz(const std::string& text) {
    Write(kManifestName, Summed(text));
    Write(kBlobListName, text);
    const auto manifest = backup_.Read(kId);
    if (!manifest.ok()) return CheckRefusal(manifest.status());
    const auto blobs = backup_.ReadBlobs(*manifest);
    if (!blobs.ok()) CheckRefusal(blobs.status());
    for (const BackedUpFile& file : manifest->files) {
      const absl::Status checked =
          backup_.CheckFile(*manifest, file, CopyOptions());
      if (!checked.ok()) {
        CheckRefusal(checked);
        continue;
      }
      const bool is_dump = file.path == kDumpName && file.size_bytes == 3 &&
                           file.digest == Sha256("abc");
      ARCHPOOL_CHECK(is_dump || file.path == kBlobListName ||
                     file.path == kManifestName);
    }
  }

 private:
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(absl::StrCat(backup_.PathOf(kId), "/", name),
                  std::ios::binary | std::ios::trunc)
        << text;
  }

  const TemporaryDirectory directory_;
  const BackupFolder backup_{directory_.path()};
};

}  // namespace
}  // namespace archpool

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace archpool;  // NOLINT: a fuzzer's entry
  static Folder folder;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  FuzzManifest(bytes);
  FuzzManifest(Summed(bytes));
  FuzzBlobList(bytes);
  // What is no manifest at all was looked at without a disk.
  if (ParseManifest(Summed(bytes), kPath).ok()) folder.Fuzz(bytes);
  return 0;
}
