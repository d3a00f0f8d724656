// SPDX-License-Identifier: Apache-2.0
#include "common/base/work_directory.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "common/base/status.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

namespace fs = std::filesystem;

class WorkDirectoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "archpool-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    directory_ = root_ + "/work";
  }
  void TearDown() override { fs::remove_all(root_); }

  void Put(const std::string& name, const std::string& text = "") {
    fs::create_directories(fs::path(directory_ + "/" + name).parent_path());
    std::ofstream(directory_ + "/" + name) << text;
  }
  std::string Claim(const std::string& program = "archpool-worker") {
    return GetReason(
        ClaimDirectory(directory_,
                       {program, {"trials", "worker.key"}, "worker.key"})
            .status());
  }
  // Every file of it with its bytes; links by where they lead.
  std::map<std::string, std::string> Contents() {
    std::map<std::string, std::string> contents;
    for (const auto& entry : fs::recursive_directory_iterator(directory_)) {
      std::string text;
      if (entry.is_symlink()) {
        text = fs::read_symlink(entry.path()).string();
      } else if (entry.is_regular_file()) {
        std::getline(std::ifstream(entry.path()), text, '\0');
      }
      contents[entry.path().string()] = text;
    }
    return contents;
  }

  std::string root_;
  std::string directory_;
};

TEST_F(WorkDirectoryTest, TakesWhatIsNewEmptyOrItsOwn) {
  EXPECT_EQ(Claim(), "");
  EXPECT_TRUE(fs::exists(directory_ + "/" + kDirectoryMarker));
  Put("trials/entry.json");
  Put("of-a-later-version/file");
  EXPECT_EQ(Claim(), "");
  fs::remove_all(directory_);
  fs::create_directories(directory_);
  EXPECT_EQ(Claim(), "");
}

TEST_F(WorkDirectoryTest, HasItAlone) {
  const auto lock = ClaimDirectory(directory_, {"archpool-worker", {}, ""});
  ASSERT_TRUE(lock.ok()) << lock.status();
  EXPECT_EQ(Claim(), "DIRECTORY_IN_USE");
}

// Somebody's project, with folders of the names that a worker uses.
TEST_F(WorkDirectoryTest, TouchesNothingOfOthers) {
  Put("trials/notes.txt", "mine");
  Put("training/mymodel/weights.pt", "mine");
  Put("README", "mine");
  fs::create_directory_symlink(root_, directory_ + "/training/link");
  const auto before = Contents();
  EXPECT_EQ(Claim(), "DIRECTORY_NOT_OURS");
  EXPECT_EQ(Contents(), before);
  fs::remove(directory_ + "/README");
  fs::remove_all(directory_ + "/training");
  EXPECT_EQ(Claim(), "DIRECTORY_NOT_OURS");  // no lock, no key
}

TEST_F(WorkDirectoryTest, IsOfOneProgram) {
  EXPECT_EQ(Claim("archpool-verifier"), "");
  EXPECT_EQ(Claim("archpool-worker"), "DIRECTORY_NOT_OURS");
}

TEST_F(WorkDirectoryTest, KnowsOneOfAnEarlierVersion) {
  Put("lock");
  Put("trials/entry.json");
  EXPECT_EQ(Claim(), "DIRECTORY_NOT_OURS");
  Put("worker.key", "key");
  EXPECT_EQ(Claim(), "");
  EXPECT_TRUE(fs::exists(directory_ + "/" + kDirectoryMarker));
}

// A crash came between the lock and the marker.
TEST_F(WorkDirectoryTest, TakesOneThatWasNotMarkedYet) {
  Put("lock");
  EXPECT_EQ(Claim(), "");
}

TEST_F(WorkDirectoryTest, IsNotFooledByALink) {
  Put("notes.txt", "mine");
  std::ofstream(root_ + "/marker") << "archpool-worker\n";
  fs::create_symlink(root_ + "/marker", directory_ + "/" + kDirectoryMarker);
  EXPECT_EQ(Claim(), "DIRECTORY_NOT_OURS");
}

}  // namespace
}  // namespace archpool
