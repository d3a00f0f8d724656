// SPDX-License-Identifier: Apache-2.0
#include "common/channel/line_meter.h"

#include "gtest/gtest.h"

namespace archpool {
namespace {

TEST(LineMeterTest, SaysHowFastUploadsWere) {
  LineMeter meter;
  EXPECT_EQ(meter.bytes_per_second(), 0);
  meter.Add(1'000'000, absl::Seconds(10));
  EXPECT_EQ(meter.bytes_per_second(), 100'000);
  meter.Add(1'000'000, absl::Seconds(5));
  EXPECT_EQ(meter.bytes_per_second(), 150'000);
}

TEST(LineMeterTest, DoesNotTrustSmallFilesOrClocks) {
  LineMeter meter;
  meter.Add(1'000, absl::Seconds(10));
  EXPECT_EQ(meter.bytes_per_second(), 0);
  meter.Add(1'000'000, absl::ZeroDuration());
  EXPECT_EQ(meter.bytes_per_second(), 1'000'000'000);
}

// Else a worker that was slow once, and is given nothing to upload, would stay
// slow forever.
TEST(LineMeterTest, ForgetsWhatIsLongAgo) {
  absl::Duration now = absl::Hours(100);
  LineMeter meter([&now] { return now; });
  EXPECT_EQ(meter.bytes_per_second(), 0);
  meter.Add(1'000'000, absl::Seconds(1'000));
  now += LineMeter::kTerm - absl::Seconds(1);
  EXPECT_EQ(meter.bytes_per_second(), 1'000);
  meter.Add(1'000, absl::Seconds(1));  // says nothing, and keeps nothing alive
  now += absl::Seconds(1);
  EXPECT_EQ(meter.bytes_per_second(), 0);
  // What comes then is not averaged with it.
  meter.Add(1'000'000, absl::Seconds(10));
  EXPECT_EQ(meter.bytes_per_second(), 100'000);
  now += LineMeter::kTerm / 2;
  meter.Add(1'000'000, absl::Seconds(10));
  now += LineMeter::kTerm / 2;
  EXPECT_EQ(meter.bytes_per_second(), 100'000)
      << "the term counts from the last";
}

}  // namespace
}  // namespace archpool
