// SPDX-License-Identifier: Apache-2.0
#include "server/storage/postgres/array_text.h"

#include <string>
#include <utility>

#include "tests/support/status_matchers.h"

namespace archpool::postgres {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ArrayTextTest, ElementsAreQuotedSoThatNoneCanEndItself) {
  ArrayText array;
  array.AddText("a\"},{NULL");
  array.AddText("\\");
  array.AddText("NULL");
  array.AddText("");
  array.AddNull();
  array.AddInt(INT64_MIN);
  EXPECT_FALSE(array.has_nul());
  EXPECT_EQ(std::move(array).Take(),
            R"({"a\"},{NULL","\\","NULL","",NULL,-9223372036854775808})");
}

TEST(ArrayTextTest, BytesAreHex) {
  ArrayText array;
  array.AddBytes(absl::string_view("\0\xff\"", 3));
  array.AddBytes(absl::string_view());
  EXPECT_EQ(std::move(array).Take(), R"({"\\x00ff22","\\x"})");
}

TEST(ArrayTextTest, NulInATextIsNoticed) {
  ArrayText array;
  array.AddText(absl::string_view("a\0b", 3));
  EXPECT_TRUE(array.has_nul());
}

TEST(ArrayTextTest, NothingIsAnEmptyArray) {
  EXPECT_EQ(ArrayText().Take(), "{}");
}

TEST(ArrayTextTest, IntListsComeBack) {
  EXPECT_THAT(*ParseIntList(IntListText({1, -2, INT64_MAX})),
              ElementsAre(1, -2, INT64_MAX));
  EXPECT_THAT(*ParseIntList("{}"), IsEmpty());
  for (const char* bad : {"", "{", "1,2", "{1,}", "{NULL}", "{1 2}", "{a}",
                          "{9223372036854775808}"}) {
    EXPECT_THAT(ParseIntList(bad), FailsWith("STORE_CORRUPT")) << bad;
  }
}

TEST(ArrayTextTest, TextListsComeBack) {
  const std::vector<std::string> texts = {"", "a", "\"{b}, c\\\"", "ä\n",
                                          "NULL"};
  ArrayText array;
  for (const std::string& text : texts) array.AddText(text);
  array.AddInt(-7);
  std::vector<std::string> expected = texts;
  expected.emplace_back("-7");
  EXPECT_EQ(*ParseTextList(std::move(array).Take()), expected);
  // As PostgreSQL prints it: plain where it may.
  EXPECT_THAT(*ParseTextList(R"({CLAIM_FALSE,12,"a \"b\""})"),
              ElementsAre("CLAIM_FALSE", "12", "a \"b\""));
  EXPECT_THAT(*ParseTextList("{}"), IsEmpty());
  for (const char* bad :
       {"", "{", "a,b", "{a,}", R"({"a})", R"({"a\})", R"({"a"b})"}) {
    EXPECT_THAT(ParseTextList(bad), FailsWith("STORE_CORRUPT")) << bad;
  }
}

TEST(ArrayTextTest, BytesComeBack) {
  EXPECT_EQ(*ParseBytes("\\x00ff22"), std::string("\0\xff\"", 3));
  EXPECT_EQ(*ParseBytes("\\x"), "");
  for (const char* bad : {"", "00", "\\x0", "\\x0g", "x00"}) {
    EXPECT_THAT(ParseBytes(bad), FailsWith("STORE_CORRUPT")) << bad;
  }
}

}  // namespace
}  // namespace archpool::postgres
