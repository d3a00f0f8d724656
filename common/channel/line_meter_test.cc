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

}  // namespace
}  // namespace archpool
