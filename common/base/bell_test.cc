#include "common/base/bell.h"

#include <gtest/gtest.h>

#include <thread>

namespace archpool {
namespace {

TEST(BellTest, ARingBeforeTheWaitIsHeard) {
  Bell bell;
  bell.Ring();
  bell.Ring();
  EXPECT_TRUE(bell.Wait(absl::InfiniteDuration()));
  EXPECT_FALSE(bell.Wait(absl::ZeroDuration())) << "once";
}

TEST(BellTest, ARingEndsTheWait) {
  Bell bell;
  std::thread ringer([&bell] { bell.Ring(); });
  EXPECT_TRUE(bell.Wait(absl::InfiniteDuration()));
  ringer.join();
}

TEST(BellTest, NobodyRings) {
  Bell bell;
  EXPECT_FALSE(bell.Wait(absl::Milliseconds(1)));
}

}  // namespace
}  // namespace archpool
