// SPDX-License-Identifier: Apache-2.0
#include "common/data/dataset_look.h"

#include <string>

#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;

Dataset Make(int64_t classes, const std::vector<uint8_t>& labels) {
  Dataset dataset;
  dataset.shape = {.channels = 1, .height = 1, .width = 2};
  dataset.classes = classes;
  dataset.labels = labels;
  for (size_t i = 0; i < labels.size(); ++i) {
    dataset.images.push_back(static_cast<uint8_t>(i));
    dataset.images.push_back(7);
  }
  return dataset;
}

std::string Warnings(const Dataset& dataset) {
  return absl::StrJoin(DatasetWarnings(dataset, 0, 0), "\n");
}

TEST(DatasetLookTest, OneClassOrOneImageIsNothingToLearn) {
  EXPECT_EQ(Warnings(Make(2, {0, 1, 0})), "");
  EXPECT_THAT(Warnings(Make(2, {1, 1, 1})), HasSubstr("all 3 labels are 1"));
  EXPECT_THAT(Warnings(Make(2, {0})), HasSubstr("nothing to learn"));
  Dataset same = Make(2, {0, 1, 0});
  same.images = {5, 6, 5, 6, 5, 6};
  EXPECT_THAT(Warnings(same), HasSubstr("all 3 images are the same"));
  same.images = {5, 5, 5, 5, 5, 5};
  EXPECT_THAT(Warnings(same), HasSubstr("all 3 images are the same"));
  same.images = {5, 6, 5, 6, 5, 7};
  EXPECT_EQ(Warnings(same), "");
}

TEST(DatasetLookTest, KnowsColourThatIsTheWrongWayRound) {
  for (const TensorShape& shape :
       {TensorShape{32, 32, 3}, TensorShape{28, 28, 1}, TensorShape{64, 48, 4},
        TensorShape{28, 28, 3}}) {
    EXPECT_TRUE(LooksChannelsLast(shape));
  }
  for (const TensorShape& shape :
       {TensorShape{3, 32, 32}, TensorShape{1, 28, 28}, TensorShape{9, 128, 1},
        TensorShape{3, 3, 3}, TensorShape{1, 4, 4}, TensorShape{64, 2, 3}}) {
    EXPECT_FALSE(LooksChannelsLast(shape));
  }
}

TEST(DatasetLookTest, SaysWhatIsProbablyNotMeant) {
  std::vector<uint8_t> labels(1000, 0);
  for (size_t i = 0; i < labels.size(); ++i) {
    labels[i] = static_cast<uint8_t>(i % 3);
  }
  EXPECT_TRUE(DatasetWarnings(Make(3, labels), 200, 200).empty());
  labels[0] = 4;
  const std::string warnings =
      absl::StrJoin(DatasetWarnings(Make(5, labels), 200, 10), "\n");
  EXPECT_THAT(warnings, HasSubstr("1 of 5 classes have no image: 3"));
  EXPECT_THAT(warnings, HasSubstr("no image of them: 4"));
  EXPECT_THAT(warnings, HasSubstr("held_out_count is 10"));
  EXPECT_THAT(warnings, ::testing::Not(HasSubstr("validation_count")));
}

}  // namespace
}  // namespace archpool
