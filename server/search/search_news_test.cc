// SPDX-License-Identifier: Apache-2.0
#include "server/search/search_news.h"

#include <variant>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/pool_fixture.h"

namespace archpool {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

Task TaskOf(int64_t id, TaskState state = TaskState::kActive) {
  return Task{.id = TaskId{id},
              .spec = std::make_shared<const TaskSpec>(TinySpec(4)),
              .state = state};
}

Trial TrialOf(int64_t id, int64_t task, TrialState state) {
  return Trial{.id = TrialId{id}, .task = TaskId{task}, .state = state};
}

// A thread that is busy for long hears the latest of everything, and no more.
TEST(SearchNewsTest, HoldsTheLatestOfEachRecord) {
  SearchNews news;
  news.Add({TaskOf(1)});
  for (int round = 0; round < 1'000; ++round) {
    news.Add({TrialOf(1, 1, TrialState::kAssigned),
              TrialOf(2, 1, TrialState::kCommitted), Session{}, Account{}});
  }
  news.Add({TrialOf(1, 1, TrialState::kAccepted)});
  EXPECT_EQ(news.size(), 3u);
  const SearchNews::Batch batch = news.Take();
  EXPECT_FALSE(batch.is_fresh_start);
  ASSERT_THAT(batch.events, SizeIs(3));
  EXPECT_EQ(std::get<Task>(batch.events[0]).id, TaskId{1});
  EXPECT_EQ(std::get<Trial>(batch.events[1]).id, TrialId{2});
  EXPECT_EQ(std::get<Trial>(batch.events[2]).state, TrialState::kAccepted);
  EXPECT_TRUE(news.IsEmpty());
}

TEST(SearchNewsTest, ATaskThatEndedLeavesItsEndAlone) {
  SearchNews news;
  news.Add({TaskOf(1), TaskOf(2)});
  for (int64_t id = 1; id < 100; ++id) {
    news.Add({TrialOf(id, 1, TrialState::kAssigned),
              SubspaceRecord{.id = SubspaceId{id}, .task = TaskId{1}}});
  }
  news.Add({TaskOf(1, TaskState::kFinishing),
            TrialOf(7, 1, TrialState::kAccepted),
            TaskOf(1, TaskState::kSucceeded)});
  const SearchNews::Batch batch = news.Take();
  ASSERT_THAT(batch.events, SizeIs(2));
  EXPECT_EQ(std::get<Task>(batch.events[0]).id, TaskId{2});
  EXPECT_EQ(std::get<Task>(batch.events[1]).state, TaskState::kSucceeded);
}

TEST(SearchNewsTest, AFreshStartReplacesWhatWaited) {
  SearchNews news;
  news.Add({TaskOf(1), TrialOf(1, 1, TrialState::kAssigned)});
  news.Restart({});
  EXPECT_FALSE(news.IsEmpty());
  const SearchNews::Batch batch = news.Take();
  EXPECT_TRUE(batch.is_fresh_start);
  EXPECT_THAT(batch.events, IsEmpty());
  EXPECT_TRUE(news.IsEmpty());
}

}  // namespace
}  // namespace archpool
