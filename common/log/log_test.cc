// SPDX-License-Identifier: Apache-2.0
#include "common/log/log.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "common/log/line_shares.h"
#include "common/log/log_label.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

using Json = nlohmann::json;

// What `log` writes to stderr under the options.
template <typename Log>
std::string Logged(const LogOptions& options, const Log& log) {
  testing::internal::CaptureStderr();
  SetUpLog(options);
  log();
  FlushLog();
  return testing::internal::GetCapturedStderr();
}

void SayAll() {
  LogDebug("looked", "looked at it");
  LogInfo("opened", "opened it", {{"port", 7070}});
  LogWarn("waits", "it waits", "wait as well");
  LogError("lost", "it is lost", "call for help");
}

std::vector<std::string> EventsAt(LogLevel level) {
  std::vector<std::string> events;
  const std::string lines =
      Logged({.format = LogFormat::kJson, .level = level}, SayAll);
  for (const absl::string_view line :
       absl::StrSplit(lines, '\n', absl::SkipEmpty())) {
    events.push_back(Json::parse(line.begin(), line.end())["event"]);
  }
  return events;
}

TEST(LogTest, LinesBelowTheLevelAreLeftOut) {
  using Events = std::vector<std::string>;
  EXPECT_EQ(EventsAt(LogLevel::kDebug),
            Events({"looked", "opened", "waits", "lost"}));
  EXPECT_EQ(EventsAt(LogLevel::kInfo), Events({"opened", "waits", "lost"}));
  EXPECT_EQ(EventsAt(LogLevel::kWarn), Events({"waits", "lost"}));
  EXPECT_EQ(EventsAt(LogLevel::kError), Events({"lost"}));
}

TEST(LogTest, TextIsForPeople) {
  const std::string line = Logged({}, [] {
    const LogLabel label("lane 2: ");
    LogWarn("waits", "it waits", "wait as well", {{"port", 7070}});
  });
  EXPECT_TRUE(absl::EndsWith(
      line, " warn  lane 2: it waits; wait as well  event=waits port=7070\n"))
      << line;
}

TEST(LogTest, LibrariesTakeTheSameWay) {
  const auto say = [] {
    spdlog::warn("one\ntwo");
    spdlog::debug("three");
    LogLibrary(LogLevel::kError, "grpc", "four");
    LogLibrary(LogLevel::kDebug, "grpc", "five");
  };
  const std::vector<std::string> lines = absl::StrSplit(
      Logged({.format = LogFormat::kJson}, say), '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), 2u);
  const Json first = Json::parse(lines[0]);
  EXPECT_EQ(first["event"], "library_message");
  EXPECT_EQ(first["level"], "warn");
  EXPECT_EQ(first["library"], "spdlog");
  EXPECT_EQ(first["text"], "one\ntwo");
  EXPECT_EQ(Json::parse(lines[1])["library"], "grpc");
  const std::string text = Logged({}, say);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << text;
}

TEST(LogTest, LinesOfThreadsStayWhole) {
  constexpr int kThreads = 8;
  constexpr int kLines = 200;
  const std::string lines = Logged({.format = LogFormat::kJson}, [] {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([] {
        for (int line = 0; line < kLines; ++line) {
          LogInfo("said", "said so", {{"line", line}});
        }
      });
    }
  });
  int count = 0;
  for (const absl::string_view line :
       absl::StrSplit(lines, '\n', absl::SkipEmpty())) {
    EXPECT_TRUE(Json::accept(line.begin(), line.end()));
    ++count;
  }
  EXPECT_EQ(count, kThreads * kLines);
}

// Whoever makes a library speak does not fill the log by it.
TEST(LineSharesTest, EachPlaceHasItsShareAndTheRestIsCounted) {
  LineShares shares(/*lines_max=*/2, absl::Minutes(1));
  const absl::Duration begin = absl::Seconds(5);
  EXPECT_EQ(shares.Take("a.cc", 1, begin), 0);
  EXPECT_EQ(shares.Take("a.cc", 1, begin), 0);
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_EQ(shares.Take("a.cc", 1, begin + absl::Seconds(59)), std::nullopt);
  }
  EXPECT_EQ(shares.Take("a.cc", 2, begin), 0) << "another place";
  EXPECT_EQ(shares.Take("a.cc", 1, begin + absl::Minutes(1)), 1'000);
  EXPECT_EQ(shares.Take("a.cc", 1, begin + absl::Minutes(1)), 0);
}

TEST(LogTest, TheOptionsCanBeAskedFor) {
  SetUpLog({.format = LogFormat::kJson, .level = LogLevel::kError});
  EXPECT_EQ(CurrentLogOptions().format, LogFormat::kJson);
  EXPECT_EQ(CurrentLogOptions().level, LogLevel::kError);
  SetUpLog({});
}

}  // namespace
}  // namespace archpool
