// SPDX-License-Identifier: Apache-2.0
#include "client/text.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

constexpr Terminal kPlain = {.width = 40};
constexpr Terminal kRich = {
    .width = 40, .has_color = true, .has_unicode = true};

TEST(TextTest, FormatsNumbersForPeople) {
  EXPECT_EQ(FormatPercent(912'549), "91.25 %");
  EXPECT_EQ(FormatPercent(1'000'000), "100.00 %");
  EXPECT_EQ(FormatPercent(0), "0.00 %");
  EXPECT_EQ(FormatPercent(-1), "-");
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(1'000), "1,000");
  EXPECT_EQ(FormatCount(-1'234'567), "-1,234,567");
  EXPECT_EQ(FormatShort(999), "999");
  EXPECT_EQ(FormatShort(41'274), "41.2k");
  EXPECT_EQ(FormatShort(3'141'592), "3.1M");
  EXPECT_EQ(FormatCoins(12'500'000), "12.5");
  EXPECT_EQ(FormatCoins(-1), "-0.000001");
  EXPECT_EQ(FormatCoins(std::string("0")), "0");
  EXPECT_EQ(FormatCoins(std::string("1500000")), "1.5");
  EXPECT_EQ(FormatCoins(std::string("20")), "0.00002");
  EXPECT_EQ(FormatCoins(std::string("123456789012345678901000000")),
            "123456789012345678901");
  EXPECT_EQ(FormatCoins(std::string("many")), "many");
  EXPECT_EQ(FormatCoreSeconds(3'412'555'000), "3,412.5");
}

TEST(TextTest, FormatsTimesForPeople) {
  EXPECT_EQ(FormatSpan(absl::Milliseconds(4'950)), "5.0 s");
  EXPECT_EQ(FormatSpan(absl::Seconds(59)), "59 s");
  EXPECT_EQ(FormatSpan(absl::Seconds(125)), "2m 05s");
  EXPECT_EQ(FormatSpan(absl::Minutes(62)), "1h 02m");
  EXPECT_EQ(FormatSpan(absl::Hours(49)), "2d 01h");
  EXPECT_EQ(FormatSpan(absl::Seconds(-5)), "0.0 s");
  EXPECT_EQ(FormatMoment(absl::UnixEpoch()), "-");
}

// A server's words must not move the cursor or change colors.
TEST(TextTest, CleansControlCharacters) {
  EXPECT_EQ(Clean("a\x1b[2Jb\n\x7f"), "a?[2Jb??");
  EXPECT_EQ(Clean("grün"), "grün");
  EXPECT_EQ(Clean("a\xc2\x9b"
                  "2J\xc2\x80\xc2\x9f"),
            "a?2J??");
  EXPECT_EQ(Clean("\xc2\xa0\xc3\x9b\xc2"), "\xc2\xa0\xc3\x9b\xc2");
}

TEST(TextTest, MeasuresWhatIsSeen) {
  EXPECT_EQ(DisplayWidth("grün"), 4u);
  EXPECT_EQ(DisplayWidth(Paint(kRich, Color::kRed, "grün")), 4u);
  EXPECT_EQ(Paint(kPlain, Color::kRed, "x"), "x");
}

TEST(TextTest, ShortensToTheWidth) {
  EXPECT_EQ(Shorten(kPlain, "abcdef", 6), "abcdef");
  EXPECT_EQ(Shorten(kPlain, "abcdef", 4), "abc~");
  EXPECT_EQ(Shorten(kRich, "grüner", 4), "grü…");
  EXPECT_EQ(Shorten(kPlain, "abc", 0), "");
}

TEST(TextTest, WrapsAtWords) {
  EXPECT_EQ(Wrap("one two three", 9, 2), "  one two\n  three\n");
  EXPECT_EQ(Wrap("unbreakable", 4, 2), "  unbreakable\n");
}

TEST(TextTest, DrawsBars) {
  EXPECT_EQ(Bar(kPlain, 1, 2, 4), "##..");
  EXPECT_EQ(Bar(kPlain, 5, 2, 4), "####");
  EXPECT_EQ(Bar(kPlain, 1, 0, 4), "....");
  EXPECT_EQ(Bar(kRich, 3, 4, 4), "███░");
}

TEST(TextTest, LinesUpColumnsAndCutsTheLast) {
  Table table({{"n", Table::Align::kRight}, {"what"}});
  table.AddRow({"1", "short"});
  table.AddRow({"1,000", "a text that does not fit into the line"});
  EXPECT_EQ(table.Render({.width = 20}, 1),
            "     n  what\n"
            "     1  short\n"
            " 1,000  a text that~\n");
}

TEST(TextTest, CutsLinesThatArePainted) {
  const Terminal colors{.width = 80, .has_color = true, .has_unicode = true};
  EXPECT_EQ(CutLine("short", 5), "short");
  EXPECT_EQ(CutLine("abcdef", 5), "abcde");
  EXPECT_EQ(CutLine("äöüß", 2), "äö");
  const std::string painted =
      absl::StrCat(Paint(colors, Color::kRed, "abc"), "def");
  EXPECT_EQ(CutLine(painted, 6), painted);
  EXPECT_EQ(DisplayWidth(CutLine(painted, 2)), 2u);
  EXPECT_EQ(CutLine(painted, 4),
            absl::StrCat(Paint(colors, Color::kRed, "abc"), "d\x1b[0m"));
}

// A long name in the first column must not push the others off the screen.
TEST(TextTest, TheWidestColumnOfATableGivesWay) {
  Table table({{"worker"}, {"activity"}, {"progress"}});
  table.AddRow({std::string(60, 'x'), "training trial-7", "12 of 60"});
  const std::string out = table.Render({.width = 60}, 2);
  for (const absl::string_view line : absl::StrSplit(out, '\n')) {
    EXPECT_LE(DisplayWidth(line), 60u) << line;
  }
  EXPECT_NE(out.find("training trial-7  12 of 60"), std::string::npos) << out;
}

}  // namespace
}  // namespace archpool
