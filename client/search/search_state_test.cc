// SPDX-License-Identifier: Apache-2.0
#include "client/search/search_state.h"

#include "common/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace archpool::search {
namespace {

using ::testing::HasSubstr;

SearchState Begun() { return {.number = 2, .fingerprint = "aa", .task_id = 7}; }

absl::StatusOr<NextStep> Next(const std::optional<SearchState>& known,
                              const std::string& fingerprint,
                              bool is_again = false) {
  return DecideStep(known, fingerprint, is_again, "folder", "task.yaml");
}

TEST(SearchStateTest, IsReadAsItWasWritten) {
  SearchState state = Begun();
  state.has_ended = true;
  state.has_failed = true;
  for (const SearchState& one : {Begun(), state}) {
    const auto read = ParseSearchState(ToText(one), "p");
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, one);
  }
}

TEST(SearchStateTest, WhatIsNoneIsNotGuessedAt) {
  std::string later = ToText(Begun());
  later.replace(later.find("\"form\": 1"), 9, "\"form\": 2");
  std::string no_number = ToText(Begun());
  no_number.replace(no_number.find("\"task_id\": 7"), 12, "\"task_id\": \"7\"");
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("[]"), std::string("{}"),
        later, no_number}) {
    const auto read = ParseSearchState(text, "folder/state.json");
    EXPECT_EQ(GetReason(read.status()), "SEARCH_STATE_MALFORMED") << text;
    EXPECT_THAT(read.status().message(), HasSubstr("folder/state.json"));
  }
}

TEST(SearchStateTest, EachTaskOfAFolderHasARequestIdOfItsOwn) {
  EXPECT_NE(SearchState{.number = 1}.RequestId(),
            SearchState{.number = 2}.RequestId());
}

TEST(DecideStepTest, ANewFolderBeginsItsFirstTask) {
  const auto next = Next(std::nullopt, "aa");
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(next->step, Step::kBegin);
  EXPECT_EQ(next->state, (SearchState{.number = 1, .fingerprint = "aa"}));
  // Nothing is there that --again could be another of.
  EXPECT_EQ(Next(std::nullopt, "aa", true)->state, next->state);
}

TEST(DecideStepTest, TheSameTaskGoesOn) {
  const auto next = Next(Begun(), "aa");
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(next->step, Step::kContinue);
  EXPECT_EQ(next->state, Begun());
}

// The call before may have opened it and not lived to note that.
TEST(DecideStepTest, WhatMayBeOpenIsAskedForUnderTheSameId) {
  SearchState state = Begun();
  state.task_id = 0;
  const auto next = Next(state, "aa");
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(next->step, Step::kContinue);
  EXPECT_EQ(next->state.RequestId(), state.RequestId());
}

TEST(DecideStepTest, WhatHasEndedIsShown) {
  SearchState state = Begun();
  state.has_ended = true;
  const auto next = Next(state, "aa");
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(next->step, Step::kShow);
}

TEST(DecideStepTest, AnotherTaskIsRefusedInItsFolder) {
  SearchState ended = Begun();
  ended.has_ended = true;
  for (const SearchState& state : {Begun(), ended}) {
    const auto next = Next(state, "bb");
    EXPECT_EQ(GetReason(next.status()), "TASK_CHANGED");
    EXPECT_THAT(next.status().message(), HasSubstr("task.yaml"));
    EXPECT_THAT(next.status().message(), HasSubstr("--again"));
  }
}

// The pool had refused it, say, and its file was put right.
TEST(DecideStepTest, ATaskThatWasNeverOpenMayChange) {
  SearchState state = Begun();
  state.task_id = 0;
  const auto next = Next(state, "bb");
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(next->step, Step::kBegin);
  EXPECT_EQ(next->state, (SearchState{.number = 3, .fingerprint = "bb"}));
}

TEST(DecideStepTest, AgainBeginsAnother) {
  SearchState ended = Begun();
  ended.has_ended = true;
  for (const SearchState& state : {Begun(), ended}) {
    for (const char* fingerprint : {"aa", "bb"}) {
      const auto next = Next(state, fingerprint, true);
      ASSERT_TRUE(next.ok());
      EXPECT_EQ(next->step, Step::kBegin);
      EXPECT_EQ(next->state,
                (SearchState{.number = 3, .fingerprint = fingerprint}));
    }
  }
}

}  // namespace
}  // namespace archpool::search
