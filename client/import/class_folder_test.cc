// SPDX-License-Identifier: Apache-2.0
// Folders as people have them, and the ways in which they are not as they
// should be.
#include "client/import/class_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ClassFolderTest : public ::testing::Test {
 protected:
  ClassFolderTest() { source_.path = directory_.path() + "/set"; }

  void Touch(const std::string& name) {
    const std::filesystem::path path =
        std::filesystem::path(source_.path) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << "x";
  }
  void TouchMany(const std::string& folder, int count) {
    for (int i = 0; i < count; ++i) {
      Touch(absl::StrCat(folder, "/", 1000 + i, ".png"));
    }
  }
  absl::StatusOr<ClassFolder> List() { return ListClassFolder(source_); }
  std::string Trouble() {
    const auto folder = List();
    EXPECT_THAT(folder, FailsWith("PICTURE_FOLDER"));
    return std::string(folder.status().message());
  }
  std::vector<std::string> NamesOf(const std::vector<ClassPicture>& pictures) {
    std::vector<std::string> names;
    for (const ClassPicture& picture : pictures) {
      names.push_back(absl::StrCat(
          picture.label, " ",
          std::filesystem::relative(picture.path, source_.path).string()));
    }
    return names;
  }

  const TemporaryDirectory directory_;
  PictureFolder source_;
};

TEST_F(ClassFolderTest, ListsClassesByName) {
  for (const char* name :
       {"dog/b.png", "cat/2.JPG", "cat/1.jpeg", "ant/x.png"}) {
    Touch(name);
  }
  const auto folder = List();
  ASSERT_THAT(folder, IsOk());
  EXPECT_THAT(folder->classes, ElementsAre("ant", "cat", "dog"));
  EXPECT_THAT(
      NamesOf(folder->train),
      ElementsAre("0 ant/x.png", "1 cat/1.jpeg", "1 cat/2.JPG", "2 dog/b.png"));
  EXPECT_THAT(folder->held_out, IsEmpty());
  EXPECT_THAT(folder->notes, IsEmpty());
}

TEST_F(ClassFolderTest, TakesTrainAndOneBesideIt) {
  for (const char* name : {"train/a/1.png", "train/b/1.png", "val/b/2.png"}) {
    Touch(name);
  }
  auto folder = List();
  ASSERT_THAT(folder, IsOk());
  EXPECT_THAT(NamesOf(folder->train),
              ElementsAre("0 train/a/1.png", "1 train/b/1.png"));
  EXPECT_THAT(NamesOf(folder->held_out), ElementsAre("1 val/b/2.png"));
  Touch("test/a/3.png");
  EXPECT_THAT(Trouble(), HasSubstr("holds test/ and val/"));
  source_.held_out = "test";
  folder = List();
  ASSERT_THAT(folder, IsOk());
  EXPECT_THAT(NamesOf(folder->held_out), ElementsAre("0 test/a/3.png"));
  ASSERT_EQ(folder->notes.size(), 1u);
  EXPECT_THAT(folder->notes[0], HasSubstr("val is left out: test/ is held"));
  source_.held_out = "validation";
  EXPECT_THAT(Trouble(), HasSubstr("has no folder validation/"));
  source_.held_out = "";
  Touch("other/a/3.png");
  EXPECT_THAT(Trouble(), HasSubstr("/other: lies beside train/"));
}

TEST_F(ClassFolderTest, TrainsMayBeAClass) {
  for (const char* name : {"bus/1.png", "train/1.png"}) Touch(name);
  const auto folder = List();
  ASSERT_THAT(folder, IsOk());
  EXPECT_THAT(folder->classes, ElementsAre("bus", "train"));
}

TEST_F(ClassFolderTest, LeavesOutWhatNobodyMeans) {
  for (const char* name :
       {"a/1.png", "a/.DS_Store", "a/Thumbs.db", "b/images/1.png",
        "b/boxes.txt", ".git/x.png", "__MACOSX/a/1.png", "README.md"}) {
    Touch(name);
  }
  const auto folder = List();
  ASSERT_THAT(folder, IsOk());
  EXPECT_THAT(NamesOf(folder->train),
              ElementsAre("0 a/1.png", "1 b/images/1.png"));
  ASSERT_EQ(folder->notes.size(), 2u);
  EXPECT_THAT(folder->notes[0], HasSubstr("4 files are left out (hidden"));
  EXPECT_THAT(folder->notes[1], HasSubstr("2 files are left out (no .png"));
  EXPECT_THAT(folder->notes[1], HasSubstr("README.md and so on"));
}

