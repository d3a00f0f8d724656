// SPDX-License-Identifier: Apache-2.0
#include "common/base/durable_file.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "common/base/status.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

class DurableFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "durable-file-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string Path(const std::string& name) { return directory_ + "/" + name; }

  std::string directory_;
};

TEST_F(DurableFileTest, ReplacesAFileWhole) {
  ASSERT_TRUE(WriteFileDurably(Path("a"), "first, and longer").ok());
  ASSERT_TRUE(WriteFileDurably(Path("a"), "second").ok());
  EXPECT_EQ(Contents(Path("a")), "second");
  EXPECT_FALSE(std::filesystem::exists(Path("a.new")));
}

// A write that a crash cut short must not show through in the next one.
TEST_F(DurableFileTest, IgnoresWhatACrashLeftBeside) {
  ASSERT_TRUE(GrowingFile::Open(Path("a.new"))->Append("half a wri").ok());
  ASSERT_TRUE(WriteFileDurably(Path("a"), "whole").ok());
  EXPECT_EQ(Contents(Path("a")), "whole");
}

TEST_F(DurableFileTest, GoesOnWhereAGrowingFileEnded) {
  ASSERT_TRUE(GrowingFile::Open(Path("part"))->Append("one").ok());
  absl::StatusOr<GrowingFile> file = GrowingFile::Open(Path("part"));
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->size_bytes(), 3);
  ASSERT_TRUE(file->Append("two").ok());
  ASSERT_TRUE(file->Publish(Path("whole")).ok());
  EXPECT_EQ(Contents(Path("whole")), "onetwo");
  EXPECT_FALSE(std::filesystem::exists(Path("part")));
}

TEST_F(DurableFileTest, WritesANewFileWholeOrNotAtAll) {
  ASSERT_TRUE(WriteNewFile(Path("a"), "whole").ok());
  EXPECT_EQ(Contents(Path("a")), "whole");
  std::filesystem::create_symlink(Path("none"), Path("link"));
  for (const char* name : {"a", "link"}) {
    EXPECT_EQ(GetReason(WriteNewFile(Path(name), "other")), "FILE_EXISTS");
  }
  EXPECT_EQ(Contents(Path("a")), "whole");
  EXPECT_FALSE(std::filesystem::exists(Path("none")));
  EXPECT_EQ(GetReason(WriteNewFile(Path("no/b"), "x")), "FILE_UNWRITABLE");
  // Nothing else lies beside.
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_),
                          std::filesystem::directory_iterator()),
            2);
}

TEST_F(DurableFileTest, ANewFileReplacesNothing) {
  ASSERT_TRUE(WriteFileDurably(Path("a"), "mine").ok());
  std::filesystem::create_symlink(Path("none"), Path("link"));
  for (const std::string& path :
       {Path("a"), Path("link"), directory_, std::string("/dev/null")}) {
    EXPECT_EQ(GetReason(NewFile::Create(path, "x").status()), "FILE_EXISTS")
        << path;
  }
  EXPECT_EQ(Contents(Path("a")), "mine");
  EXPECT_FALSE(std::filesystem::exists(Path("none")));
}

TEST_F(DurableFileTest, ANewFileGoesUnlessItIsKept) {
  { ASSERT_TRUE(NewFile::Create(Path("a"), "x").ok()); }
  EXPECT_FALSE(std::filesystem::exists(Path("a")));
  {
    absl::StatusOr<NewFile> file = NewFile::Create(Path("a"), "secret");
    ASSERT_TRUE(file.ok());
    file->Keep();
  }
  EXPECT_EQ(Contents(Path("a")), "secret");
  EXPECT_EQ(
      std::filesystem::status(Path("a")).permissions(),
      std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(DurableFileTest, SaysWhatCannotBeWritten) {
  const absl::Status status = WriteFileDurably(Path("none/a"), "x");
  EXPECT_EQ(GetReason(status), "FILE_UNWRITABLE");
  EXPECT_NE(std::string(status.message()).find("none/a"), std::string::npos);
}

TEST_F(DurableFileTest, LendsADirectoryToOneAtATime) {
  {
    absl::StatusOr<DirectoryLock> first = DirectoryLock::Acquire(Path("work"));
    ASSERT_TRUE(first.ok());
    EXPECT_EQ(GetReason(DirectoryLock::Acquire(Path("work")).status()),
              "DIRECTORY_IN_USE");
  }
  EXPECT_TRUE(DirectoryLock::Acquire(Path("work")).ok());
}

}  // namespace
}  // namespace archpool
