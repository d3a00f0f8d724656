// SPDX-License-Identifier: Apache-2.0
#include "common/data/dataset.h"

#include "common/base/status.h"
#include "common/model/limits.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;

const Dataset kDataset = {.shape = {.channels = 1, .height = 1, .width = 2},
                          .classes = 3,
                          .images = {0, 255, 10, 20},
                          .labels = {2, 0}};

TEST(DatasetTest, RoundTripKeepsEverything) {
  EXPECT_EQ(*DecodeDataset(EncodeDataset(kDataset)), kDataset);
  Dataset empty;
  empty.shape = {1, 1, 1};
  empty.classes = 1;
  EXPECT_EQ(*DecodeDataset(EncodeDataset(empty)), empty);
}

TEST(DatasetTest, PicksExamples) {
  const Dataset picked = PickExamples(kDataset, {1, 0, 1});
  EXPECT_EQ(picked.shape, kDataset.shape);
  EXPECT_EQ(picked.classes, 3);
  EXPECT_EQ(picked.images, (std::vector<uint8_t>{10, 20, 0, 255, 10, 20}));
  EXPECT_EQ(picked.labels, (std::vector<uint8_t>{0, 2, 0}));
  EXPECT_EQ(PickExamples(kDataset, {}).count(), 0);
}

// Blobs are named by their hash, so the layout is fixed down to the byte.
TEST(DatasetTest, EncodesTheSpecifiedBytes) {
  using namespace std::string_literals;
  EXPECT_EQ(EncodeDataset(kDataset),
            "archdata"
            "\1\0\0\0\0\0\0\0"
            "\1\0\0\0\0\0\0\0"
            "\1\0\0\0\0\0\0\0"
            "\2\0\0\0\0\0\0\0"
            "\3\0\0\0\0\0\0\0"
            "\2\0\0\0\0\0\0\0"
            "\x00\xff\x0a\x14\2\0"s);
}

TEST(DatasetTest, DigestIsOfTheEncoding) {
  EXPECT_EQ(DigestOf(kDataset), Sha256(EncodeDataset(kDataset)));
}

TEST(DatasetTest, RefusesEveryTruncationAndAnExtension) {
  const std::string blob = EncodeDataset(kDataset);
  for (size_t size = 0; size < blob.size(); ++size) {
    EXPECT_EQ(GetReason(DecodeDataset(blob.substr(0, size)).status()),
              "DATASET_MALFORMED")
        << size;
  }
  EXPECT_EQ(GetReason(DecodeDataset(blob + "x").status()), "DATASET_MALFORMED");
}

struct BadField {
  size_t offset;  // of the 64-bit field in the header
  int64_t value;
  const char* message;
};

TEST(DatasetTest, RefusesBadHeaders) {
  const BadField bad_fields[] = {
      {0, 0, "begin with"},
      {8, 2, "version 2"},
      {16, 0, "channels is 0"},
      {16, limits::kImageChannels.max + 1, "channels is 65"},
      {16, 2, "need 10 bytes"},
      {24, -1, "height is -1"},
      {24, limits::kImageSide.max + 1, "height is 4097"},
      {32, INT64_MAX, "width is 9223372036854775807"},
      {32, INT64_MIN, "width is -9223372036854775808"},
      {40, 0, "classes is 0"},
      {40, 257, "classes is 257"},
      {40, 2, "label 0 is 2"},
      {48, -1, "images is -1"},
      {48, limits::kImages.max + 1, "images is 100000001"},
      {48, limits::kImages.max, "need 300000000 bytes"},
      {48, 1, "need 3 bytes"},
  };
  for (const BadField& bad : bad_fields) {
    SCOPED_TRACE(bad.message);
    std::string blob = EncodeDataset(kDataset);
    for (size_t i = 0; i < 8; ++i) {
      blob[bad.offset + i] =
          static_cast<char>(static_cast<uint64_t>(bad.value) >> (8 * i));
    }
    const absl::Status status = DecodeDataset(blob).status();
    EXPECT_EQ(GetReason(status), "DATASET_MALFORMED");
    EXPECT_THAT(std::string(status.message()), HasSubstr(bad.message));
  }
}

