// SPDX-License-Identifier: Apache-2.0
#include "common/wire/fields.h"

#include "common/wire/wire_test_data.h"
#include "gtest/gtest.h"

namespace archpool::wire {
namespace {

using ::testing::HasSubstr;

TEST(FieldsTest, RangeErrorNamesFieldValueAndRange) {
  const absl::Status status =
      CheckRanges("spec", {{"good", 5, {1, 10}}, {"bad", 11, {1, 10}}});
  EXPECT_EQ(ReasonOf(status), "FIELD_RANGE");
  EXPECT_EQ(status.message(), "field spec.bad is 11; it must be in [1, 10]");
  EXPECT_TRUE(CheckRanges("", {{"low", 1, {1, 1}}}).ok());
}

TEST(FieldsTest, PrintableRefusesEmptyLongAndControlCharacters) {
  EXPECT_TRUE(CheckPrintable("name", "a b~", 4).ok());
  EXPECT_EQ(ReasonOf(CheckPrintable("name", "", 4)), "FIELD_REQUIRED");
  EXPECT_EQ(ReasonOf(CheckPrintable("name", "12345", 4)), "FIELD_MALFORMED");
  const absl::Status control = CheckPrintable("name", "a\x1b[2J", 40);
  EXPECT_EQ(ReasonOf(control), "FIELD_MALFORMED");
  // What is echoed must not steer a terminal.
  EXPECT_THAT(std::string(control.message()), HasSubstr("a\\x1b[2J"));
}

TEST(FieldsTest, LongInputIsNotEchoedWhole) {
  const std::string text(100'000, 'x');
  EXPECT_LT(CheckPrintable("name", text, 10).message().size(), 300u);
}

TEST(FieldsTest, DigestNeeds32Bytes) {
  const Digest digest = Sha256("x");
  EXPECT_EQ(*ReadDigest("digest", digest.AsBytes()), digest);
  EXPECT_EQ(ReasonOf(ReadDigest("digest", "")), "FIELD_REQUIRED");
  EXPECT_EQ(ReasonOf(ReadDigest("digest", "short")), "FIELD_MALFORMED");
}

TEST(FieldsTest, IdsArePositive) {
  EXPECT_EQ(ReadId<TaskId>("task_id", 7)->value, 7);
  EXPECT_EQ(ReasonOf(ReadId<TaskId>("task_id", 0)), "FIELD_REQUIRED");
  EXPECT_EQ(ReasonOf(ReadId<TaskId>("task_id", -1)), "FIELD_RANGE");
}

TEST(FieldsTest, TimesRoundTripAndStayInTheMessagesRange) {
  for (const absl::Time time :
       {absl::UnixEpoch(), absl::FromUnixNanos(1'700'000'000'123'456'789),
        absl::FromUnixNanos(-1)}) {
    EXPECT_EQ(*ReadTime("time", ToProto(time)), time);
  }
  EXPECT_TRUE(ReadTime("time", ToProto(absl::InfiniteFuture())).ok());
  EXPECT_TRUE(ReadTime("time", ToProto(absl::InfinitePast())).ok());

  google::protobuf::Timestamp bad;
  bad.set_seconds(INT64_MAX);
  EXPECT_EQ(ReasonOf(ReadTime("time", bad)), "FIELD_RANGE");
  bad.set_seconds(0);
  bad.set_nanos(-1);
  EXPECT_EQ(ReasonOf(ReadTime("time", bad)), "FIELD_RANGE");
}

TEST(FieldsTest, DurationsRoundTripAndObeyTheirRange) {
  const absl::Duration limit = absl::Hours(1);
  for (const absl::Duration duration :
       {absl::ZeroDuration(), absl::Milliseconds(-1500), absl::Nanoseconds(-1),
        absl::Seconds(59) + absl::Nanoseconds(999'999'999)}) {
    EXPECT_EQ(*ReadDuration("wait", ToProto(duration), {-limit, limit}),
              duration);
  }
  EXPECT_EQ(ReasonOf(ReadDuration("wait", ToProto(absl::Seconds(31)),
                                  {absl::ZeroDuration(), absl::Seconds(30)})),
            "FIELD_RANGE");
  google::protobuf::Duration bad;
  bad.set_seconds(1);
  bad.set_nanos(-1);  // signs differ
  EXPECT_EQ(ReasonOf(ReadDuration("wait", bad, {-limit, limit})),
            "FIELD_RANGE");
  EXPECT_TRUE(ReadDuration("wait", ToProto(absl::InfiniteDuration()),
                           {-limit, absl::InfiniteDuration()})
                  .ok());
}

}  // namespace
}  // namespace archpool::wire
