// SPDX-License-Identifier: Apache-2.0
// Pictures and arrays in task files.
#include "client/import_reader.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;

constexpr char kRest[] = R"(
space:
  dimensions: [{name: width, choices: [4, 8]}]
  template:
    kind: chain
    stages: [{blocks: [{operation: conv, kernel: 3, width: $width}]}]
budget: {core_seconds: 10}
reward: {amount: 5}
)";

std::string NoTrouble(const std::string& /*path*/) { return ""; }

// A task with that dataset, which begins in line 2.
absl::StatusOr<TaskFile> Parse(const std::string& dataset) {
  return ParseTaskFile(absl::StrCat("name: one\ndataset: ", dataset, kRest),
                       "dir/task.yaml", NoTrouble, NoTrouble);
}
std::string Trouble(const std::string& dataset) {
  const auto task = Parse(dataset);
  EXPECT_THAT(task, FailsWith("TASK_FILE_INVALID"));
  return std::string(task.status().message());
}

TEST(ImportReaderTest, ReadsAFolder) {
  const auto task = Parse("{images: pics, size: 32x24, validation_count: 50}");
  ASSERT_THAT(task, IsOk());
  const DatasetSource& source = task->dataset;
  EXPECT_EQ(source.format, "");
  EXPECT_EQ(source.validation_count, 50);
  EXPECT_EQ(source.classes, 0) << "the folder says";
  ASSERT_TRUE(source.pictures.has_value());
  EXPECT_EQ(*source.pictures, (PictureFolder{.path = "dir/pics",
                                             .width = 32,
                                             .height = 24,
                                             .background = std::nullopt,
                                             .held_out = ""}));
}

TEST(ImportReaderTest, ReadsEveryKeyOfAFolder) {
  const auto task = Parse(R"(
  format: images
  images: /pics
  size: 8x8
  fit: stretch
  colors: gray
  background: 80FF00
  held_out_fraction: 0.25
  seed: 7
  classes: 3
  validation_count: 50
)");
  ASSERT_THAT(task, IsOk());
  EXPECT_EQ(task->dataset.classes, 3);
  EXPECT_EQ(*task->dataset.pictures,
            (PictureFolder{.path = "/pics",
                           .width = 8,
                           .height = 8,
                           .fit = PictureFit::kStretch,
                           .is_gray = true,
                           .background = Rgb{0x80, 0xff, 0},
                           .held_out = "",
                           .held_out_fraction_ppm = 250'000,
                           .seed = 7}));
  const auto held_out =
      Parse("{images: p, held_out: val, validation_count: 50}");
  ASSERT_THAT(held_out, IsOk());
  EXPECT_EQ(held_out->dataset.pictures->held_out, "val");
  EXPECT_EQ(held_out->dataset.pictures->width, 0);
}

TEST(ImportReaderTest, ReadsArrays) {
  const auto archive =
      Parse("{arrays: a.npz, channels: last, validation_count: 50}");
  ASSERT_THAT(archive, IsOk());
  EXPECT_EQ(archive->dataset.arrays->archive, "dir/a.npz");
  EXPECT_EQ(archive->dataset.arrays->channels, ArrayChannels::kLast);
  const auto files = Parse(
      "{format: numpy, train_images: x.npy, train_labels: y.npy, "
      "held_out_images: xt.npy, held_out_labels: yt.npy, validation_count: "
      "50}");
  ASSERT_THAT(files, IsOk());
  EXPECT_EQ(files->dataset.arrays->archive, "");
  EXPECT_EQ(files->dataset.arrays->train_labels, "dir/y.npy");
  EXPECT_EQ(files->dataset.arrays->held_out_images, "dir/xt.npy");
}

TEST(ImportReaderTest, ReadsCifar100) {
  const auto task = Parse(
      "{format: cifar100, train_batches: [b, /a], held_out_batches: [t], "
      "labels: coarse, classes: 20, validation_count: 50}");
  ASSERT_THAT(task, IsOk());
  EXPECT_EQ(task->dataset.format, "");
  EXPECT_EQ(task->dataset.classes, 20);
  EXPECT_EQ(*task->dataset.cifar100, (Cifar100Files{.train = {"dir/b", "/a"},
                                                    .held_out = {"dir/t"},
                                                    .is_coarse = true}));
  const auto fine = Parse(
      "{format: cifar100, train_batches: [b], held_out_count: 9, "
      "validation_count: 50}");
  ASSERT_THAT(fine, IsOk());
  EXPECT_EQ(*fine->dataset.cifar100,
            (Cifar100Files{.train = {"dir/b"}, .held_out = {}}));
  EXPECT_EQ(fine->dataset.held_out_count, 9);
}

// IDX files lie as the format has it, or are turned on this machine; CIFAR-10
// has one order.
TEST(ImportReaderTest, ReadsWhereChannelsAre) {
  const std::string idx =
      "format: idx, train_images: x, train_labels: y, held_out_count: 9, "
      "classes: 3, validation_count: 50";
  const auto plain = Parse("{" + idx + "}");
  ASSERT_THAT(plain, IsOk());
  EXPECT_FALSE(plain->dataset.is_channels_first);
  EXPECT_FALSE(plain->dataset.is_channels_last);
  const auto first = Parse("{" + idx + ", channels: first}");
  ASSERT_THAT(first, IsOk());
  EXPECT_TRUE(first->dataset.is_channels_first);
  EXPECT_FALSE(first->dataset.is_channels_last);
  const auto last = Parse("{" + idx + ", channels: last}");
  ASSERT_THAT(last, IsOk());
  EXPECT_FALSE(last->dataset.is_channels_first);
  EXPECT_TRUE(last->dataset.is_channels_last);
  EXPECT_THAT(Trouble("{" + idx + ", channels: middle}"),
              HasSubstr("dataset.channels is 'middle'; it must be first or "
                        "last"));
  EXPECT_THAT(Trouble("{format: cifar10, train_batches: [a], channels: last, "
                      "held_out_count: 9, classes: 3, validation_count: 50}"),
              HasSubstr("dataset.channels is 'last'; it must be 'first'"));
}

