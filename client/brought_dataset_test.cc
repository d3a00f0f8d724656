// SPDX-License-Identifier: Apache-2.0
// archpool task check of folders of pictures, and what comes with them.
#include "client/brought_dataset.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "client/cli.h"
#include "client/contact_sheet.h"
#include "client/import/picture.h"
#include "common/channel/program.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kTask[] = R"(name: beasts
dataset: {images: beasts, size: 8x8, validation_count: 100}
space:
  dimensions: [{name: width, choices: [4, 8]}]
  template:
    kind: chain
    stages: [{blocks: [{operation: conv, kernel: 3, width: $width}]}]
recipe: {epochs: 1, batch_size: 32}
budget: {core_seconds: 10}
reward: {amount: 5}
)";

class BroughtDatasetTest : public ::testing::Test {
 protected:
  BroughtDatasetTest() {
    Write("task.yaml", kTask);
    for (int i = 0; i < 150; ++i) {
      WritePicture(absl::StrCat("beasts/train/ant/", i, ".png"), i);
      WritePicture(absl::StrCat("beasts/train/cat/", i, ".png"), 200 - i);
    }
    for (int i = 0; i < 120; ++i) {
      WritePicture(absl::StrCat("beasts/val/cat/", i, ".png"), i + 77, 9);
    }
  }
  std::string Path(const std::string& name) {
    return directory_.path() + "/" + name;
  }
  void Write(const std::string& name, const std::string& bytes) {
    std::filesystem::create_directories(
        std::filesystem::path(Path(name)).parent_path());
    std::ofstream(Path(name), std::ios::binary) << bytes;
  }
  void WritePicture(const std::string& name, int shade, int other = 3) {
    Picture picture{.width = 10, .height = 8, .channels = 3};
    for (int at = 0; at < 10 * 8; ++at) {
      picture.pixels.insert(
          picture.pixels.end(),
          {static_cast<uint8_t>(shade), static_cast<uint8_t>(at * other), 200});
    }
    Write(name, EncodePng(picture));
  }
  int Run(std::vector<std::string> words) {
    std::ostringstream out;
    std::ostringstream err;
    const int code = RunCli(words, {out, err, Terminal()}, {});
    out_ = out.str();
    err_ = err.str();
    return code;
  }

  const TemporaryDirectory directory_;
  std::string out_;
  std::string err_;
};

TEST_F(BroughtDatasetTest, CheckShowsClassesAndDrawsASheet) {
  ASSERT_EQ(Run({"--json", "task", "check", Path("task.yaml"),
                 "--contact-sheet", Path("sheet.png")}),
            kExitDone)
      << err_;
  const Json json = Json::parse(out_);
  EXPECT_THAT(std::string(json["dataset"]),
              HasSubstr("420 images of 3x8x8, 2 classes: 200 to train on, 100 "
                        "to validate, 120 held out"));
  EXPECT_EQ(json["shape"], Json({3, 8, 8}));
  ASSERT_EQ(json["classes"].size(), 2u);
  EXPECT_EQ(json["classes"][0], Json({{"label", 0},
                                      {"name", "ant"},
                                      {"images", 150},
                                      {"held_out_images", 0}}));
  EXPECT_EQ(json["classes"][1]["held_out_images"], 120);
  EXPECT_GT(json["mean"], 0.3);
  EXPECT_THAT(err_, HasSubstr("0 ant 150 + 0 held out, 1 cat 150 + 120 held"));
  std::ifstream file(Path("sheet.png"), std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)),
                          std::istreambuf_iterator<char>());
  const auto head = LookAtPicture("sheet.png", bytes);
  ASSERT_THAT(head, IsOk());
  EXPECT_EQ(head->width, 8 * 10 + 12 + 4 * 10);
  EXPECT_EQ(head->height, 2 * 10);
}

