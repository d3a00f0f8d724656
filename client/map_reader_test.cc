// SPDX-License-Identifier: Apache-2.0
#include "client/map_reader.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

TEST(MillionthsTest, ReadsDecimalsExactly) {
  EXPECT_EQ(ParseMillionths("1000"), 1'000'000'000);
  EXPECT_EQ(ParseMillionths("12.5"), 12'500'000);
  EXPECT_EQ(ParseMillionths("0.1"), 100'000);
  EXPECT_EQ(ParseMillionths("0.000001"), 1);
  EXPECT_EQ(ParseMillionths("-0.25"), -250'000);
  EXPECT_EQ(ParseMillionths("007"), 7'000'000);
  EXPECT_EQ(ParseMillionths("9223372036854.775807"), kMax);
}

TEST(MillionthsTest, RefusesWhatIsNoDecimal) {
  for (const char* text :
       {"", "-", ".", ".5", "5.", "1.2.3", "0.0000001", "1e3", "+1", " 1", "1 ",
        "0x10", "nan", "inf", "1,5", "--1", "9223372036854.775808",
        "99999999999999999999999999"}) {
    EXPECT_EQ(ParseMillionths(text), std::nullopt) << text;
  }
}

TEST(MillionthsTest, FormatIsTheShortestInverse) {
  for (const char* text : {"0", "1", "12.5", "0.000001", "-0.25", "1000",
                           "9223372036854.775807", "-9223372036854.775808"}) {
    EXPECT_EQ(FormatMillionths(*ParseMillionths(text)), text);
  }
}

TEST(IntegerTest, HoldsTheEndsOf64Bits) {
  EXPECT_EQ(ParseInteger("9223372036854775807"), kMax);
  EXPECT_EQ(ParseInteger("-9223372036854775808"),
            std::numeric_limits<int64_t>::min());
  for (const char* text :
       {"9223372036854775808", "-9223372036854775809", "", "-", "+1", " 1",
        "1 ", "1.0", "0x1", "1e2", "010", "00", "-01"}) {
    EXPECT_EQ(ParseInteger(text), std::nullopt) << text;
  }
}

TEST(TimeSpanTest, ReadsUnits) {
  EXPECT_EQ(ParseTimeSpan("90s"), absl::Seconds(90));
  EXPECT_EQ(ParseTimeSpan("5m"), absl::Minutes(5));
  EXPECT_EQ(ParseTimeSpan("1h30m"), absl::Minutes(90));
  EXPECT_EQ(ParseTimeSpan("250ms"), absl::Milliseconds(250));
  for (const char* text : {"", "5", "m", "-5m", "+5m", "1.5h", "inf", "5 m",
                           "1d", "99999999999999999999h", "1m1m", "1s1m"}) {
    EXPECT_EQ(ParseTimeSpan(text), std::nullopt) << text;
  }
}

TEST(ProblemListTest, SortsByPlaceAndSaysSoOnce) {
  ProblemList problems;
  problems.Add({.line = 10, .column = 2}, "late");
  problems.Add({.line = 2, .column = 9}, "early");
  problems.Add({.line = 10, .column = 2}, "late");
  EXPECT_EQ(problems.count(), 2u);
  EXPECT_EQ(problems.Describe("f"), "f:2:9: early\nf:10:2: late");
}

TEST(ProblemListTest, ShowsTwentyAndCountsTheRest) {
  ProblemList problems;
  for (int line = 1; line <= 22; ++line) problems.Add({.line = line}, "x");
  const std::string text = problems.Describe("f");
  EXPECT_THAT(text, HasSubstr("f:20:1: x\nand 2 more problems"));
  EXPECT_THAT(text, Not(HasSubstr("f:21")));
}

TEST(SuggestionTest, OnlyWhatIsNear) {
  const std::vector<std::string> words = {"epochs", "segments"};
  EXPECT_EQ(Suggestion("epoch", words), "; did you mean 'epochs'? ");
  EXPECT_EQ(Suggestion("segmants", words), "; did you mean 'segments'? ");
  EXPECT_EQ(Suggestion("colour", words), "; ");
  EXPECT_EQ(Suggestion(std::string(100'000, 'e'), words), "; ");
}

}  // namespace
}  // namespace archpool
