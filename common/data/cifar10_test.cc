// SPDX-License-Identifier: Apache-2.0
#include "common/data/cifar10.h"

#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/data/dataset_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/gzip_writer.h"

namespace archpool {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr size_t kPlane = 32 * 32;

// One image: a colour of one letter each.
std::string Record(int label, absl::string_view colours = "rgb") {
  std::string record(1, static_cast<char>(label));
  for (const char colour : colours) record.append(kPlane, colour);
  return record;
}

absl::StatusOr<Dataset> Parse(const std::vector<std::string>& files,
                              int64_t classes = 10,
                              const DatasetFileLimits& limits = {}) {
  std::vector<DatasetFile> parts;
  for (const std::string& bytes : files) {
    parts.push_back(
        {.name = absl::StrCat("batch_", parts.size() + 1), .bytes = bytes});
  }
  return ParseCifar10(parts, classes, limits);
}

TEST(Cifar10Test, ReadsPlainAndGzip) {
  const std::string bytes = Record(9) + Record(0, "xyz");
  for (const bool is_gzip : {false, true}) {
    const auto dataset = Parse({is_gzip ? Gzip(bytes) : bytes});
    ASSERT_TRUE(dataset.ok()) << dataset.status();
    EXPECT_EQ(dataset->shape, (TensorShape{3, 32, 32}));
    EXPECT_EQ(dataset->classes, 10);
    EXPECT_THAT(dataset->labels, ElementsAre(9, 0));
    ASSERT_EQ(dataset->images.size(), 6 * kPlane);
    const absl::string_view colours = "rgbxyz";
    for (size_t i = 0; i < dataset->images.size(); ++i) {
      ASSERT_EQ(dataset->images[i], colours[i / kPlane]) << i;
    }
  }
}

// More images than are read at once; rows and columns stay where they are.
TEST(Cifar10Test, FilesFollowEachOther) {
  std::string first;
  std::string second;
  for (int i = 0; i < 130; ++i) {
    std::string record = Record(i % 10);
    record[1 + kPlane + 2 * 32 + 5] = static_cast<char>(i);
    (i < 129 ? first : second) += record;
  }
  const auto dataset = Parse({first, Gzip(second)});
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  ASSERT_EQ(dataset->count(), 130);
  for (size_t i = 0; i < 130; ++i) {
    EXPECT_EQ(dataset->labels[i], i % 10);
    const size_t image = i * 3 * kPlane;
    EXPECT_EQ(dataset->images[image + kPlane + 2 * 32 + 5], i);
    EXPECT_EQ(dataset->images[image + kPlane + 2 * 32 + 6], 'g');
  }
}

struct BadFiles {
  const char* name;
  std::vector<std::string> files;
  const char* reason;
  const char* message;
  int64_t classes = 10;
};

const char kMalformed[] = "CIFAR10_MALFORMED";
const char kTooLarge[] = "CIFAR10_TOO_LARGE";

std::string Tar() {
  std::string tar(1024, '\0');
  tar.replace(0, 21, "cifar-10-batches-bin/");
  tar.replace(257, 5, "ustar");
  return tar;
}

std::vector<BadFiles> AllBadFiles() {
  const std::string good = Record(1);
  return {
      {"Empty", {""}, kMalformed, "batch_1: is empty"},
      {"GzipOfNothing", {Gzip("")}, kMalformed, "batch_1: is empty"},
      {"Cut",
       {good, good + good.substr(0, 3000)},
       kMalformed,
       "batch_2: has 6073 bytes, 3000 more than whole records of 3073"},
      {"Trailing", {good + "xy"}, kMalformed, "it is cut off, or not of"},
      {"LabelAlone", {"\x01"}, kMalformed, "batch_1: has 1 bytes"},
      {"Cifar100",
       {std::string("\x13\x63", 2) + std::string(3072, 'x')},
       kMalformed,
       "CIFAR-100, which has two labels a record: write 'format: cifar100'"},
      {"LabelOutOfRange",
       {good, Record(2) + Record(10)},
       kMalformed,
       "batch_2: label 1 is 10, but there are 10 classes, from 0 to 9"},
      {"LabelBeyondTheClasses", {good}, kMalformed, "label 0 is 1", 1},
      {"ClassesTooMany", {good}, kMalformed, "classes is 100", 100},
      {"ClassesNone", {good}, kMalformed, "classes is 0", 0},
      {"Twice",
       {good, Record(2), good},
       kMalformed,
       "batch_3: has the same bytes as batch_1"},
      {"Pickle", {"\x80\x02}q\x01(U\x0b"}, kMalformed, "the Python version"},
      {"Archive", {Gzip(Tar())}, kMalformed, "is a tar archive: unpack it"},
      {"WebPage", {"<!DOCTYPE html>"}, kMalformed, "web page"},
      {"LfsPointer",
       {"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"},
       kMalformed,
       "Git LFS pointer"},
      {"GzipOfGzip", {Gzip(Gzip(good))}, kMalformed, "gzip inside of gzip"},
      {"Text", {"airplane\nautomobile\n"}, kMalformed, "not of the binary"},
      {"GzipCut",
       {Gzip(good).substr(0, 20)},
       "GZIP_MALFORMED",
       "batch_1: gzip: the stream ends early"},
  };
}

TEST(Cifar10Test, RefusesBadFiles) {
  for (const BadFiles& bad : AllBadFiles()) {
    SCOPED_TRACE(bad.name);
    const absl::Status status = Parse(bad.files, bad.classes).status();
    EXPECT_EQ(GetReason(status), bad.reason) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(bad.message));
    EXPECT_TRUE(absl::StartsWith(status.message(), "batch_")) << status;
  }
}

