// SPDX-License-Identifier: Apache-2.0
// Folders of data that are no pictures, as archpool task init finds them.
#include "client/found_data.h"

#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/import_reader.h"
#include "common/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;

class FolderOfDataTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) {
    return directory_.path() + "/" + name;
  }
  void Touch(const std::string& name) { std::ofstream(Path(name)) << "x"; }
  absl::StatusOr<FoundData> Find() {
    return FindData(directory_.path(), FindOptions());
  }
  // What a task's file with the lines that were found says.
  DatasetSource Read(const FoundData& found) {
    std::string text = "name: a\ndataset:\n";
    for (const auto& [key, value] : found.lines) {
      absl::StrAppend(&text, "  ", key, ": ", value, "\n");
    }
    absl::StrAppend(
        &text, "  classes: ", 10, "\n  validation_count: 50\n",
        absl::StrContains(text, "held_out") ? "" : "  held_out_count: 50\n",
        "space:\n  dimensions: [{name: w, choices: [4, 8]}]\n  template:\n"
        "    kind: chain\n    stages: [{blocks: [{operation: conv, kernel: 3, "
        "width: $w}]}]\nbudget: {core_seconds: 10}\nreward: {amount: 5}\n");
    const auto task =
        ParseTaskFile(text, "task.yaml", TroubleWith, TroubleWithFolder);
    EXPECT_THAT(task, IsOk()) << text;
    return task.ok() ? task->dataset : DatasetSource();
  }

  const TemporaryDirectory directory_;
};

TEST_F(FolderOfDataTest, TheOnlyArchiveIsMeant) {
  Touch("digits.npz");
  Touch("README.md");
  Touch(".other.npz");
  const auto found = Find();
  ASSERT_THAT(found, IsOk());
  ASSERT_TRUE(found->source.arrays.has_value());
  EXPECT_EQ(found->source.arrays->archive, Path("digits.npz"));
  EXPECT_EQ(Read(*found).arrays, found->source.arrays);
  Touch("letters.npz");
  const auto unclear = Find();
  EXPECT_THAT(unclear, FailsWith("DATA_UNCLEAR"));
  EXPECT_THAT(std::string(unclear.status().message()),
              HasSubstr("holds several .npz"));
}

// A folder within would be a class of pictures.
TEST_F(FolderOfDataTest, AnArchiveBesideFoldersIsNotTaken) {
  Touch("digits.npz");
  std::filesystem::create_directory(Path("cat"));
  const auto found = Find();
  EXPECT_FALSE(found.ok());
  EXPECT_NE(GetReason(found.status()), "DATA_UNCLEAR");
}

TEST_F(FolderOfDataTest, FindsCifar10) {
  for (const char* name :
       {"data_batch_1.bin", "data_batch_2.bin", "batches.meta.txt"}) {
    Touch(name);
  }
  const auto alone = Find();
  ASSERT_THAT(alone, IsOk());
  EXPECT_EQ(alone->source.format, "cifar10");
  EXPECT_EQ(alone->source.classes, 10);
  EXPECT_EQ(alone->source.files.size(), 1u);
  Touch("test_batch.bin");
  const auto found = Find();
  ASSERT_THAT(found, IsOk());
  const DatasetPaths files = {
      {"train_batches", {Path("data_batch_1.bin"), Path("data_batch_2.bin")}},
      {"held_out_batches", {Path("test_batch.bin")}}};
  EXPECT_EQ(found->source.files, files);
  EXPECT_EQ(Read(*found).files, files);
}

TEST_F(FolderOfDataTest, FindsCifar100) {
  Touch("train.bin");
  Touch("fine_label_names.txt");
  const auto alone = Find();
  ASSERT_THAT(alone, IsOk());
  EXPECT_EQ(alone->source.cifar100,
            (Cifar100Files{.train = {Path("train.bin")}, .held_out = {}}));
  Touch("test.bin");
  const auto found = Find();
  ASSERT_THAT(found, IsOk());
  const Cifar100Files files = {.train = {Path("train.bin")},
                               .held_out = {Path("test.bin")}};
  EXPECT_EQ(found->source.cifar100, files);
  EXPECT_EQ(Read(*found).cifar100, files);
}

}  // namespace
}  // namespace archpool
