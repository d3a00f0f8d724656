// SPDX-License-Identifier: Apache-2.0
#include "server/data_directory.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

namespace fs = std::filesystem;

mode_t ModeOf(const std::string& path) {
  struct stat found {};
  EXPECT_EQ(stat(path.c_str(), &found), 0) << path;
  return found.st_mode & 0777;
}

class DataDirectoryTest : public ::testing::Test {
 protected:
  DataDirectory Open() {
    auto directory = DataDirectory::Open(path_);
    EXPECT_THAT(directory, IsOk());
    return *std::move(directory);
  }
  const TemporaryDirectory parent_;
  const std::string path_ = parent_.path() + "/a/data";
  const std::string secret_ = path_ + "/pool-secret";
};

TEST_F(DataDirectoryTest, NobodyElseListsWhatIsInIt) {
  const DataDirectory directory = Open();
  EXPECT_EQ(ModeOf(path_) & 0066, 0u);
  for (const std::string& folder :
       {directory.BlobsPath(), directory.CheckpointsPath(),
        directory.PayoutsPath()}) {
    EXPECT_EQ(ModeOf(folder), 0700u) << folder;
  }
}

TEST_F(DataDirectoryTest, KeepsTheModeThatItsOwnerGaveAFolder) {
  fs::create_directories(path_ + "/payouts");
  fs::permissions(path_ + "/payouts", fs::perms(0750));
  EXPECT_EQ(ModeOf(Open().PayoutsPath()), 0750u);
}

TEST_F(DataDirectoryTest, ASecretIsDrawnOnceAndReadAgain) {
  const DataDirectory directory = Open();
  EXPECT_THAT(directory.PoolSecret(), FailsWith("SECRET_MISSING"));
  const auto secret = directory.MakePoolSecret();
  ASSERT_THAT(secret, IsOk());
  EXPECT_EQ(ModeOf(secret_), 0600u);
  EXPECT_EQ(*directory.PoolSecret(), *secret);
  EXPECT_THAT(directory.MakePoolSecret(), FailsWith("FILE_EXISTS"));
}

// A disk that is not mounted is not "no secret".
TEST_F(DataDirectoryTest, ASecretThatCannotBeReadIsNoMissingOne) {
  const DataDirectory directory = Open();
  fs::create_symlink("/nowhere/secret", secret_);
  EXPECT_THAT(directory.PoolSecret(), FailsWith("SECRET_UNREADABLE"));
  EXPECT_THAT(directory.MakePoolSecret(), FailsWith("FILE_EXISTS"));
  fs::remove(secret_);
  fs::create_directory(secret_);
  EXPECT_THAT(directory.PoolSecret(), FailsWith("SECRET_UNREADABLE"));
  fs::remove(secret_);
  std::ofstream(secret_) << "short\n";
  EXPECT_THAT(directory.PoolSecret(), FailsWith("SECRET_MALFORMED"));
}

TEST_F(DataDirectoryTest, HalfARestoreIsNoPoolAndMayBeDoneAgain) {
  EXPECT_TRUE(DataDirectory::MayBeRestoredInto(path_)) << "it is not there";
  const DataDirectory directory = Open();
  EXPECT_FALSE(DataDirectory::MayBeRestoredInto(path_));
  EXPECT_THAT(directory.CheckRestored(), IsOk());
  ASSERT_THAT(directory.MakePoolSecret(), IsOk());
  ASSERT_THAT(directory.NoteRestore(), IsOk());
  EXPECT_THAT(directory.CheckRestored(), FailsWith("RESTORE_UNFINISHED"));
  EXPECT_TRUE(DataDirectory::MayBeRestoredInto(path_));
  directory.Clear();
  EXPECT_FALSE(fs::exists(secret_));
  EXPECT_THAT(directory.CheckRestored(), FailsWith("RESTORE_UNFINISHED"));
  ASSERT_THAT(directory.EndRestore(), IsOk());
  EXPECT_THAT(directory.CheckRestored(), IsOk());
}

}  // namespace
}  // namespace archpool