TEST(DatasetTest, LimitsHoldTheSizeOfAllImages) {
  EXPECT_TRUE(CheckDatasetLimits({64, 4096, 4096}, 10, 64).ok());
  EXPECT_FALSE(CheckDatasetLimits({64, 4096, 4096}, 10, 65).ok());
  EXPECT_FALSE(
      CheckDatasetLimits({64, 4096, 4096}, 10, limits::kImages.max).ok());
}

PixelStatistics StatisticsOfPixels(std::vector<uint8_t> pixels) {
  Dataset dataset;
  dataset.images = std::move(pixels);
  return StatisticsOf(dataset);
}

TEST(DatasetTest, StatisticsAreExact) {
  EXPECT_EQ(StatisticsOfPixels({0, 255}), (PixelStatistics{500'000, 500'000}));
  EXPECT_EQ(StatisticsOfPixels({255, 255}), (PixelStatistics{1'000'000, 1}));
  EXPECT_EQ(StatisticsOfPixels({}), (PixelStatistics{0, 1}));
  // Mean 51/255; squares about it: 51², 0, 51² over three pixels.
  EXPECT_EQ(StatisticsOfPixels({0, 51, 102}),
            (PixelStatistics{200'000, 163'299}));
}

// The widest intermediate must not overflow: many pixels, the largest spread.
TEST(DatasetTest, StatisticsOfManyPixels) {
  std::vector<uint8_t> pixels(1 << 22, 255);
  std::fill(pixels.begin(), pixels.begin() + (1 << 21), uint8_t{0});
  EXPECT_EQ(StatisticsOfPixels(std::move(pixels)),
            (PixelStatistics{500'000, 500'000}));
}

TEST(DatasetTest, ManifestHidesTheHeldOutSplit) {
  Dataset held_out = kDataset;
  const DatasetManifest manifest = MakeManifest(kDataset, kDataset, held_out);
  EXPECT_EQ(manifest.shape, kDataset.shape);
  EXPECT_EQ(manifest.classes, 3);
  EXPECT_EQ(manifest.train_count, 2);
  EXPECT_EQ(manifest.train, Sha256(EncodeDataset(kDataset)));
  held_out.images[0] = 1;
  EXPECT_EQ(MakeManifest(kDataset, kDataset, held_out), manifest);
}

TEST(DatasetTest, EveryFieldOfTheManifestChangesItsId) {
  const DatasetManifest manifest = MakeManifest(kDataset, kDataset, kDataset);
  std::vector<DatasetManifest> others(11, manifest);
  ++others[0].shape.channels;
  ++others[1].shape.height;
  ++others[2].shape.width;
  ++others[3].classes;
  ++others[4].train_count;
  ++others[5].validation_count;
  ++others[6].held_out_count;
  others[7].train.bytes[0] ^= 1;
  others[8].validation.bytes[31] ^= 1;
  ++others[9].mean_ppm;
  ++others[10].deviation_ppm;
  for (const DatasetManifest& other : others) {
    EXPECT_NE(other.Id(), manifest.Id());
  }
  EXPECT_EQ(DatasetManifest(manifest).Id(), manifest.Id());
}

// The test vector of docs/protocol.md.
TEST(DatasetTest, IdMatchesTheTestVector) {
  const DatasetManifest manifest = {.shape = {1, 28, 28},
                                    .classes = 10,
                                    .train_count = 55'000,
                                    .validation_count = 5'000,
                                    .held_out_count = 10'000,
                                    .train = Sha256("train"),
                                    .validation = Sha256("validation"),
                                    .mean_ppm = 286'000,
                                    .deviation_ppm = 353'000};
  EXPECT_EQ(manifest.Id().ToString(),
            "aa90442564e64aef52d5f211bf0152e549fea1a96413be029aed35419decd03c");
}

}  // namespace
}  // namespace archpool
