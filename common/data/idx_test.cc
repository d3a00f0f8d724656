// SPDX-License-Identifier: Apache-2.0
#include "common/data/idx.h"

#include <array>
#include <cstdlib>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/gzip_writer.h"

namespace archpool {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Idx(int type, const std::vector<uint32_t>& extents,
                absl::string_view elements) {
  std::string bytes = {0, 0, static_cast<char>(type),
                       static_cast<char>(extents.size())};
  for (const uint32_t extent : extents) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      bytes.push_back(static_cast<char>(extent >> shift & 0xff));
    }
  }
  absl::StrAppend(&bytes, elements);
  return bytes;
}

const std::string kImages = Idx(8, {2, 1, 3}, "abcdef");
const std::string kLabels = Idx(8, {2}, absl::string_view("\x00\x02", 2));
constexpr int64_t kClasses = 3;

TEST(IdxTest, ReadsPlainAndGzip) {
  for (const bool is_gzip : {false, true}) {
    const absl::StatusOr<Dataset> dataset =
        ParseIdx(is_gzip ? Gzip(kImages) : kImages,
                 is_gzip ? Gzip(kLabels) : kLabels, kClasses, {});
    ASSERT_TRUE(dataset.ok()) << dataset.status();
    EXPECT_EQ(dataset->shape, (TensorShape{1, 1, 3}));
    EXPECT_EQ(dataset->classes, kClasses);
    EXPECT_THAT(dataset->images, ElementsAre('a', 'b', 'c', 'd', 'e', 'f'));
    EXPECT_THAT(dataset->labels, ElementsAre(0, 2));
  }
}

TEST(IdxTest, FourAxesHaveChannels) {
  const absl::StatusOr<Dataset> dataset =
      ParseIdx(Idx(8, {2, 3, 1, 1}, "abcdef"), kLabels, kClasses, {});
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ(dataset->shape, (TensorShape{3, 1, 1}));
}

struct BadPair {
  const char* name;
  std::string images;
  std::string labels;
  const char* reason;
  const char* message;
};

const char kMalformed[] = "IDX_MALFORMED";
const char kTooLarge[] = "IDX_TOO_LARGE";

std::vector<BadPair> BadPairs() {
  return {
      {"ImagesEmpty", "", kLabels, kMalformed, "is empty"},
      {"ImagesNotIdx", "PNG images", kLabels, kMalformed, "no IDX file"},
      {"ImagesOfFloats", Idx(13, {2, 1, 3}, "abcdef"), kLabels, kMalformed,
       "type 0x0d"},
      {"ImagesWithTwoAxes", Idx(8, {2, 3}, "abcdef"), kLabels, kMalformed,
       "2 axes instead of 3 to 4"},
      {"ImagesWithFiveAxes", Idx(8, {2, 1, 1, 1, 3}, "abcdef"), kLabels,
       kMalformed, "5 axes"},
      {"ImagesSwappedWithLabels", kLabels, kImages, kMalformed, "1 axes"},
      {"LabelsWithTwoAxes", kImages, Idx(8, {2, 1}, "ab"), kMalformed,
       "2 axes instead of 1"},
      {"HeaderCut", kImages.substr(0, 9), kLabels, kMalformed,
       "5 of 12 bytes of its header"},
      {"ImagesCut", kImages.substr(0, kImages.size() - 1), kLabels, kMalformed,
       "5 of 6 bytes"},
      {"ImagesTrailing", kImages + "x", kLabels, kMalformed, "has bytes after"},
      {"LabelsCut", kImages, kLabels.substr(0, kLabels.size() - 1), kMalformed,
       "1 of 2 bytes"},
      {"LabelsTrailing", kImages, kLabels + "x", kMalformed, "has bytes after"},
      {"CountsDiffer", kImages,
       Idx(8, {3}, absl::string_view("\x00\x01\x02", 3)), kMalformed,
       "3 labels for 2 images"},
      {"LabelOutOfRange", kImages, Idx(8, {2}, "\x01\x03"), kMalformed,
       "label 1 is 3"},
      {"ImagesOfNoPixels", Idx(8, {2, 0, 3}, ""), kLabels, kMalformed,
       "height is 0"},
      {"ImagesWide", Idx(8, {2, 1, 5000}, ""), kLabels, kMalformed,
       "width is 5000"},
      {"ImagesHuge", Idx(8, {2, 0xffffffff, 0xffffffff}, ""), kLabels,
       kTooLarge, "at most"},
      {"ProductOverflows", Idx(8, {2, 0xffffffff, 0xffffffff, 0xffffffff}, ""),
       kLabels, kTooLarge, "at most"},
      {"ImagesNone", Idx(8, {0, 1, 3}, ""), Idx(8, {0}, ""), kMalformed,
       "holds no images"},
      {"LabelsFromOne", kImages, Idx(8, {2}, "\x01\x03"), kMalformed,
       "seem to begin at 1"},
      {"LittleEndian", Idx(8, {0x90010000, 1, 3}, ""), kLabels, kMalformed,
       "little-endian"},
      {"BothLittleEndian", Idx(8, {0x90010000, 0x1c000000, 0x1c000000}, ""),
       Idx(8, {0x90010000}, ""), kTooLarge, "little-endian"},
      {"WebPage", "\n<!DOCTYPE html><html>", kLabels, kMalformed, "web page"},
      {"LfsPointer", kImages,
       "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", kMalformed,
       "Git LFS pointer"},
      {"GzipOfGzip", Gzip(Gzip(kImages)), kLabels, kMalformed,
       "gzip inside of gzip"},
      {"GzipOfAPage", Gzip("<html>"), kLabels, kMalformed, "web page"},
      {"GzipOfNothing", Gzip(""), kLabels, kMalformed, "is empty"},
      {"Zip", "PK\x03\x04xxxx", kLabels, kMalformed, "zip archive"},
      {"GzipCut", Gzip(kImages).substr(0, 20), kLabels, "GZIP_MALFORMED",
       "truncated"},
  };
}

