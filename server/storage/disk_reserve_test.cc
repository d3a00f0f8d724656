// SPDX-License-Identifier: Apache-2.0
#include "server/storage/disk_reserve.h"

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

constexpr int64_t kMib = int64_t{1} << 20;

absl::Status Check(int64_t reserve, std::optional<DiskSpace> disk) {
  return DiskReserve([disk] { return disk; }, reserve).Check();
}

TEST(DiskReserveTest, IsKeptFree) {
  EXPECT_THAT(Check(100 * kMib, DiskSpace{2'000 * kMib, 100 * kMib}), IsOk());
  const absl::Status refused =
      Check(100 * kMib, DiskSpace{2'000 * kMib, 100 * kMib - 1});
  EXPECT_THAT(refused, FailsWith("STORAGE_RESERVED"));
  EXPECT_TRUE(absl::IsUnavailable(refused)) << "later it is taken";
}

TEST(DiskReserveTest, TakesNoMoreThanATenthOfTheDisk) {
  EXPECT_THAT(Check(100 * kMib, DiskSpace{50 * kMib, 5 * kMib}), IsOk());
  EXPECT_THAT(Check(100 * kMib, DiskSpace{50 * kMib, 4 * kMib}),
              FailsWith("STORAGE_RESERVED"));
}

TEST(DiskReserveTest, RefusesNothingWhereNothingIsKept) {
  EXPECT_THAT(Check(0, DiskSpace{2'000 * kMib, 0}), IsOk());
  EXPECT_THAT(Check(100 * kMib, std::nullopt), IsOk());
}

TEST(DiskReserveTest, LooksAtTheDisk) {
  const TemporaryDirectory directory;
  const std::optional<DiskSpace> disk = DiskSpaceAt(directory.path());
  ASSERT_TRUE(disk.has_value());
  EXPECT_GT(disk->total_bytes, 0);
  EXPECT_LE(disk->free_bytes, disk->total_bytes);
  EXPECT_FALSE(DiskSpaceAt(directory.path() + "/none").has_value());
}

}  // namespace
}  // namespace archpool
