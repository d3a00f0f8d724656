// SPDX-License-Identifier: Apache-2.0
#include "server/storage/postgres/bounded_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace archpool::postgres {
namespace {

namespace fs = std::filesystem;

class BoundedLogTest : public ::testing::Test {
 protected:
  BoundedLogTest()
      : directory_fd_(open(directory_.path().c_str(), O_PATH | O_DIRECTORY)) {}
  ~BoundedLogTest() override { close(directory_fd_); }

  std::string PathOf(const std::string& name) const {
    return directory_.path() + "/" + name;
  }
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(PathOf(name)) << text;
  }
  std::string Read(const std::string& name) const {
    std::ifstream file(PathOf(name));
    return {std::istreambuf_iterator<char>(file),
            std::istreambuf_iterator<char>()};
  }

  TemporaryDirectory directory_;
  int directory_fd_;
};

TEST_F(BoundedLogTest, KeepsTheEndAndGoesOnFromTheBeginning) {
  Write("log.1", "older");
  const int writer =
      open(PathOf("log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ASSERT_EQ(write(writer, "0123456789", 10), 10);
  ASSERT_THAT(BoundLog(directory_fd_, "log", 4), IsOk());
  EXPECT_EQ(Read("log"), "");
  EXPECT_EQ(Read("log.1"), "6789");
  ASSERT_EQ(write(writer, "ab", 2), 2);
  close(writer);
  EXPECT_EQ(Read("log"), "ab");
  ASSERT_THAT(BoundLog(directory_fd_, "log", 4), IsOk());
  EXPECT_EQ(Read("log"), "ab");
  EXPECT_EQ(Read("log.1"), "6789");
}

TEST_F(BoundedLogTest, MissingIsNoError) {
  EXPECT_THAT(BoundLog(directory_fd_, "log", 4), IsOk());
}

// PostgreSQL's user owns the directory, and root comes by.
TEST_F(BoundedLogTest, LinksAreLeftAlone) {
  Write("secret", "0123456789");
  fs::create_symlink(PathOf("secret"), PathOf("log"));
  EXPECT_EQ(BoundLog(directory_fd_, "log", 4).code(),
            absl::StatusCode::kInternal);
  fs::remove(PathOf("log"));
  fs::create_hard_link(PathOf("secret"), PathOf("log"));
  EXPECT_THAT(BoundLog(directory_fd_, "log", 4), IsOk());
  EXPECT_EQ(Read("secret"), "0123456789");
  fs::remove(PathOf("log"));

  Write("log", "0123456789");
  fs::create_symlink(PathOf("secret"), PathOf("log.1"));
  EXPECT_THAT(BoundLog(directory_fd_, "log", 4), IsOk());
  EXPECT_EQ(Read("secret"), "0123456789");
  EXPECT_EQ(Read("log.1"), "6789");
}

TEST_F(BoundedLogTest, IsEmptiedWhereItsEndCannotBeKept) {
  Write("log", "0123456789");
  fs::create_directories(PathOf("log.1") + "/in the way");
  EXPECT_THAT(BoundLog(directory_fd_, "log", 4), IsOk());
  EXPECT_EQ(Read("log"), "");
}

}  // namespace
}  // namespace archpool::postgres
