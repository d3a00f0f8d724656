// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <thread>

#include "common/base/status.h"
#include "gtest/gtest.h"
#include "verifier/finding_text.h"
#include "verifier/frames.h"

namespace archpool {
namespace {

TEST(FindingTextTest, EveryFindingComesThrough) {
  for (const AuditFinding& finding :
       {AuditFinding(WeightsMeasured{7, 6, true}),
        AuditFinding(WeightsMeasured{0, 0, false}),
        AuditFinding(TrainingRefuted{"SEGMENT_FALSE"}),
        AuditFinding(WeightsUnusable{"WEIGHTS_NOT_FINITE"}),
        AuditFinding(AuditInconclusive{"OUT_OF_MEMORY"})}) {
    const auto read = FindingFromText(ToText(finding));
    ASSERT_TRUE(read.ok()) << ToText(finding);
    EXPECT_EQ(*read, finding);
  }
}

TEST(FindingTextTest, RefusesWhatIsNone) {
  for (const char* text :
       {"", "measured", "measured 1 2", "measured -1 2 all",
        "measured 1 2 most", "measured 1 2 all more", "refuted",
        "refuted lower", "accepted YES", "unusable A B"}) {
    EXPECT_EQ(GetReason(FindingFromText(text).status()), "FINDING_MALFORMED")
        << text;
  }
}

class FramesTest : public ::testing::Test {
 protected:
  FramesTest() { EXPECT_EQ(pipe(ends_), 0); }
  ~FramesTest() override {
    close(ends_[0]);
    close(ends_[1]);
  }
  int ends_[2];
};

TEST_F(FramesTest, BytesOfEveryLengthComeThrough) {
  for (const size_t size : {0, 1, 4'096, 1'000'000}) {
    const std::string bytes(size, 'b');
    std::thread writer([&] {
      EXPECT_TRUE(
          WriteFrame(ends_[1], bytes, Patience{Countdown(absl::Seconds(20))})
              .ok());
    });
    const auto read = ReadFrame(ends_[0], 1 << 20);
    writer.join();
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(*read, bytes);
  }
}

TEST_F(FramesTest, NeitherWaitsForEverNorTakesTooMuch) {
  EXPECT_EQ(
      GetReason(
          ReadFrame(ends_[0], 10, {Countdown(absl::ZeroDuration())}).status()),
      "CHILD_SLOW");
  ASSERT_TRUE(WriteFrame(ends_[1], "eleven bytes").ok());
  EXPECT_EQ(GetReason(ReadFrame(ends_[0], 10).status()), "FRAME_TOO_LARGE");
  close(ends_[1]);
  ends_[1] = open("/dev/null", O_RDONLY | O_CLOEXEC);
  std::string rest(100, '\0');
  while (read(ends_[0], rest.data(), rest.size()) > 0) {
  }
  EXPECT_EQ(GetReason(ReadFrame(ends_[0], 10).status()), "CHILD_GONE");
}

TEST_F(FramesTest, CanBeCalledOff) {
  std::stop_source stop;
  std::thread later([&] { stop.request_stop(); });
  EXPECT_EQ(
      GetReason(ReadFrame(ends_[0], 10, {.stop = stop.get_token()}).status()),
      "STOPPED");
  later.join();
}

}  // namespace
}  // namespace archpool
