// SPDX-License-Identifier: Apache-2.0
#include "common/base/clock.h"

#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

TEST(SystemClockTest, TellsWholeMicroseconds) {
  const SystemClock clock;
  for (int i = 0; i < 1'000; ++i) {
    const absl::Time before = absl::Now();
    const absl::Time now = clock.Now();
    EXPECT_EQ(now, absl::FromUnixMicros(absl::ToUnixMicros(now)));
    EXPECT_GE(now, before - absl::Microseconds(1));
    EXPECT_LE(now, absl::Now());
  }
}

}  // namespace
}  // namespace archpool
