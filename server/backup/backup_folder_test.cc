// SPDX-License-Identifier: Apache-2.0
// Backups in their folder: complete or not there, and found out when damaged.
#include "server/backup/backup_folder.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

namespace fs = std::filesystem;

const absl::Time kTime = absl::FromUnixSeconds(1'700'000'000);

void Write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

class BackupFolderTest : public ::testing::Test {
 protected:
  // A backup of these blobs, up to its manifest.
  BackupManifest Fill(const BackupFolder& folder,
                      std::vector<std::string> contents) {
    BackupManifest manifest{.id = *folder.Begin(kTime)};
    std::vector<ListedBlob> blobs;
    for (const std::string& content : contents) {
      const Digest digest = Sha256(content);
      EXPECT_THAT(folder.MakeBlobFolder(digest), IsOk());
      Write(folder.BlobPath(digest), content);
      blobs.push_back({digest, static_cast<int64_t>(content.size())});
    }
    std::sort(blobs.begin(), blobs.end(),
              [](const ListedBlob& a, const ListedBlob& b) {
                return a.digest < b.digest;
              });
    for (const auto& [name, bytes] :
         {std::pair<std::string, std::string>(kDumpName, "the dump"),
          {kBlobListName, EncodeBlobList(blobs)}}) {
      Write(absl::StrCat(folder.PathOf(manifest.id), "/", name), bytes);
      manifest.files.push_back(
          {name, static_cast<int64_t>(bytes.size()), Sha256(bytes)});
    }
    return manifest;
  }
  std::string Add(const BackupFolder& folder,
                  std::vector<std::string> contents) {
    const BackupManifest manifest = Fill(folder, std::move(contents));
    EXPECT_THAT(folder.Publish(manifest), IsOk());
    return manifest.id;
  }
  std::vector<std::string> DamageOf(const BackupFolder& folder,
                                    const std::string& id) {
    std::vector<std::string> damage;
    std::vector<ListedBlob> checked;
    EXPECT_THAT(folder.Check(*folder.Read(id), checked, {},
                             [&damage](const absl::Status& status) {
                               damage.emplace_back(status.message());
                             }),
                IsOk());
    return damage;
  }

  const TemporaryDirectory parent_;
  const std::string path_ = parent_.path() + "/backups-of-the-pool";
};

TEST_F(BackupFolderTest, IsItsOwnersAloneAndTakesOneBackupAtATime) {
  const auto folder = BackupFolder::OpenToWrite(path_);
  ASSERT_THAT(folder, IsOk());
  struct stat found {};
  ASSERT_EQ(stat(path_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0700U);
  EXPECT_THAT(BackupFolder::OpenToWrite(path_), FailsWith("DIRECTORY_IN_USE"));
}

TEST_F(BackupFolderTest, HalfABackupIsNoneAndReplacesNone) {
  const auto folder = BackupFolder::OpenToWrite(path_);
  ASSERT_THAT(folder, IsOk());
  EXPECT_THAT(folder->Read(""), FailsWith("BACKUP_MISSING"));
  const std::string first = Add(*folder, {"a"});
  const BackupManifest half = Fill(*folder, {"a", "b"});
  EXPECT_THAT(folder->Ids(), testing::ElementsAre(first));
  EXPECT_EQ(folder->Read("")->id, first);
  EXPECT_THAT(folder->Read(half.id), FailsWith("BACKUP_MISSING"));
  // The next one clears it away.
  folder->Clean(0);
  EXPECT_FALSE(fs::exists(folder->PathOf(half.id)));
  EXPECT_EQ(folder->Read("")->id, first);
}

// Whatever the clock says, the next one is the latest.
TEST_F(BackupFolderTest, TheOrderIsNotTheClocks) {
  const auto folder = BackupFolder::OpenToWrite(path_);
  ASSERT_THAT(folder, IsOk());
  Add(*folder, {});
  BackupManifest later{.id = *folder->Begin(kTime - absl::Hours(1000))};
  ASSERT_THAT(folder->Publish(later), IsOk());
  EXPECT_EQ(folder->Read("")->id, later.id);
}

TEST_F(BackupFolderTest, EveryDamagedFileIsNamed) {
  const auto folder = BackupFolder::OpenToWrite(path_);
  ASSERT_THAT(folder, IsOk());
  const std::string id = Add(*folder, {"a", "bb"});
  EXPECT_THAT(DamageOf(*folder, id), testing::IsEmpty());
  const std::string dump = absl::StrCat(folder->PathOf(id), "/", kDumpName);
  Write(dump, "the dumb");
  fs::remove(folder->BlobPath(Sha256("a")));
  Write(folder->BlobPath(Sha256("bb")), "bc");
  EXPECT_THAT(
      DamageOf(*folder, id),
      testing::UnorderedElementsAre(
          testing::HasSubstr(dump), testing::HasSubstr(Sha256("a").ToString()),
          testing::HasSubstr(Sha256("bb").ToString())));
  const std::string manifest =
      absl::StrCat(folder->PathOf(id), "/", kManifestName);
  Write(manifest, "");
  EXPECT_THAT(folder->Read(id), FailsWith("BACKUP_DAMAGED"));
}

TEST_F(BackupFolderTest, OldOnesGoWithTheBlobsThatNoneNeeds) {
  const auto folder = BackupFolder::OpenToWrite(path_);
  ASSERT_THAT(folder, IsOk());
  Add(*folder, {"old", "shared"});
  const std::string second = Add(*folder, {"shared", "new"});
  const std::string third = Add(*folder, {"new"});
  EXPECT_EQ(folder->Clean(0), 0) << "all are kept";
  EXPECT_EQ(folder->Clean(2), 1);
  EXPECT_THAT(folder->Ids(), testing::ElementsAre(second, third));
  EXPECT_FALSE(fs::exists(folder->BlobPath(Sha256("old"))));
  EXPECT_TRUE(fs::exists(folder->BlobPath(Sha256("shared"))));
  EXPECT_THAT(DamageOf(*folder, second), testing::IsEmpty());
}

// What a backup that cannot be read needs is not known.
TEST_F(BackupFolderTest, NoBlobGoesWhereABackupCannotBeRead) {
  const auto folder = BackupFolder::OpenToWrite(path_);
  ASSERT_THAT(folder, IsOk());
  Add(*folder, {"old"});
  const std::string second = Add(*folder, {"new"});
  Add(*folder, {"newest"});
  Write(absl::StrCat(folder->PathOf(second), "/", kManifestName), "damaged");
  EXPECT_EQ(folder->Clean(2), 1);
  EXPECT_TRUE(fs::exists(folder->BlobPath(Sha256("old"))));
  EXPECT_TRUE(fs::exists(folder->BlobPath(Sha256("new"))));
}

}  // namespace
}  // namespace archpool
