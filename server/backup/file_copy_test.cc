// SPDX-License-Identifier: Apache-2.0
#include "server/backup/file_copy.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <stop_token>
#include <string>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

namespace fs = std::filesystem;

class FileCopyTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& bytes) {
    const std::string path = directory_.path() + "/" + name;
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  std::string PathOf(const std::string& name) const {
    return directory_.path() + "/" + name;
  }
  const TemporaryDirectory directory_;
};

TEST_F(FileCopyTest, ACopyIsItsOwnersAloneAndHashed) {
  const std::string bytes(3 << 20, 'x');
  int64_t told = 0;
  const auto copy = CopyFile(
      Write("a", bytes), PathOf("b"),
      {.stop = {}, .on_bytes = [&told](int64_t count) { told += count; }});
  ASSERT_THAT(copy, IsOk());
  EXPECT_EQ(copy->size_bytes, static_cast<int64_t>(bytes.size()));
  EXPECT_EQ(copy->digest, Sha256(bytes));
  EXPECT_EQ(told, copy->size_bytes);
  struct stat found {};
  ASSERT_EQ(stat(PathOf("b").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600U);
  EXPECT_EQ(ReadThrough(PathOf("b"))->digest, copy->digest);
  EXPECT_FALSE(fs::exists(PathOf("b.new")));
}

TEST_F(FileCopyTest, WhatCannotBeCopiedLeavesNothing) {
  EXPECT_THAT(CopyFile(PathOf("none"), PathOf("b")),
              FailsWith("FILE_NOT_FOUND"));
  EXPECT_THAT(CopyFile(Write("a", "x"), PathOf("no/folder")),
              FailsWith("FILE_UNWRITABLE"));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(CopyFile(PathOf("a"), PathOf("b"),
                       {.stop = stop.get_token(), .on_bytes = [](int64_t) {}}),
              FailsWith("STOPPED"));
  EXPECT_FALSE(fs::exists(PathOf("b")));
  EXPECT_FALSE(fs::exists(PathOf("b.new")));
}

TEST_F(FileCopyTest, ListsFilesAndWhatLinksLeadTo) {
  Write("t/a", "");
  Write("t/folder/b", "");
  Write("t/out/c", "");
  Write("t/d.new", "");
  Write("elsewhere/e", "");
  fs::create_symlink("/etc/passwd", PathOf("t/link"));
  fs::create_symlink(PathOf("elsewhere"), PathOf("t/mounted"));
  fs::create_symlink(PathOf("none"), PathOf("t/dangling"));
  const auto files = ListFiles(PathOf("t"), [](const std::string& path) {
    return path == "out" || absl::EndsWith(path, ".new");
  });
  ASSERT_THAT(files, IsOk());
  EXPECT_THAT(*files,
              testing::ElementsAre("a", "folder/b", "link", "mounted/e"));
}

TEST_F(FileCopyTest, SaysHowMuchSpaceIsMissing) {
  EXPECT_THAT(CheckSpace(directory_.path(), 1), IsOk());
  EXPECT_THAT(
      CheckSpace(directory_.path(), std::numeric_limits<int64_t>::max()),
      FailsWith("SPACE_MISSING"));
}

}  // namespace
}  // namespace archpool
