// SPDX-License-Identifier: Apache-2.0
#include "common/data/split.h"

#include <algorithm>
#include <set>

#include "common/base/status.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

// `count` images of one pixel, whose value is their number.
Dataset Numbered(int count) {
  Dataset dataset;
  dataset.shape = {1, 1, 1};
  dataset.classes = 256;
  for (int i = 0; i < count; ++i) {
    dataset.images.push_back(static_cast<uint8_t>(i));
    dataset.labels.push_back(static_cast<uint8_t>(255 - i));
  }
  return dataset;
}

const Digest kSecret = Sha256("secret");

void ExpectLabelsFollowImages(const Dataset& dataset) {
  ASSERT_EQ(dataset.images.size(), dataset.labels.size());
  for (size_t i = 0; i < dataset.images.size(); ++i) {
    EXPECT_EQ(dataset.labels[i], 255 - dataset.images[i]);
  }
}

// Every image is in exactly one split, with its label, in its old order.
TEST(SplitTest, SplitsAreDisjointAndComplete) {
  const absl::StatusOr<DatasetSplit> split =
      SplitDataset(Numbered(200), std::nullopt, 30, 20, kSecret);
  ASSERT_TRUE(split.ok()) << split.status();
  EXPECT_EQ(split->train.count(), 150);
  EXPECT_EQ(split->validation.count(), 30);
  EXPECT_EQ(split->held_out.count(), 20);
  std::set<uint8_t> seen;
  for (const Dataset* part :
       {&split->train, &split->validation, &split->held_out}) {
    ExpectLabelsFollowImages(*part);
    EXPECT_TRUE(std::is_sorted(part->images.begin(), part->images.end()));
    seen.insert(part->images.begin(), part->images.end());
  }
  EXPECT_EQ(seen.size(), 200u);
  EXPECT_EQ(split->manifest,
            MakeManifest(split->train, split->validation, split->held_out));
}

TEST(SplitTest, AGivenHeldOutDatasetIsKeptAsItStands) {
  const Dataset held_out = Numbered(7);
  const absl::StatusOr<DatasetSplit> split =
      SplitDataset(Numbered(100), held_out, 10, 0, kSecret);
  ASSERT_TRUE(split.ok()) << split.status();
  EXPECT_EQ(split->held_out, held_out);
  EXPECT_EQ(split->train.count(), 90);
  EXPECT_EQ(split->manifest.held_out_count, 7);
}

TEST(SplitTest, TheSecretDecidesTheDraw) {
  const Dataset dataset = Numbered(200);
  const auto validation = [&](const Digest& secret) {
    return SplitDataset(dataset, std::nullopt, 30, 20, secret)->validation;
  };
  EXPECT_EQ(validation(kSecret), validation(kSecret));
  EXPECT_NE(validation(kSecret), validation(Sha256("another")));
}

// A draw over 200 images must not lean on any: each is drawn in about 30 of 200
// splits. Five standard deviations is 30 ± 25.
TEST(SplitTest, EveryImageIsDrawnEquallyOften) {
  const Dataset dataset = Numbered(200);
  std::vector<int> times(200);
  for (int i = 0; i < 200; ++i) {
    const auto split =
        SplitDataset(dataset, std::nullopt, 30, 20, Sha256(std::to_string(i)));
    for (const uint8_t image : split->validation.images) ++times[image];
  }
  EXPECT_GT(*std::min_element(times.begin(), times.end()), 5);
  EXPECT_LT(*std::max_element(times.begin(), times.end()), 55);
}

struct BadCounts {
  int64_t validation_count;
  int64_t held_out_count;
  bool has_held_out;
};

TEST(SplitTest, RefusesCountsOutOfRange) {
  const BadCounts bad_counts[] = {
      {0, 10, false},         {-1, 10, false},        {100, 10, false},
      {50, 50, false},        {10, 0, false},         {10, -1, false},
      {10, 100, false},       {INT64_MAX, 10, false}, {10, INT64_MAX, false},
      {INT64_MIN, 10, false}, {10, 10, true},         {100, 0, true},
      {10, INT64_MIN, true},
  };
  for (const BadCounts& bad : bad_counts) {
    const absl::Status status =
        SplitDataset(
            Numbered(100),
            bad.has_held_out ? std::optional(Numbered(5)) : std::nullopt,
            bad.validation_count, bad.held_out_count, kSecret)
            .status();
    EXPECT_EQ(GetReason(status), "SPLIT_RANGE")
        << bad.validation_count << " " << bad.held_out_count << " " << status;
  }
  EXPECT_TRUE(SplitDataset(Numbered(100), std::nullopt, 50, 49, kSecret).ok());
  EXPECT_TRUE(SplitDataset(Numbered(100), Numbered(1), 99, 0, kSecret).ok());
}

TEST(SplitTest, RefusesAHeldOutDatasetThatDoesNotFit) {
  Dataset other = Numbered(10);
  other.classes = 255;
  other.labels.assign(10, 0);
  EXPECT_EQ(
      GetReason(SplitDataset(Numbered(100), other, 10, 0, kSecret).status()),
      "SPLIT_MISMATCH");
  EXPECT_EQ(
      GetReason(
          SplitDataset(Numbered(100), Numbered(0), 10, 0, kSecret).status()),
      "SPLIT_RANGE");
  other = Numbered(10);
  other.images.pop_back();
  EXPECT_EQ(
      GetReason(SplitDataset(Numbered(100), other, 10, 0, kSecret).status()),
      "DATASET_MALFORMED");
}

}  // namespace
}  // namespace archpool
