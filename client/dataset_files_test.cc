// SPDX-License-Identifier: Apache-2.0
#include "client/dataset_files.h"

#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/gzip_writer.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;

std::string Idx(const std::vector<int64_t>& extents, int64_t modulus) {
  std::string bytes = {0, 0, 8, static_cast<char>(extents.size())};
  int64_t elements = 1;
  for (const int64_t extent : extents) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      bytes.push_back(static_cast<char>(extent >> shift & 0xff));
    }
    elements *= extent;
  }
  for (int64_t i = 0; i < elements; ++i) {
    bytes.push_back(static_cast<char>(i % modulus));
  }
  return bytes;
}

class DatasetFilesTest : public ::testing::Test {
 protected:
  DatasetFilesTest() {
    task_.spec.recipe.batch_size = 32;
    task_.dataset = {
        .format = "idx",
        .files = {{"train_images", {Write("train", Idx({300, 4, 4}, 251))}},
                  {"train_labels", {Write("train-labels", Idx({300}, 3))}}},
        .classes = 3,
        .validation_count = 100,
        .held_out_count = 100};
  }
  std::string Write(const std::string& name, const std::string& bytes) {
    const std::string path = absl::StrCat(directory_.path(), "/", name);
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  std::string Trouble() {
    return std::string(LookAtDataset(task_).status().message());
  }

  const TemporaryDirectory directory_;
  TaskFile task_;
};

TEST_F(DatasetFilesTest, SaysWhatIsUnderstood) {
  const auto facts = LookAtDataset(task_);
  ASSERT_THAT(facts, IsOk());
  EXPECT_EQ(facts->Describe(),
            "300 images of 1x4x4, 3 classes: 100 to train on, 100 to "
            "validate, 100 held out");
  EXPECT_TRUE(facts->warnings.empty());
  EXPECT_EQ(facts->DescribeBar(),
            "A result counts as learnt from 48.00 % of the validation images "
            "on; below it is paid, and never wins.");
  task_.dataset.held_out_count = 0;
  task_.dataset.files["held_out_images"] = {Write("held", Idx({20, 4, 4}, 7))};
  task_.dataset.files["held_out_labels"] = {Write("held-labels", Idx({20}, 2))};
  const auto more = LookAtDataset(task_);
  ASSERT_THAT(more, IsOk());
  EXPECT_EQ(more->held_out_count, 20);
  ASSERT_EQ(more->warnings.size(), 2u);
  EXPECT_THAT(more->warnings[0], HasSubstr("held-labels: 1 of 3 classes"));
}

TEST_F(DatasetFilesTest, NamesTheFileThatIsBroken) {
  task_.dataset.held_out_count = 0;
  task_.dataset.files["held_out_images"] = {
      Write("held", "<html>no such file</html>")};
  task_.dataset.files["held_out_labels"] = {Write("held-labels", Idx({20}, 3))};
  EXPECT_THAT(LookAtDataset(task_), FailsWith("IDX_MALFORMED"));
  EXPECT_THAT(Trouble(), HasSubstr("/held: is a web page"));
  task_.dataset.files["held_out_images"] = {
      Write("held", Idx({20, 4, 5}, 251))};
  EXPECT_THAT(LookAtDataset(task_), FailsWith("SPLIT_MISMATCH"));
  EXPECT_THAT(Trouble(), HasSubstr("1x4x5"));
}

// Whoever measures on what was trained on believes the wrong networks.
TEST_F(DatasetFilesTest, RefusesOneFileAsTwo) {
  task_.dataset.held_out_count = 0;
  task_.dataset.files["held_out_images"] = task_.dataset.files["train_images"];
  task_.dataset.files["held_out_labels"] = task_.dataset.files["train_labels"];
  EXPECT_THAT(LookAtDataset(task_), FailsWith("FILE_REPEATED"));
  EXPECT_THAT(Trouble(), HasSubstr("/train is named as train_images and as "
                                   "held_out_images"));
  task_.dataset.files["held_out_images"] = {
      Write("held.gz", Gzip(Idx({300, 4, 4}, 251)))};
  EXPECT_THAT(LookAtDataset(task_), FailsWith("FILE_REPEATED"));
  EXPECT_THAT(Trouble(), HasSubstr("/held.gz holds what "));
  EXPECT_THAT(Trouble(), HasSubstr("/train does"));
  // Labels may well be the same, and so may some of the images.
  task_.dataset.files["held_out_images"] = {Write("held", Idx({300, 4, 4}, 7))};
  auto facts = LookAtDataset(task_);
  ASSERT_THAT(facts, IsOk());
  EXPECT_TRUE(facts->warnings.empty());
  task_.dataset.files["held_out_images"] = {
      Write("held", Idx({200, 4, 4}, 251))};
  task_.dataset.files["held_out_labels"] = {
      Write("held-labels", Idx({200}, 3))};
  facts = LookAtDataset(task_);
  ASSERT_THAT(facts, IsOk());
  ASSERT_EQ(facts->warnings.size(), 1U);
  EXPECT_THAT(facts->warnings[0], HasSubstr("200 of the 200 images of"));
}

TEST_F(DatasetFilesTest, AsksWhetherColourIsMeant) {
  Write("train", Idx({300, 8, 8, 3}, 251));
  EXPECT_THAT(LookAtDataset(task_), FailsWith("CHANNELS_LAST"));
  EXPECT_THAT(Trouble(), HasSubstr("8 channels of 8x3 pixels"));
  task_.dataset.is_channels_first = true;
  EXPECT_THAT(LookAtDataset(task_), IsOk());
}

TEST_F(DatasetFilesTest, RefusesWhatCannotBeTrainedOn) {
  task_.spec.recipe.batch_size = 101;
  EXPECT_THAT(LookAtDataset(task_), FailsWith("BATCH_RANGE"));
  EXPECT_THAT(Trouble(), HasSubstr("100 images to train on"));
  task_.dataset.validation_count = 200;
  EXPECT_THAT(LookAtDataset(task_), FailsWith("SPLIT_RANGE"));
}

TEST_F(DatasetFilesTest, SaysThatThereIsNothingToLearn) {
  Write("train-labels", Idx({300}, 1));
  const auto facts = LookAtDataset(task_);
  ASSERT_THAT(facts, IsOk());
  EXPECT_THAT(facts->warnings[0], HasSubstr("all 300 labels are 0"));
}

}  // namespace
}  // namespace archpool
