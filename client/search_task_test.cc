// SPDX-License-Identifier: Apache-2.0
// What archpool search decides before anything is started. With real programs:
// tests/integration/search_test.py.
#include "client/search_task.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "client/cli.h"
#include "common/base/status.h"
#include "common/channel/program.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;

TaskFile Sample() {
  TaskFile file;
  file.spec.name = "one";
  file.spec.budget.trials_max = 8;
  file.dataset.format = "idx";
  file.dataset.files["train_images"] = {"/somewhere/images"};
  file.dataset.classes = 4;
  return file;
}

TEST(FingerprintTest, IsTheSameWhereverTheFilesLie) {
  TaskFile moved = Sample();
  moved.dataset.files["train_images"] = {"elsewhere/images"};
  EXPECT_EQ(FingerprintOf(moved), FingerprintOf(Sample()));
}

TEST(FingerprintTest, DiffersWithEverythingThatTheFileSays) {
  TaskFile budget = Sample();
  budget.spec.budget.trials_max = 9;
  TaskFile classes = Sample();
  classes.dataset.classes = 5;
  TaskFile held_out = Sample();
  held_out.dataset.held_out_count = 1;
  TaskFile other_name = Sample();
  other_name.dataset.files["train_images"] = {"/somewhere/other"};
  TaskFile more = Sample();
  more.dataset.files["train_labels"] = {"/somewhere/labels"};
  for (const TaskFile& other : {budget, classes, held_out, other_name, more}) {
    EXPECT_NE(FingerprintOf(other), FingerprintOf(Sample()));
  }
}

TEST(FingerprintTest, DiffersWhereAFileHasAnotherSize) {
  const TemporaryDirectory directory;
  TaskFile file = Sample();
  file.dataset.files["train_images"] = {directory.path() + "/images"};
  std::ofstream(directory.path() + "/images") << "four";
  const std::string before = FingerprintOf(file);
  std::ofstream(directory.path() + "/images") << "three";
  EXPECT_NE(FingerprintOf(file), before);
}

TEST(FingerprintTest, TellsPicturesByTheirNamesAndSizes) {
  const TemporaryDirectory directory;
  const std::string folder = directory.path() + "/train/cat";
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/1.png") << "four";
  TaskFile file = Sample();
  file.dataset.format = "";
  file.dataset.files.clear();
  file.dataset.pictures = PictureFolder{.path = directory.path()};
  const std::string before = FingerprintOf(file);
  EXPECT_EQ(FingerprintOf(file), before);
  file.dataset.pictures->width = 8;
  EXPECT_NE(FingerprintOf(file), before);
  file.dataset.pictures->width = 0;
  std::ofstream(folder + "/2.png") << "four";
  EXPECT_NE(FingerprintOf(file), before);
}

TEST(ReadSearchStateTest, ANewFolderHasNone) {
  const TemporaryDirectory directory;
  const search::Folder folder{directory.path()};
  const auto none = ReadSearchState(folder);
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_FALSE(none->has_value());
  const search::SearchState state{.fingerprint = "aa", .task_id = 3};
  std::ofstream(folder.StatePath()) << search::ToText(state);
  EXPECT_EQ(ReadSearchState(folder)->value(), state);
  std::ofstream(folder.StatePath()) << "";
  EXPECT_EQ(GetReason(ReadSearchState(folder).status()),
            "SEARCH_STATE_MALFORMED");
}

TEST(SearchCommandTest, PicturesThatAreNoneMakeNoFolder) {
  const TemporaryDirectory directory;
  std::filesystem::create_directories(directory.path() + "/data/train/cat");
  std::filesystem::create_directories(directory.path() + "/data/train/dog");
  for (const char* name : {"cat/1.png", "dog/1.png"}) {
    std::ofstream(absl::StrCat(directory.path(), "/data/train/", name)) << "x";
  }
  std::ofstream(directory.path() + "/task.yaml") << R"(name: pictures
dataset: {images: data, size: 8x8, held_out_count: 1, validation_count: 1}
space:
  dimensions:
    - {name: width, choices: [8, 12]}
  template:
    kind: chain
    stem: {width: 8, kernel: 3, stride: 1}
    stages:
      - blocks:
          - {operation: conv, width: $width}
recipe: {epochs: 1, batch_size: 16, learning_rate: 0.2}
budget: {core_seconds: 300, trials: 2, time_limit: 5m}
reward: {amount: 10}
)";
  std::ostringstream out;
  std::ostringstream err;
  const std::string folder = directory.path() + "/search";
  EXPECT_EQ(RunCli({"search", absl::StrCat(directory.path(), "/task.yaml"),
                    "--folder", folder},
                   {out, err}, {}),
            kExitBadInput);
  EXPECT_THAT(err.str(), HasSubstr("1.png"));
  EXPECT_FALSE(std::filesystem::exists(folder));
}

TEST(SearchCommandTest, AFileThatIsNoneMakesNoFolder) {
  const TemporaryDirectory directory;
  std::ofstream(directory.path() + "/task.yaml") << "name: nothing else\n";
  for (const char* name : {"missing.yaml", "task.yaml"}) {
    std::ostringstream out;
    std::ostringstream err;
    const std::string folder = directory.path() + "/search";
    EXPECT_EQ(RunCli({"search", absl::StrCat(directory.path(), "/", name),
                      "--folder", folder},
                     {out, err}, {}),
              kExitBadInput);
    EXPECT_THAT(err.str(), HasSubstr(name));
    EXPECT_FALSE(std::filesystem::exists(folder));
  }
}

}  // namespace
}  // namespace archpool
