// SPDX-License-Identifier: Apache-2.0
#include "common/data/dataset_format.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(DatasetFormatTest, EveryRowIsFoundByItsWordAndDescribed) {
  std::set<std::string> words;
  const std::string help = DescribeDatasetFormats();
  for (const DatasetFormat& format : DatasetFormats()) {
    SCOPED_TRACE(format.word);
    EXPECT_TRUE(words.insert(format.word).second) << "twice";
    EXPECT_EQ(FindDatasetFormat(format.word), &format);
    EXPECT_THAT(help, HasSubstr(format.word));
    EXPECT_THAT(help, HasSubstr(format.description));
    std::set<std::string> keys;
    bool has_train = false;
    bool has_held_out = false;
    for (const FormatKey& key : format.keys) {
      EXPECT_TRUE(keys.insert(key.key).second) << key.key << " twice";
      EXPECT_THAT(help, HasSubstr(key.key));
      (key.is_held_out ? has_held_out : has_train) = true;
    }
    EXPECT_TRUE(has_train && has_held_out);
  }
  EXPECT_EQ(FindDatasetFormat("png"), nullptr);
}

// A format whose parser says what it was given.
absl::StatusOr<Dataset> Repeat(absl::Span<const DatasetFile> files,
                               int64_t classes, const DatasetFileLimits&) {
  Dataset dataset{.shape = {}, .classes = classes, .images = {}, .labels = {}};
  for (const DatasetFile& file : files) {
    dataset.images.insert(dataset.images.end(), file.bytes.begin(),
                          file.bytes.end());
  }
  return dataset;
}

const DatasetFormat kListed = {
    .word = "listed",
    .description = "for this test",
    .keys = {{.key = "head"},
             {.key = "parts", .is_list = true},
             {.key = "held_out", .is_held_out = true}},
    .parse = Repeat};
const DatasetPaths kPaths = {
    {"parts", {"b", "c"}}, {"head", {"a"}}, {"held_out", {"d"}}};

absl::StatusOr<DatasetFile> Spell(const FormatKey& key, size_t index,
                                  const std::string& path) {
  return DatasetFile{.name = absl::StrCat(key.key, index), .bytes = path};
}

TEST(DatasetFormatTest, FilesComeInTheOrderOfTheKeys) {
  const auto train = ReadDatasetFiles(kListed, kPaths, false, 3, Spell);
  ASSERT_TRUE(train.ok()) << train.status();
  EXPECT_THAT(train->images, ElementsAre('a', 'b', 'c'));
  EXPECT_EQ(train->classes, 3);
  const auto held_out = ReadDatasetFiles(kListed, kPaths, true, 3, Spell);
  ASSERT_TRUE(held_out.ok()) << held_out.status();
  EXPECT_THAT(held_out->images, ElementsAre('d'));
}

// Sixteen files within the limit of each would be many times the limit of all.
TEST(DatasetFormatTest, AllFilesOfASideAreBoundedTogether) {
  EXPECT_TRUE(
      ReadDatasetFiles(kListed, kPaths, false, 3, Spell, {.bytes_max = 3})
          .ok());
  const absl::Status status =
      ReadDatasetFiles(kListed, kPaths, false, 3, Spell, {.bytes_max = 2})
          .status();
  EXPECT_EQ(GetReason(status), "DATASET_TOO_LARGE");
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("parts1: with the files before it there are 3 bytes; "
                        "at most 2"));
}

TEST(DatasetFormatTest, AFileThatCannotBeReadIsTheAnswer) {
  const absl::Status status =
      LoadDatasetFiles(DatasetFormats().front(),
                       {{"train_images", {"no/such/images"}},
                        {"train_labels", {"no/such/labels"}}},
                       /*is_held_out=*/false, 10)
          .status();
  EXPECT_EQ(GetReason(status), "FILE_NOT_FOUND");
  EXPECT_THAT(std::string(status.message()), HasSubstr("no/such/images"));
}

}  // namespace
}  // namespace archpool