// 64 MiB of zeros, which are good records, behind 64 KiB of gzip: no more is
// inflated than the limit and one piece.
TEST(Cifar10Test, RefusesABomb) {
  const std::string bomb = Gzip(std::string(64 << 20, '\0'));
  ASSERT_LT(bomb.size(), 100'000u);
  const absl::Status status =
      Parse({bomb}, 10, {.bytes_max = 1 << 20}).status();
  EXPECT_EQ(GetReason(status), kTooLarge);
  EXPECT_THAT(std::string(status.message()), HasSubstr("batch_1: inflates"));
}

TEST(Cifar10Test, HoldsTheLimits) {
  const std::vector<std::string> files = {Record(1), Record(2)};
  EXPECT_TRUE(Parse(files, 10, {.bytes_max = 2 * 3073}).ok());
  EXPECT_EQ(GetReason(Parse(files, 10, {.bytes_max = 2 * 3073 - 1}).status()),
            kTooLarge);
  EXPECT_EQ(GetReason(Parse(files, 10, {.file_bytes_max = 3072}).status()),
            kTooLarge);
}

TEST(Cifar10Test, IsARowOfTheTable) {
  const DatasetFormat* const format = FindDatasetFormat("cifar10");
  ASSERT_NE(format, nullptr);
  const std::map<std::string, std::vector<std::string>> files = {
      {"train_batches", {Record(3), Record(1)}},
      {"held_out_batches", {Record(7)}}};
  const auto read =
      [](const FormatKey& key, size_t index,
         const std::string& bytes) -> absl::StatusOr<DatasetFile> {
    return DatasetFile{.name = absl::StrCat(key.key, index), .bytes = bytes};
  };
  const auto train = ReadDatasetFiles(*format, files, false, 10, read);
  ASSERT_TRUE(train.ok()) << train.status();
  EXPECT_THAT(train->labels, ElementsAre(3, 1));
  const auto held_out = ReadDatasetFiles(*format, files, true, 10, read);
  ASSERT_TRUE(held_out.ok()) << held_out.status();
  EXPECT_THAT(held_out->labels, ElementsAre(7));
}

}  // namespace
}  // namespace archpool
