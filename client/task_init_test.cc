// SPDX-License-Identifier: Apache-2.0
// What archpool task init asks, finds and writes, and what a check foresees. At
// a terminal: tests/integration/task_init_test.py.
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "client/family.h"
#include "client/found_data.h"
#include "client/questions.h"
#include "client/task_draft.h"
#include "client/task_file.h"
#include "client/task_outlook.h"
#include "common/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string NoTrouble(const std::string& /*path*/) { return ""; }

FoundData IdxData() {
  FoundData data;
  data.lines = {{"format", "idx"},
                {"train_images", "\"images\""},
                {"train_labels", "\"labels\""}};
  return data;
}

absl::StatusOr<TaskDraft> Draft(const TaskWishes& wishes,
                                const TensorShape& shape, int64_t count) {
  return MakeDraft(wishes, IdxData(),
                   {.shape = shape, .classes = 10, .count = count});
}

// Goal: whatever the images are, what is written is a task that can be
// searched.
TEST(TaskDraftTest, EveryFamilyFitsEveryImage) {
  for (const FamilyEntry& family : Families()) {
    for (const int64_t side : {1, 3, 8, 9, 16, 28, 64}) {
      for (const Goal goal : {Goal::kAccuracy, Goal::kSmall, Goal::kFast}) {
        const auto draft =
            Draft({.name = "a",
                   .family = family.family,
                   .goal = goal,
                   .limits = {},
                   .trials = 20},
                  {.channels = 3, .height = side, .width = side + 1}, 1'000);
        ASSERT_TRUE(draft.ok()) << family.word << side << draft.status();
        const auto task =
            ParseTaskFile(TextOf(*draft), "t", NoTrouble, NoTrouble);
        ASSERT_TRUE(task.ok()) << family.word << side << task.status();
        EXPECT_EQ(task->spec.budget.trials_max, 20);
        EXPECT_GE(task->spec.budget.work_units, draft->space.work_units_max);
        EXPECT_LE(task->spec.recipe.batch_size, draft->train_count());
        EXPECT_GE(task->spec.space.size(), 1'000);
        EXPECT_EQ(task->spec.search.halved_macs_ppm > 0, goal == Goal::kFast);
        EXPECT_EQ(task->spec.search.halved_parameters_ppm > 0,
                  goal == Goal::kSmall);
      }
    }
  }
}

TEST(TaskDraftTest, NetworksAreNarrowedToTheLimits) {
  TaskWishes wishes{.name = "a", .family = Family::kCell, .limits = {}};
  wishes.time_limit = absl::Minutes(30);
  wishes.cores = 4;
  const TensorShape shape{.channels = 1, .height = 28, .width = 28};
  const auto wide = Draft(wishes, shape, 60'000);
  ASSERT_TRUE(wide.ok()) << wide.status();
  EXPECT_EQ(wide->shrink, 1);
  EXPECT_EQ(wide->core_seconds, 4 * 30 * 60);
  wishes.limits.macs_max = 1'000'000;
  const auto narrow = Draft(wishes, shape, 60'000);
  ASSERT_TRUE(narrow.ok()) << narrow.status();
  EXPECT_GT(narrow->shrink, 1);
  EXPECT_LE(narrow->space.macs_max, 1'000'000);
  wishes.limits.macs_max = 1'000;
  EXPECT_EQ(GetReason(Draft(wishes, shape, 60'000).status()),
            "NO_POSSIBLE_ARCHITECTURE");
}

TEST(TaskDraftTest, SaysHowManyImagesItTakes) {
  const auto draft = Draft({.name = "a", .limits = {}, .trials = 4},
                           {.channels = 1, .height = 8, .width = 8}, 17);
  EXPECT_EQ(GetReason(draft.status()), "DATASET_TOO_SMALL");
  EXPECT_THAT(std::string(draft.status().message()),
              HasSubstr("there are 17 images of 10 classes"));
}

TEST(FoundDataTest, QuotesWhatNoTaskFileTakesAsItIs) {
  EXPECT_EQ(YamlQuoted("a b#: c"), "\"a b#: c\"");
  EXPECT_EQ(YamlQuoted("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(YamlQuoted("\xc3\xa9\xe2\x80\x99\xc2\xa0\n"),
            "\"\xc3\xa9\\u2019\\u00a0\\u000a\"");
  // Half a character takes nothing with it: names of files may be any bytes.
  EXPECT_EQ(YamlQuoted("\xc3\"\n"), "\"\xc3\\\"\\u000a\"");
  EXPECT_EQ(YamlQuoted("\xe2\x80\""), "\"\xe2\\u0080\\\"\"");
  EXPECT_EQ(YamlQuoted("\xff\"\"\""), "\"\xff\\\"\\\"\\\"\"");
}

// A pipe in place of a terminal.
class QuestionsTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(pipe(ends_), 0); }
  void TearDown() override {
    close(ends_[0]);
    if (ends_[1] >= 0) close(ends_[1]);
  }
  void Answer(const std::string& text) {
    ASSERT_EQ(write(ends_[1], text.data(), text.size()),
              static_cast<ssize_t>(text.size()));
    close(ends_[1]);
    ends_[1] = -1;
  }
  // The answers that were taken: those that begin with g.
  absl::Status Ask(Questions& questions) {
    return questions.Ask("which", "good", [this](const std::string& answer) {
      if (answer.front() != 'g')
        return InvalidArgument("NO", "it must be good");
      taken_.push_back(answer);
      return absl::OkStatus();
    });
  }

  int ends_[2] = {-1, -1};
  std::stop_source stop_;
  std::ostringstream said_;
  std::vector<std::string> taken_;
};

TEST_F(QuestionsTest, AsksUntilItIsAnswered) {
  Answer("bad\n  great \r\n\nhalf");
  Questions questions(ends_[0], said_, stop_.get_token());
  EXPECT_TRUE(Ask(questions).ok());
  EXPECT_TRUE(Ask(questions).ok());
  EXPECT_THAT(taken_, ElementsAre("great", "good"));
  EXPECT_THAT(said_.str(), HasSubstr("which [good]:   it must be good\n"));
  EXPECT_EQ(GetReason(Ask(questions)), "ANSWERS_ENDED");
}

// What is wrong may name a file, which may be called anything.
TEST_F(QuestionsTest, WhatIsWrongMovesNoCursor) {
  Answer("x\ngood\n");
  Questions questions(ends_[0], said_, stop_.get_token());
  EXPECT_TRUE(questions
                  .Ask("which", "",
                       [](const std::string& answer) {
                         return answer == "good"
                                    ? absl::OkStatus()
                                    : InvalidArgument("NO", "no \x1b[2J file");
                       })
                  .ok());
  EXPECT_THAT(said_.str(), HasSubstr("  no ?[2J file\n"));
}

TEST_F(QuestionsTest, StopsWhileItWaits) {
  Questions questions(ends_[0], said_, stop_.get_token());
  stop_.request_stop();
  EXPECT_TRUE(absl::IsCancelled(Ask(questions)));
}

class OutlookTest : public ::testing::Test {
 protected:
  OutlookTest() {
    const auto task = ParseTaskFile(
        TextOf(*Draft({.name = "a", .limits = {}, .trials = 20},
                      {.channels = 1, .height = 8, .width = 8}, 2'000)),
        "t", NoTrouble, NoTrouble);
    spec_ = task->spec;
    dataset_.classes = 10;
    dataset_.validation_count = dataset_.held_out_count = 400;
    space_.networks = 50;
    space_.is_whole = true;
    space_.work_units_min = 1'000'000;
    space_.work_units_mean = 2'000'000;
    space_.work_units_max = 3'000'000;
    spec_.budget.work_units = 100'000'000;
  }
  std::vector<std::string> Look() const {
    return OutlookOf(spec_, dataset_, space_);
  }

  TaskSpec spec_;
  DatasetFacts dataset_;
  SpaceFacts space_;
};

TEST_F(OutlookTest, IsSilentWhereAllIsWell) {
  EXPECT_THAT(Look(), ElementsAre());
}

TEST_F(OutlookTest, ForeseesTheEndOfTheBudget) {
  spec_.budget.work_units = 2'500'000;
  EXPECT_THAT(Look(),
              ElementsAre(HasSubstr("one training takes up to 3 core-seconds"),
                          HasSubstr("buys some 1 training of middling cost")));
}

TEST_F(OutlookTest, ForeseesTheEndOfTheSpaceAndOfTheTime) {
  space_.networks = 19;
  space_.work_units_min = 3'600'000'001;
  spec_.budget.time_limit = absl::Hours(1);
  EXPECT_THAT(Look(), ElementsAre(HasSubstr("takes 3601 s on one core"),
                                  HasSubstr("the space has 19 networks")));
  // With a rung, each may be trained twice.
  spec_.recipe.further_epochs = {2};
  EXPECT_THAT(Look(), ElementsAre(HasSubstr("takes 3601 s")));
}

TEST_F(OutlookTest, ForeseesWhatCannotBeToldFromAGuess) {
  spec_.budget.target_accuracy_ppm = 120'000;
  EXPECT_THAT(Look(), ElementsAre(HasSubstr("and a guess may reach that")));
  spec_.budget.target_accuracy_ppm = 0;
  dataset_.validation_count = dataset_.held_out_count = 1;
  EXPECT_THAT(Look(), ElementsAre(HasSubstr("1 validation images of 10"),
                                  HasSubstr("1 held-out images of 10")));
}

}  // namespace
}  // namespace archpool