TEST_F(BroughtDatasetTest, BadInputEndsWithItsNameAndTheCodeForIt) {
  Write("beasts/train/cat/99.png", "GIF89a");
  EXPECT_EQ(Run({"task", "check", Path("task.yaml")}), kExitBadInput);
  EXPECT_THAT(err_, HasSubstr("beasts/train/cat/99.png: is a GIF picture"));
  EXPECT_THAT(err_, HasSubstr("PICTURE_MALFORMED"));
  WritePicture("beasts/train/cat/99.png", 9);
  std::string text = kTask;
  text.replace(text.find("size: 8x8"), 9, "classes: 3");
  Write("task.yaml", text);
  EXPECT_EQ(Run({"task", "check", Path("task.yaml")}), kExitBadInput);
  EXPECT_THAT(err_, HasSubstr("dataset.classes is 3, and there are 2 classes"));
}

// Messages of what comes after speak of the folder, not of a file without a
// name.
TEST_F(BroughtDatasetTest, LaterTroubleNamesTheFolderToo) {
  std::filesystem::remove_all(Path("beasts/val"));
  std::filesystem::create_directory_symlink(Path("beasts/train"),
                                            Path("beasts/val"));
  EXPECT_EQ(Run({"task", "check", Path("task.yaml")}), kExitBadInput);
  EXPECT_THAT(err_, HasSubstr("FILE_REPEATED"));
  EXPECT_THAT(err_, HasSubstr("beasts (images held out) holds what "));
  EXPECT_THAT(err_, HasSubstr("beasts (images to train on) does"));
}

// 200 images of 4x4 pixels in three colours, the channels last, of 4 classes.
TEST_F(BroughtDatasetTest, IdxFilesOfWideNumbersAreMadeBytes) {
  std::string pixels;
  std::string labels;
  for (int i = 0; i < 200 * 4 * 4 * 3; ++i) {
    pixels += std::string({'\0', static_cast<char>(i * i % 251)});
  }
  for (int i = 0; i < 200; ++i) {
    labels += std::string({'\0', '\0', '\0', static_cast<char>(i % 4)});
  }
  const auto count = std::string("\0\0\0\xc8", 4);
  Write("x", std::string("\0\0\x0b\4", 4) + count +
                 std::string("\0\0\0\4\0\0\0\4\0\0\0\3", 12) + pixels);
  Write("y", std::string("\0\0\x0c\1", 4) + count + labels);
  const auto check = [this](const std::string& classes) {
    std::string text = kTask;
    text.replace(text.find("images: beasts, size: 8x8, validation_count: 100"),
                 48,
                 "format: idx, train_images: x, train_labels: y, "
                 "held_out_count: 50, validation_count: 100, classes: " +
                     classes);
    Write("task.yaml", text);
    return Run({"--json", "task", "check", Path("task.yaml")});
  };
  // Four rows or four channels: the shape does not tell.
  EXPECT_EQ(check("4"), kExitBadInput);
  EXPECT_THAT(err_, HasSubstr("write 'channels: first' or 'channels: last'"));
  ASSERT_EQ(check("4, channels: last"), kExitDone) << err_;
  const Json json = Json::parse(out_);
  EXPECT_EQ(json["shape"], Json({3, 4, 4}));
  EXPECT_EQ(json["classes"].size(), 4u);
  EXPECT_THAT(err_ + out_, HasSubstr("with the channels last"));
  // More classes than there are labels may be meant, fewer not.
  EXPECT_EQ(check("5, channels: last"), kExitDone) << err_;
  EXPECT_EQ(check("3, channels: last"), kExitBadInput);
  EXPECT_THAT(err_, HasSubstr("CLASSES_MISMATCH"));
  Write("x", std::string("\0\0\x0b\4", 4) + count);
  EXPECT_EQ(check("4"), kExitBadInput);
  EXPECT_THAT(err_, HasSubstr("x: ends after 8 of 20 bytes of its header"));
}

