// SPDX-License-Identifier: Apache-2.0
#include "server/storage/database_reserve.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

using Change = DatabaseReserve::Change;

constexpr int64_t kMib = int64_t{1} << 20;

// A disk of 100 MiB, of which what the file takes is not free.
class DatabaseReserveTest : public ::testing::Test {
 protected:
  int64_t Held() {
    struct stat status;
    return stat(path_.c_str(), &status) == 0 ? status.st_size : 0;
  }
  // What others have left, beside the file.
  void LeaveFree(int64_t bytes) { free_bytes_ = bytes; }

  const TemporaryDirectory directory_;
  const std::string path_ = directory_.path() + "/reserve";
  int64_t total_bytes_ = 100 * kMib;
  std::optional<int64_t> free_bytes_ = 80 * kMib;
  const DatabaseReserve reserve_{path_, 4 * kMib,
                                 [this]() -> std::optional<DiskSpace> {
                                   if (!free_bytes_) return std::nullopt;
                                   return DiskSpace{.total_bytes = total_bytes_,
                                                    .free_bytes = *free_bytes_};
                                 }};
};

TEST_F(DatabaseReserveTest, TakesRoomAndGivesItUpWhereTheDiskRunsFull) {
  EXPECT_EQ(reserve_.Keep(), Change::kMade);
  EXPECT_EQ(Held(), 4 * kMib);
  struct stat status;
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_GE(status.st_blocks * 512, 4 * kMib) << "and not in name alone";
  EXPECT_EQ(reserve_.Keep(), Change::kNone);
  LeaveFree(2 * kMib);
  EXPECT_EQ(reserve_.Keep(), Change::kNone);
  LeaveFree(2 * kMib - 1);
  EXPECT_EQ(reserve_.Keep(), Change::kGivenUp);
  EXPECT_EQ(Held(), 0);
  EXPECT_EQ(reserve_.Keep(), Change::kNone);
}

// Else it would be made of the room that it has just given, and so on.
TEST_F(DatabaseReserveTest, IsMadeAgainWhereThereIsRoomBesideIt) {
  LeaveFree(8 * kMib - 1);
  EXPECT_EQ(reserve_.Keep(), Change::kNone);
  LeaveFree(8 * kMib);
  EXPECT_EQ(reserve_.Keep(), Change::kMade);
}

// With the file and without it the database has the same room.
TEST_F(DatabaseReserveTest, SaysWhenTheRestIsForTheDatabase) {
  LeaveFree(6 * kMib);
  EXPECT_FALSE(reserve_.IsShort());
  LeaveFree(6 * kMib - 1);
  EXPECT_TRUE(reserve_.IsShort());
  LeaveFree(80 * kMib);
  ASSERT_EQ(reserve_.Keep(), Change::kMade);
  LeaveFree(2 * kMib);
  EXPECT_FALSE(reserve_.IsShort());
  LeaveFree(2 * kMib - 1);
  EXPECT_TRUE(reserve_.IsShort());
}

TEST_F(DatabaseReserveTest, TakesNoMoreThanATenthOfTheDisk) {
  total_bytes_ = 10 * kMib;
  LeaveFree(9 * kMib);
  EXPECT_EQ(reserve_.Keep(), Change::kMade);
  EXPECT_EQ(Held(), kMib);
}

TEST_F(DatabaseReserveTest, ADiskThatSaysNothingChangesNothing) {
  ASSERT_EQ(reserve_.Keep(), Change::kMade);
  free_bytes_.reset();
  EXPECT_EQ(reserve_.Keep(), Change::kNone);
  EXPECT_FALSE(reserve_.IsShort());
  EXPECT_EQ(Held(), 4 * kMib);
}

TEST_F(DatabaseReserveTest, WhereThereIsToBeNoneItIsRemoved) {
  ASSERT_EQ(reserve_.Keep(), Change::kMade);
  const DatabaseReserve none(path_, 0, [this]() -> std::optional<DiskSpace> {
    return DiskSpace{.total_bytes = total_bytes_, .free_bytes = *free_bytes_};
  });
  EXPECT_EQ(none.Keep(), Change::kGivenUp);
  EXPECT_EQ(Held(), 0);
  EXPECT_EQ(none.Keep(), Change::kNone);
  LeaveFree(0);
  EXPECT_FALSE(none.IsShort());
}

// The folder is PostgreSQL's user's, and the server may be root.
TEST_F(DatabaseReserveTest, NoLinkIsFollowed) {
  const std::string target = directory_.path() + "/target";
  std::ofstream(target) << "kept";
  std::filesystem::create_symlink(target, path_);
  std::filesystem::create_symlink(target, path_ + ".new");
  EXPECT_EQ(reserve_.Keep(), Change::kMade);
  EXPECT_FALSE(std::filesystem::is_symlink(path_));
  EXPECT_EQ(Held(), 4 * kMib);
  std::string text;
  std::ifstream(target) >> text;
  EXPECT_EQ(text, "kept");
}

// A folder that is missing, or may not be written.
TEST_F(DatabaseReserveTest, WhatCannotBeMadeIsTriedAgain) {
  const std::string path = directory_.path() + "/missing/reserve";
  const DatabaseReserve reserve(path, kMib, [] {
    return std::optional(
        DiskSpace{.total_bytes = 100 * kMib, .free_bytes = 50 * kMib});
  });
  EXPECT_EQ(reserve.Keep(), Change::kNone);
  std::filesystem::create_directory(directory_.path() + "/missing");
  EXPECT_EQ(reserve.Keep(), Change::kMade);
  EXPECT_FALSE(std::filesystem::exists(path + ".new"));
}

}  // namespace
}  // namespace archpool
