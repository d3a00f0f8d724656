// SPDX-License-Identifier: Apache-2.0
#include "common/log/log_record.h"

#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/match.h"
#include "common/base/status.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

using Json = nlohmann::json;

struct LeaseNumber {
  int64_t value = 0;
  bool IsSet() const { return value != 0; }
};

absl::Time AMoment() {
  return absl::FromUnixMillis(1'777'863'721'123);  // 2026-05-04T03:02:01.123Z
}

LogRecord Expired() {
  return {.time = AMoment(),
          .level = LogLevel::kWarn,
          .event = "lease_expired",
          .sentence = "a lease ended without its trials",
          .advice = "look at the worker's log",
          .label = "lane 2: ",
          .fields = {{"lease_id", LeaseNumber{17}},
                     {"worker", "w1"},
                     {"waited_s", absl::Milliseconds(12'500)},
                     {"is_backup", false},
                     {"share", 0.25}}};
}

LogRecord With(absl::string_view value) {
  return {.time = AMoment(),
          .event = "named",
          .sentence = "a name",
          .fields = {{"name", value}}};
}

TEST(LogRecordTest, TextIsTimeLevelSentenceAndFields) {
  EXPECT_EQ(RenderText(Expired()),
            "2026-05-04T03:02:01.123Z warn  lane 2: a lease ended without its "
            "trials; look at the worker's log  event=lease_expired lease_id=17 "
            "worker=w1 waited_s=12.5 is_backup=false share=0.25");
  EXPECT_EQ(RenderText(Expired()).substr(kLogLevelBegin, 4), "warn");
}

TEST(LogRecordTest, JsonIsOneObjectInThatOrder) {
  EXPECT_EQ(
      RenderJson(Expired()),
      R"({"time":"2026-05-04T03:02:01.123Z","level":"warn",)"
      R"("event":"lease_expired","message":"a lease ended without its trials",)"
      R"("advice":"look at the worker's log","part":"lane 2","lease_id":17,)"
      R"("worker":"w1","waited_s":12.5,"is_backup":false,"share":0.25})");
}

TEST(LogRecordTest, AStatusIsItsReasonAndItsWords) {
  const LogRecord record{
      .time = AMoment(),
      .event = "e",
      .sentence = "s",
      .fields = {{"error", NotFound("TASK_UNKNOWN", "there is no task 7")},
                 {"other", absl::InternalError("a")}}};
  EXPECT_TRUE(
      absl::EndsWith(RenderText(record),
                     "event=e reason=TASK_UNKNOWN error=\"there is no task 7\" "
                     "reason=INTERNAL other=a"));
  const Json json = Json::parse(RenderJson(record));
  EXPECT_EQ(json["reason"], "TASK_UNKNOWN");
  EXPECT_EQ(json["error"], "there is no task 7");
  EXPECT_EQ(json["reason_"], "INTERNAL");
}

TEST(LogRecordTest, TimesAndEndlessWaitsAreWritten) {
  const LogRecord record{
      .time = AMoment(),
      .event = "e",
      .sentence = "s",
      .fields = {{"begin_time", AMoment()},
                 {"wait_s", absl::InfiniteDuration()},
                 {"train_s", absl::Microseconds(1'234'567)}}};
  EXPECT_TRUE(absl::EndsWith(RenderText(record),
                             "begin_time=2026-05-04T03:02:01.123Z wait_s=inf "
                             "train_s=1.235"));
  EXPECT_EQ(Json::parse(RenderJson(record))["wait_s"], "inf");
}

TEST(LogRecordTest, AFieldIsNoOtherField) {
  LogRecord record = With("x");
  record.fields.push_back({"level", "none"});
  const Json json = Json::parse(RenderJson(record));
  EXPECT_EQ(json["level"], "info");
  EXPECT_EQ(json["level_"], "none");
}

TEST(LogRecordTest, ValuesThatAreNoWordsAreQuoted) {
  EXPECT_TRUE(absl::EndsWith(RenderText(With("")), "name=\"\""));
  EXPECT_TRUE(absl::EndsWith(RenderText(With("a b")), "name=\"a b\""));
  EXPECT_TRUE(absl::EndsWith(RenderText(With("a=1")), "name=\"a=1\""));
  EXPECT_TRUE(absl::EndsWith(RenderText(With("\"\\")), R"(name="\"\\")"));
  EXPECT_TRUE(absl::EndsWith(RenderText(With("größer ≤")), "\"größer ≤\""));
}

// Names, addresses and errors come from people whom nobody knows.
TEST(LogRecordTest, NoValueForgesALine) {
  const std::string forged =
      "x\n2026-05-04T03:02:01.123Z error  event=pool_lost\r\x1b[2J";
  const std::string text = RenderText(With(forged));
  EXPECT_EQ(text.find_first_of("\n\r\x1b"), std::string::npos) << text;
  EXPECT_TRUE(absl::StrContains(text, R"(\n2026)")) << text;
  EXPECT_TRUE(absl::EndsWith(text, R"(\x0d\x1b[2J")")) << text;
  const std::string json = RenderJson(With(forged));
  EXPECT_EQ(json.find_first_of("\n\r\x1b"), std::string::npos) << json;
  EXPECT_EQ(Json::parse(json)["name"], forged);
}

TEST(LogRecordTest, NoSentenceForgesALine) {
  LogRecord record = With("x");
  record.sentence = "one\nevent=two";
  record.advice = "a\x1b[1mb";
  record.label = "lane\r2: ";
  const std::string text = RenderText(record);
  EXPECT_EQ(text.find_first_of("\n\r\x1b"), std::string::npos) << text;
  EXPECT_EQ(Json::parse(RenderJson(record))["message"], "one\nevent=two");
}

// An overlong slash, a surrogate, a cut character, a byte that none has.
TEST(LogRecordTest, BytesThatAreNoUtf8BreakNothing) {
  for (const std::string bytes :
       {"\xc0\xaf", "\xed\xa0\x80", "\xe2\x82", "\xff", "\x80",
        "\xf5\x80\x80\x80", "\xf0\x80\x80\xaf"}) {
    const std::string text = RenderText(With(bytes));
    for (const char c : text) {
      EXPECT_TRUE(c >= 0x20 && c < 0x7F) << text;
    }
    EXPECT_TRUE(Json::parse(RenderJson(With(bytes)))["name"].is_string());
  }
}

TEST(LogRecordTest, EachByteIsOnOneLineOfValidJson) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string value = {'a', static_cast<char>(byte), 'b'};
    const std::string json = RenderJson(With(value));
    for (const char c : json + RenderText(With(value))) {
      EXPECT_TRUE(c >= 0x20 && c < 0x7F) << byte;
    }
    EXPECT_TRUE(Json::accept(json)) << byte;
  }
}

// A line separator, the right-to-left override, a zero-width space, NEL.
TEST(LogRecordTest, CharactersThatShowSomethingElseAreEscaped) {
  for (const std::string hidden :
       {"\xe2\x80\xa8", "\xe2\x80\xae", "\xe2\x80\x8b", "\xc2\x85"}) {
    EXPECT_FALSE(absl::StrContains(RenderText(With(hidden)), hidden));
    EXPECT_FALSE(absl::StrContains(RenderJson(With(hidden)), hidden));
  }
}

TEST(LogRecordTest, LongValuesAreCut) {
  const std::string value(1'000'000, 'x');
  EXPECT_LT(RenderText(With(value)).size(), 5'000u);
  EXPECT_TRUE(
      absl::EndsWith(RenderText(With(value)), "x... (1000000 bytes)\""));
  EXPECT_LT(RenderJson(With(value)).size(), 5'000u);
}

}  // namespace
}  // namespace archpool
