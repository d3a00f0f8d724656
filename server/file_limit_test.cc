// SPDX-License-Identifier: Apache-2.0
// Whatever the limit, peers leave descriptors for the database and blobs.
#include "server/file_limit.h"

#include <sys/resource.h>

#include "gtest/gtest.h"

namespace archpool {
namespace {

TEST(FileLimitTest, PeersLeaveDescriptorsForOthers) {
  for (const int64_t limit : {20, 256, 1'024, 4'096, 20'000, 1 << 20}) {
    const FileBudget budget = DivideFiles(limit);
    EXPECT_GE(budget.connections, 1) << limit;
    EXPECT_LE(2 * budget.connections, budget.connection_descriptor_max)
        << limit;
    EXPECT_LT(budget.connection_descriptor_max, limit) << limit;
  }
  const FileBudget budget = DivideFiles(20'000);
  EXPECT_EQ(budget.connections, 9'488);
  EXPECT_EQ(budget.connection_descriptor_max, 19'488);
}

TEST(FileLimitTest, TheLimitIsRaisedToWhatTheSystemAllows) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit low{.rlim_cur = 256, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  const FileBudget budget = RaiseFileLimit();
  rlimit after{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &after), 0);
  EXPECT_EQ(static_cast<rlim_t>(budget.descriptors), after.rlim_cur);
  EXPECT_GT(after.rlim_cur, low.rlim_cur);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

}  // namespace
}  // namespace archpool
