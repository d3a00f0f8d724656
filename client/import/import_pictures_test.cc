// SPDX-License-Identifier: Apache-2.0
// Folders of pictures made into IDX files, and nothing left behind.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "client/import/imported.h"
#include "client/import/imported_test_util.h"
#include "client/import/resize.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/picture_writer.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ImportPicturesTest : public ::testing::Test {
 protected:
  ImportPicturesTest() { source_.path = directory_.path(); }

  void Write(const std::string& name, const std::string& bytes) {
    const std::filesystem::path path =
        std::filesystem::path(directory_.path()) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
  }
  absl::StatusOr<ImportedDataset> Import() {
    return ImportPictures(source_, options_);
  }
  std::string Trouble() { return std::string(Import().status().message()); }

  const TemporaryDirectory directory_;
  PictureFolder source_;
  ImportOptions options_;
};

// [height, width, channels] as [channels, height, width].
std::vector<uint8_t> Planes(const Picture& picture) {
  std::vector<uint8_t> planes;
  for (int64_t c = 0; c < picture.channels; ++c) {
    for (size_t i = static_cast<size_t>(c); i < picture.pixels.size();
         i += static_cast<size_t>(picture.channels)) {
      planes.push_back(picture.pixels[i]);
    }
  }
  return planes;
}

TEST_F(ImportPicturesTest, KeepsPicturesOfOneSize) {
  const Picture cat = SamplePicture(4, 3, 3, 1);
  const Picture dog = SamplePicture(4, 3, 3, 2);
  Write("train/cat/a.png", WritePng(cat));
  Write("train/dog/a.png", WritePng(dog));
  Write("test/dog/b.png", WritePng(cat));
  const auto imported = Import();
  ASSERT_THAT(imported, IsOk());
  EXPECT_THAT(imported->class_names, ElementsAre("cat", "dog"));
  EXPECT_THAT(imported->notes, IsEmpty());
  const Dataset train = LoadSide(*imported);
  EXPECT_EQ(train.shape, (TensorShape{.channels = 3, .height = 3, .width = 4}));
  EXPECT_THAT(train.labels, ElementsAre(0, 1));
  std::vector<uint8_t> wanted = Planes(cat);
  const std::vector<uint8_t> second = Planes(dog);
  wanted.insert(wanted.end(), second.begin(), second.end());
  EXPECT_EQ(train.images, wanted);
  const Dataset held_out = LoadSide(*imported, "held_out");
  EXPECT_THAT(held_out.labels, ElementsAre(1));
  EXPECT_EQ(held_out.images, Planes(cat));
  const std::string path = imported->files.at("train_images").front();
  EXPECT_EQ(imported->names.at(path),
            directory_.path() + " (images to train on)");
}

TEST_F(ImportPicturesTest, MakesOneSizeOfMany) {
  const Picture wide = SamplePicture(40, 20, 3, 1);
  Write("a/1.png", WritePng(wide));
  Write("b/1.png", WritePng(SamplePicture(3, 3, 3)));
  EXPECT_THAT(Import(), FailsWith("PICTURE_SIZES"));
  EXPECT_THAT(Trouble(), HasSubstr("/b/1.png: has 3x3 pixels, and "));
  EXPECT_THAT(Trouble(),
              HasSubstr("/a/1.png has 40x20; state what all become"));
  source_.width = 8;
  source_.height = 8;
  const auto imported = Import();
  ASSERT_THAT(imported, IsOk());
  EXPECT_THAT(imported->notes,
              ElementsAre(HasSubstr("1 of 2 pictures were smaller than")));
  const Dataset train = LoadSide(*imported);
  const Picture middle =
      Resize(wide, {.left = 10, .top = 0, .width = 20, .height = 20}, 8, 8);
  const std::vector<uint8_t> first(train.images.begin(),
                                   train.images.begin() + 3 * 64);
  EXPECT_EQ(first, Planes(middle));
  source_.fit = PictureFit::kStretch;
  const auto stretched = Import();
  ASSERT_THAT(stretched, IsOk());
  EXPECT_NE(LoadSide(*stretched).images, train.images);
}

// Whoever brings the same folder again brings the same bytes.
TEST_F(ImportPicturesTest, IsTheSameByAnyNumberOfThreads) {
  for (int i = 0; i < 60; ++i) {
    Write(absl::StrCat(i % 3, "/", i, i % 2 == 0 ? ".png" : ".jpg"),
          i % 2 == 0 ? WritePng(SamplePicture(20 + i, 30, 3, i))
                     : WriteJpeg(SamplePicture(30, 20 + i, 3, i)));
  }
  source_.width = 16;
  source_.height = 12;
  int64_t told = 0;
  options_.progress = [&told](int64_t done, int64_t whole) {
    EXPECT_EQ(whole, 60);
    told = std::max(told, done);
  };
  options_.threads = 1;
  const auto one = Import();
  ASSERT_THAT(one, IsOk());
  EXPECT_EQ(told, 60);
  options_.threads = 7;
  const auto seven = Import();
  ASSERT_THAT(seven, IsOk());
  EXPECT_EQ(LoadSide(*one), LoadSide(*seven));
}