TEST_F(BroughtDatasetTest, Cifar100SaysHowManyClassesThereAre) {
  std::string records;
  for (int i = 0; i < 300; ++i) {
    records += static_cast<char>(i % 20);
    records += static_cast<char>(i % 100);
    for (int at = 0; at < 3072; ++at) {
      records += static_cast<char>(at * i % 253);
    }
  }
  Write("train.bin", records);
  const auto check = [this](const std::string& more) {
    std::string text = kTask;
    text.replace(text.find("images: beasts, size: 8x8, validation_count: 100"),
                 48,
                 "format: cifar100, train_batches: [train.bin], "
                 "held_out_count: 100, validation_count: 100" +
                     more);
    Write("task.yaml", text);
    return Run({"--json", "task", "check", Path("task.yaml")});
  };
  ASSERT_EQ(check(""), kExitDone) << err_;
  EXPECT_EQ(Json::parse(out_)["classes"].size(), 100u);
  EXPECT_EQ(Json::parse(out_)["shape"], Json({3, 32, 32}));
  ASSERT_EQ(check(", labels: coarse, classes: 20"), kExitDone) << err_;
  EXPECT_EQ(Json::parse(out_)["classes"].size(), 20u);
  EXPECT_EQ(check(", labels: coarse, classes: 100"), kExitBadInput);
  EXPECT_THAT(err_, HasSubstr("dataset.classes is 100, and there are 20"));
}

TEST_F(BroughtDatasetTest, ClassNamesGoBesideTheResult) {
  v1::Task task;
  task.set_task_id(7);
  task.mutable_spec()->set_name("beasts");
  task.mutable_manifest()->set_classes(2);
  const auto file = LoadTaskFile(Path("task.yaml"));
  ASSERT_THAT(file, IsOk());
  const auto classes = ClassesOf(task, *file, Path("task.yaml"));
  ASSERT_THAT(classes, IsOk());
  EXPECT_THAT(classes->names, ElementsAre("ant", "cat"));
  EXPECT_EQ(
      ClassNamesJson(task, *classes),
      Json({{"task_id", 7}, {"classes", {"ant", "cat"}}, {"fit", "crop"}}));
  task.mutable_manifest()->set_classes(3);
  EXPECT_THAT(ClassesOf(task, *file, Path("task.yaml")),
              FailsWith("CLASS_NAMES"));
}

TEST(ContactSheetTest, HasARowForEachClass) {
  Dataset dataset{.shape = {.channels = 1, .height = 2, .width = 3},
                  .classes = 3,
                  .images = {},
                  .labels = {2, 0}};
  dataset.images.assign(6, 10);
  dataset.images.insert(dataset.images.end(), 6, 250);
  const std::string bytes = DrawContactSheet(dataset, std::nullopt);
  const auto head = LookAtPicture("sheet", bytes);
  ASSERT_THAT(head, IsOk());
  const auto sheet = DecodePicture("sheet", bytes, *head);
  ASSERT_THAT(sheet, IsOk());
  EXPECT_EQ(sheet->channels, 1);
  EXPECT_EQ(sheet->width, 8 * 5);
  EXPECT_EQ(sheet->height, 3 * 4);
  EXPECT_EQ(sheet->pixels[0], 250);
  EXPECT_EQ(sheet->pixels[static_cast<size_t>(8 * sheet->width)], 10);
  EXPECT_EQ(sheet->pixels[static_cast<size_t>(4 * sheet->width)], 96)
      << "no image of class 1";
}

TEST(ContactSheetTest, ShrinksWhatIsLarge) {
  Dataset dataset{.shape = {.channels = 3, .height = 50, .width = 200},
                  .classes = 2,
                  .images = std::vector<uint8_t>(20 * 3 * 50 * 200, 7),
                  .labels = std::vector<uint8_t>(20, 1)};
  const std::string bytes = DrawContactSheet(dataset, dataset);
  const auto head = LookAtPicture("sheet", bytes);
  ASSERT_THAT(head, IsOk());
  EXPECT_EQ(head->width, 8 * 66 + 12 + 4 * 66);
  EXPECT_EQ(head->height, 2 * 18);
}

}  // namespace
}  // namespace archpool