TEST(ImportReaderTest, SaysWhereAndWhatWouldBeRight) {
  const struct {
    const char* dataset;
    const char* trouble;
  } kCases[] = {
      {"{images: p, size: 32, validation_count: 5}",
       "dir/task.yaml:2:28: dataset.size is '32'; it must be WIDTHxHEIGHT"},
      {"{images: p, size: 0x8, validation_count: 5}", "dataset.size is '0x8'"},
      {"{images: p, size: 5000x8, validation_count: 5}", "is '5000x8'"},
      {"{images: p, size: 8x8x3, validation_count: 5}", "is '8x8x3'"},
      {"{images: p, fit: pad, validation_count: 5}",
       "dataset.fit is 'pad'; it must be crop or stretch"},
      {"{images: p, colors: grey, validation_count: 5}",
       "dataset.colors is 'grey'; did you mean 'gray'? it must be rgb or gray"},
      {"{images: p, background: red, validation_count: 5}",
       "dataset.background is 'red'; it must be black, white, or six"},
      {"{images: p, held_out: dev, validation_count: 5}",
       "dataset.held_out is 'dev'"},
      {"{images: p, held_out: val, held_out_count: 9, validation_count: 5}",
       "dataset.held_out_count is given beside dataset.held_out"},
      {"{images: p, held_out_fraction: 0.95, validation_count: 5}",
       "dataset.held_out_fraction is '0.95'"},
      {"{images: p, seed: 3, validation_count: 5}",
       "dataset.seed draws the held-out images, and there is no"},
      {"{images: p}", "dataset lacks the key 'validation_count'"},
      {"{format: images, validation_count: 5}",
       "dataset lacks the key 'images'"},
      {"{images: p, train_images: x, validation_count: 5}",
       "unknown key 'train_images' in dataset"},
      {"{arrays: a.npz, train_images: x, validation_count: 5}",
       "dataset.train_images is given beside dataset.arrays"},
      {"{format: numpy, train_images: x, train_labels: y, validation_count: 5}",
       "dataset has no held-out images"},
      {"{format: numpy, train_images: x, train_labels: y, held_out_labels: z, "
       "validation_count: 5}",
       "dataset lacks the key 'held_out_images'"},
      {"{format: numpy, train_images: x, train_labels: y, held_out_images: z, "
       "held_out_labels: z, held_out_count: 7, validation_count: 5}",
       "dataset.held_out_count is given beside dataset.held_out_images"},
      {"{arrays: a.npz, channels: middle, validation_count: 5}",
       "dataset.channels is 'middle'"},
      {"{format: pictures, validation_count: 5}",
       "it must be 'idx' or 'cifar10' or 'images' or 'numpy' or 'cifar100'"},
      {"{format: cifar100, train_batches: a, held_out_count: 5, "
       "validation_count: 5}",
       "dataset.train_batches is 'a'; it must be a list"},
      {"{format: cifar100, train_batches: [a], validation_count: 5}",
       "dataset has no held-out images; give held_out_batches, or"},
      {"{format: cifar100, train_batches: [a], held_out_batches: [b], "
       "held_out_count: 5, validation_count: 5}",
       "dataset.held_out_count is given beside dataset.held_out_batches"},
      {"{format: cifar100, train_batches: [a], held_out_count: 5, labels: "
       "course, validation_count: 5}",
       "dataset.labels is 'course'; did you mean 'coarse'? it must be fine or "
       "coarse"},
      {"{format: cifar100, train_batches: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, "
       "12, 13, 14, 15, 16, 17], held_out_count: 5, validation_count: 5}",
       "dataset.train_batches has 17 files; it may have 16"},
      {"{images: ~/p, validation_count: 5}", "begins with ~"},
  };
  for (const auto& [dataset, trouble] : kCases) {
    EXPECT_THAT(Trouble(dataset), HasSubstr(trouble));
  }
}

TEST(ImportReaderTest, AFolderIsNoFile) {
  const auto task = ParseTaskFile(
      absl::StrCat("name: one\ndataset: {images: p, validation_count: 5}",
                   kRest),
      "dir/task.yaml", NoTrouble, TroubleWithFolder);
  EXPECT_THAT(std::string(task.status().message()),
              HasSubstr("dir/task.yaml:2:19: dataset.images: there is no "
                        "folder 'dir/p'"));
  EXPECT_EQ(TroubleWithFolder("/"), "");
  EXPECT_THAT(TroubleWithFolder("/dev/null"), HasSubstr("is no folder"));
}

// Each line of the help names keys that there are.
TEST(ImportReaderTest, TheHelpNamesTheKeys) {
  const std::string help = DescribeImportedFormats();
  for (const std::string& key : ImportedKeys()) {
    if (key == "classes" || key == "validation_count" ||
        key == "held_out_count") {
      continue;
    }
    EXPECT_THAT(help, HasSubstr(key));
  }
}

}  // namespace
}  // namespace archpool