TEST_F(ImportPicturesTest, NamesTheFirstThatIsBroken) {
  for (int i = 100; i < 200; ++i) {
    Write(absl::StrCat(i % 2, "/", i, ".png"),
          WritePng(SamplePicture(9, 9, 3)));
  }
  Write("0/150.png", "no picture");
  Write("1/121.png", "no picture");
  options_.threads = 8;
  for (int round = 0; round < 20; ++round) {
    ASSERT_THAT(Import(), FailsWith("PICTURE_MALFORMED"));
    ASSERT_THAT(Trouble(), HasSubstr("/0/150.png: is neither PNG nor JPEG"));
  }
}

TEST_F(ImportPicturesTest, SaysWhatWasDone) {
  Write("a/1.png", WritePng(SamplePicture(8, 8, 1)));
  Write("b/1.jpg", WriteJpeg(SamplePicture(8, 8, 1), {.orientation = 6}));
  const auto colour = Import();
  ASSERT_THAT(colour, IsOk());
  EXPECT_THAT(colour->notes, Contains(HasSubstr("2 of 2 pictures have no "
                                                "colour")));
  EXPECT_THAT(colour->notes,
              Contains(HasSubstr("1 of 2 pictures were turned")));
  source_.is_gray = true;
  const auto gray = Import();
  ASSERT_THAT(gray, IsOk());
  EXPECT_EQ(LoadSide(*gray).shape.channels, 1);
  EXPECT_THAT(gray->notes, ElementsAre(HasSubstr("were turned as EXIF says")));
}

TEST_F(ImportPicturesTest, RefusesWhatNobodyCanSee) {
  Write("a/1.png", WritePng(SamplePicture(8, 8, 4)));
  Write("b/1.png", WritePng(SamplePicture(8, 8, 3)));
  EXPECT_THAT(Import(), FailsWith("PICTURE_TRANSPARENT"));
  EXPECT_THAT(Trouble(), HasSubstr("/a/1.png: has transparent pixels"));
  source_.background = Rgb{255, 255, 255};
  EXPECT_THAT(Import(), IsOk());
}

TEST_F(ImportPicturesTest, BoundsWhatIsMade) {
  for (const char* name : {"a/1.png", "b/1.png"}) {
    Write(name, WritePng(SamplePicture(10, 10, 3)));
  }
  options_.file_bytes_max = 20 + 600;
  EXPECT_THAT(Import(), IsOk());
  options_.file_bytes_max = 20 + 599;
  EXPECT_THAT(Import(), FailsWith("DATASET_TOO_LARGE"));
  EXPECT_THAT(Trouble(), HasSubstr("2 pictures of 3x10x10 are 600 bytes"));
}

TEST_F(ImportPicturesTest, StopsWhenAsked) {
  for (const char* name : {"a/1.png", "b/1.png"}) {
    Write(name, WritePng(SamplePicture(10, 10, 3)));
  }
  std::stop_source stop;
  stop.request_stop();
  options_.stop = stop.get_token();
  EXPECT_THAT(Import(), FailsWith("STOPPED"));
}

// A process that is killed leaves nothing, because there is no name to leave.
TEST_F(ImportPicturesTest, LeavesNothingBehind) {
  Write("pictures/a/1.png", WritePng(SamplePicture(8, 8, 3)));
  Write("pictures/b/1.png", WritePng(SamplePicture(8, 8, 3)));
  source_.path += "/pictures";
  const std::string old = std::filesystem::temp_directory_path().string();
  const std::string made = directory_.path() + "/made";
  std::filesystem::create_directory(made);
  setenv("TMPDIR", made.c_str(), 1);
  std::string path;
  {
    const auto imported = Import();
    ASSERT_THAT(imported, IsOk());
    path = imported->files.at("train_images").front();
    EXPECT_TRUE(std::filesystem::exists(path));
    EXPECT_TRUE(std::filesystem::is_empty(made));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  std::filesystem::remove(made);
  EXPECT_THAT(Import(), FailsWith("FILE_UNWRITABLE"));
  setenv("TMPDIR", old.c_str(), 1);
}

}  // namespace
}  // namespace archpool