TEST_F(ClassFolderTest, RefusesWhatIsNotClear) {
  Touch("a/1.png");
  EXPECT_THAT(Trouble(), HasSubstr("holds 1 class (a); 2 to 256 are needed"));
  Touch("b/1.png");
  std::filesystem::create_directories(source_.path + "/c");
  EXPECT_THAT(Trouble(), HasSubstr("/c: is a class without pictures"));
  Touch("c/words.txt");
  EXPECT_THAT(Trouble(), HasSubstr("1 file is left out"));
  Touch("c/1.webp");
  EXPECT_THAT(Trouble(), HasSubstr("c/1.webp: is a picture by its name"));
  std::filesystem::remove_all(source_.path + "/c");
  Touch("B/1.png");
  EXPECT_THAT(Trouble(), HasSubstr("the classes B and b differ in case alone"));
  std::filesystem::remove_all(source_.path + "/B");
  Touch("c\xff/1.png");
  EXPECT_THAT(Trouble(),
              HasSubstr("c\\xff: the name of a class must be UTF-8"));
  std::filesystem::remove_all(source_.path + "/c\xff");
  Touch("stray.png");
  EXPECT_THAT(Trouble(), HasSubstr("stray.png: is a picture beside the"));
  std::filesystem::remove(source_.path + "/stray.png");
  EXPECT_THAT(List(), IsOk());
}

TEST_F(ClassFolderTest, WhatIsHeldOutMustBeTrainedOn) {
  for (const char* name : {"train/a/1.png", "train/b/1.png", "test/A/2.png"}) {
    Touch(name);
  }
  EXPECT_THAT(Trouble(),
              HasSubstr("/test/A: is a class that is not in train/"));
  EXPECT_THAT(Trouble(), HasSubstr("is it a, in another case?"));
  std::filesystem::remove_all(source_.path + "/test/A");
  EXPECT_THAT(Trouble(), HasSubstr("holds no folder of a class"));
  std::filesystem::remove_all(source_.path + "/train");
  Touch("test/a/1.png");
  EXPECT_THAT(Trouble(), HasSubstr("there is no train/"));
}

TEST_F(ClassFolderTest, FollowsLinksAndNoCircles) {
  Touch("a/1.png");
  Touch("../elsewhere/1.png");
  std::filesystem::create_directory_symlink(directory_.path() + "/elsewhere",
                                            source_.path + "/b");
  const auto folder = List();
  ASSERT_THAT(folder, IsOk());
  EXPECT_EQ(folder->train.size(), 2u);
  std::filesystem::create_directory_symlink(source_.path + "/a",
                                            source_.path + "/a/again");
  EXPECT_THAT(Trouble(), HasSubstr("/a/again: leads back to a folder"));
  std::filesystem::remove(source_.path + "/a/again");
  std::filesystem::create_symlink("nowhere", source_.path + "/a/2.png");
  EXPECT_THAT(Trouble(), HasSubstr("/a/2.png: is a link to nothing"));
  std::filesystem::remove(source_.path + "/a/2.png");
  ASSERT_EQ(mkfifo((source_.path + "/a/3.png").c_str(), 0600), 0);
  EXPECT_THAT(Trouble(), HasSubstr("/a/3.png: is neither a file nor a folder"));
}

TEST_F(ClassFolderTest, NamesAFolderThatCannotBeRead) {
  EXPECT_THAT(Trouble(), HasSubstr("/set: cannot be read: No such file"));
  Touch("a/1.png");
  Touch("b/1.png");
  if (geteuid() == 0) return;  // to whom nothing is closed
  ASSERT_EQ(chmod((source_.path + "/b").c_str(), 0), 0);
  EXPECT_THAT(Trouble(), HasSubstr("/b: cannot be read: Permission denied"));
  ASSERT_EQ(chmod((source_.path + "/b").c_str(), 0700), 0);
}

TEST_F(ClassFolderTest, DrawsTheSameOfEachClass) {
  TouchMany("a", 20);
  TouchMany("b", 10);
  TouchMany("c", 2);
  source_.held_out_fraction_ppm = 200'000;
  source_.seed = 7;
  const auto folder = List();
  ASSERT_THAT(folder, IsOk());
  int64_t counts[3] = {};
  for (const ClassPicture& picture : folder->held_out) ++counts[picture.label];
  EXPECT_THAT(counts, ElementsAre(4, 2, 1));
  EXPECT_EQ(folder->train.size(), 25u);
  std::set<std::string> all;
  for (const auto* side : {&folder->train, &folder->held_out}) {
    for (const ClassPicture& picture : *side) all.insert(picture.path);
  }
  EXPECT_EQ(all.size(), 32u) << "each is on one side";
  const std::vector<std::string> drawn = NamesOf(folder->held_out);
  source_.seed = 8;
  EXPECT_NE(NamesOf(List()->held_out), drawn);
  // The same wherever the folder lies, and however it is written.
  source_.seed = 7;
  std::filesystem::rename(source_.path, directory_.path() + "/moved");
  source_.path = directory_.path() + "/moved/";
  EXPECT_EQ(NamesOf(List()->held_out), drawn);
  Touch("d/1.png");
  EXPECT_THAT(Trouble(), HasSubstr("the class d has one picture"));
}

TEST_F(ClassFolderTest, DrawsNothingBesideWhatIsHeldOut) {
  for (const char* name : {"train/a/1.png", "train/b/1.png", "val/b/2.png"}) {
    Touch(name);
  }
  source_.held_out_fraction_ppm = 200'000;
  EXPECT_THAT(Trouble(), HasSubstr("leave dataset.held_out_fraction out"));
}

}  // namespace
}  // namespace archpool