TEST(IdxTest, RefusesBadPairs) {
  for (const BadPair& bad : BadPairs()) {
    SCOPED_TRACE(bad.name);
    const absl::StatusOr<Dataset> dataset =
        ParseIdx(bad.images, bad.labels, kClasses, {});
    ASSERT_FALSE(dataset.ok());
    EXPECT_EQ(GetReason(dataset.status()), bad.reason) << dataset.status();
    EXPECT_THAT(std::string(dataset.status().message()),
                HasSubstr(bad.message));
  }
}

// Four files are in question: the message says which.
TEST(IdxTest, TroubleBeginsWithTheNameOfItsFile) {
  const IdxNames names = {.images = "a.gz", .labels = "b.gz"};
  for (const BadPair& bad : BadPairs()) {
    SCOPED_TRACE(bad.name);
    const std::string message(
        ParseIdx(bad.images, bad.labels, kClasses, {}, names)
            .status()
            .message());
    EXPECT_TRUE(absl::StartsWith(message, "a.gz: ") ||
                absl::StartsWith(message, "b.gz: "))
        << message;
  }
}

TEST(IdxTest, RefusesImpossibleClasses) {
  for (const int64_t classes : {int64_t{-1}, int64_t{0}, int64_t{257}}) {
    EXPECT_EQ(GetReason(ParseIdx(kImages, kLabels, classes, {}).status()),
              kMalformed);
  }
}

// 64 MiB of zeros behind 64 KiB of gzip: what the header does not announce is
// never inflated, and what it announces beyond the limit is never allocated.
TEST(IdxTest, RefusesABomb) {
  const std::string zeros(64 << 20, '\0');
  const std::string unannounced = Gzip(kImages + zeros);
  ASSERT_LT(unannounced.size(), 100'000u);
  EXPECT_EQ(GetReason(ParseIdx(unannounced, kLabels, kClasses, {}).status()),
            kMalformed);
  const std::string announced =
      Gzip(Idx(8, {2, 4096, 4096}, absl::string_view(zeros).substr(32 << 20)));
  EXPECT_TRUE(ParseIdx(announced, kLabels, kClasses, {}).ok());
  EXPECT_EQ(
      GetReason(ParseIdx(announced, kLabels, kClasses, {.bytes_max = 16 << 20})
                    .status()),
      kTooLarge);
}

TEST(IdxTest, HoldsTheLimitOfTheFile) {
  EXPECT_EQ(
      GetReason(ParseIdx(kImages, kLabels, kClasses, {.file_bytes_max = 10})
                    .status()),
      kTooLarge);
}

TEST(IdxTest, NamesAMissingFile) {
  const absl::Status status =
      LoadIdx("no/such/images", "no/such/labels", 10, {}).status();
  EXPECT_EQ(GetReason(status), "FILE_NOT_FOUND");
  EXPECT_THAT(std::string(status.message()), HasSubstr("no/such/images"));
}

TEST(IdxTest, ADirectoryIsNoFile) {
  EXPECT_EQ(GetReason(LoadIdx("/", "/", 10, {}).status()), "FILE_UNREADABLE");
}

// The real thing, as Debian's dataset-fashion-mnist installs it.
TEST(IdxTest, ReadsFashionMnist) {
  const std::string folder = "/usr/share/datasets/fashion-mnist/";
  ASSERT_TRUE(std::filesystem::exists(folder))
      << "deploy/install-deps.sh installs the package dataset-fashion-mnist";
  for (const auto& [stem, count] :
       {std::pair("train", 60'000), std::pair("t10k", 10'000)}) {
    const absl::StatusOr<Dataset> dataset =
        LoadIdx(absl::StrCat(folder, stem, "-images-idx3-ubyte.gz"),
                absl::StrCat(folder, stem, "-labels-idx1-ubyte.gz"), 10, {});
    ASSERT_TRUE(dataset.ok()) << dataset.status();
    EXPECT_EQ(dataset->shape, (TensorShape{1, 28, 28}));
    ASSERT_EQ(dataset->count(), count);
    std::array<int, 10> per_class{};
    for (const uint8_t label : dataset->labels) ++per_class[label];
    for (const int images : per_class) EXPECT_EQ(images, count / 10);
    if (count == 60'000) {
      // As published for the train images: mean 0.2860, deviation 0.3530.
      const PixelStatistics statistics = StatisticsOf(*dataset);
      EXPECT_NEAR(static_cast<double>(statistics.mean_ppm), 286'041, 1);
      EXPECT_NEAR(static_cast<double>(statistics.deviation_ppm), 353'024, 1);
    }
  }
}

}  // namespace
}  // namespace archpool
