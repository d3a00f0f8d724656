// SPDX-License-Identifier: Apache-2.0
// CIFAR-100's binary version, and files that are not of it.
#include <fstream>

#include "absl/strings/str_cat.h"
#include "client/import/imported.h"
#include "client/import/imported_test_util.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/gzip_writer.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr size_t kCifarPlane = 32 * 32;

// One image: a colour of one letter each.
std::string Cifar100Record(int coarse, int fine, char red = 'r') {
  std::string record;
  record += static_cast<char>(coarse);
  record += static_cast<char>(fine);
  for (const char colour : {red, 'g', 'b'}) record.append(kCifarPlane, colour);
  return record;
}

class ImportCifar100Test : public ::testing::Test {
 protected:
  ImportCifar100Test() { source_.train = {Path("train.bin")}; }

  std::string Path(const std::string& name) {
    return directory_.path() + "/" + name;
  }
  void Write(const std::string& name, const std::string& bytes) {
    std::ofstream(Path(name), std::ios::binary) << bytes;
  }
  absl::StatusOr<ImportedDataset> Import() {
    return ImportCifar100(source_, options_);
  }
  // Of train.bin with these bytes.
  std::string TroubleWith(const std::string& bytes) {
    Write("train.bin", bytes);
    const auto imported = Import();
    EXPECT_THAT(imported, FailsWith("CIFAR100_MALFORMED"));
    return std::string(imported.status().message());
  }

  const TemporaryDirectory directory_;
  Cifar100Files source_;
  ImportOptions options_;
};

TEST_F(ImportCifar100Test, ReadsFineLabelsAndCoarseOnes) {
  Write("train.bin", Cifar100Record(19, 99) + Cifar100Record(0, 7, 'x'));
  const auto fine = Import();
  ASSERT_THAT(fine, IsOk());
  EXPECT_EQ(fine->classes, 100);
  EXPECT_THAT(fine->notes, ElementsAre(HasSubstr("fine ones, of 100 classes")));
  const Dataset train = LoadSide(*fine);
  EXPECT_EQ(train.shape,
            (TensorShape{.channels = 3, .height = 32, .width = 32}));
  EXPECT_THAT(train.labels, ElementsAre(99, 7));
  ASSERT_EQ(train.images.size(), 2 * 3 * kCifarPlane);
  EXPECT_EQ(train.images[0], 'r');
  EXPECT_EQ(train.images[3 * kCifarPlane - 1], 'b');
  EXPECT_EQ(train.images[3 * kCifarPlane], 'x');
  EXPECT_EQ(train.images[4 * kCifarPlane], 'g');
  source_.is_coarse = true;
  const auto coarse = Import();
  ASSERT_THAT(coarse, IsOk());
  EXPECT_EQ(coarse->classes, 20);
  EXPECT_THAT(LoadSide(*coarse).labels, ElementsAre(19, 0));
  EXPECT_EQ(LoadSide(*coarse).images, train.images);
}

// More records than are read at once, from several files, gzip or not.
TEST_F(ImportCifar100Test, JoinsFiles) {
  std::string first;
  std::string second;
  for (int i = 0; i < 130; ++i) {
    const std::string record =
        Cifar100Record(i % 20, i % 100, static_cast<char>(i));
    (i < 129 ? first : second) += record;
  }
  Write("train.bin", first);
  Write("more.bin.gz", Gzip(second));
  Write("test.bin", Cifar100Record(1, 2));
  source_.train.push_back(Path("more.bin.gz"));
  source_.held_out = {Path("test.bin")};
  const auto imported = Import();
  ASSERT_THAT(imported, IsOk());
  const Dataset train = LoadSide(*imported);
  ASSERT_EQ(train.count(), 130);
  for (size_t i = 0; i < 130; ++i) {
    EXPECT_EQ(train.labels[i], i % 100);
    EXPECT_EQ(train.images[i * 3 * kCifarPlane], i);
    EXPECT_EQ(train.images[i * 3 * kCifarPlane + kCifarPlane], 'g');
  }
  EXPECT_THAT(LoadSide(*imported, "held_out").labels, ElementsAre(2));
  EXPECT_THAT(imported->names.at(imported->files.at("train_images").front()),
              HasSubstr("train.bin and 1 more"));
}

TEST_F(ImportCifar100Test, SaysWhatAFileIsInstead) {
  const std::string good = Cifar100Record(1, 2);
  EXPECT_THAT(TroubleWith(""), HasSubstr("train.bin: is empty"));
  EXPECT_THAT(TroubleWith(Gzip("")), HasSubstr("train.bin: is empty"));
  EXPECT_THAT(
      TroubleWith(good + good.substr(0, 3000)),
      HasSubstr("has 6074 bytes, 3000 more than whole records of 3074"));
  EXPECT_THAT(TroubleWith(good.substr(0, 1)), HasSubstr("it is cut off"));
  EXPECT_THAT(TroubleWith(good.substr(1)),
              HasSubstr("of CIFAR-10, which has one label a record: write "
                        "'format: cifar10'"));
  EXPECT_THAT(TroubleWith("\x80\x03"), HasSubstr("is a pickle"));
  std::string tar(1024, '\0');
  tar.replace(0, 20, "cifar-100-binary/a/b");
  tar.replace(257, 5, "ustar");
  EXPECT_THAT(TroubleWith(Gzip(tar)), HasSubstr("is a tar archive"));
  EXPECT_THAT(TroubleWith("<html>"), HasSubstr("is a web page"));
  EXPECT_THAT(TroubleWith(Gzip(Gzip(good))), HasSubstr("gzip inside of gzip"));
  EXPECT_THAT(TroubleWith(good + Cifar100Record(20, 2)),
              HasSubstr("record 1, at byte 3074, has the coarse label 20; it "
                        "must be 0 to 19"));
  EXPECT_THAT(TroubleWith(good + good + Cifar100Record(3, 100)),
              HasSubstr("record 2, at byte 6148, has the fine label 100; it "
                        "must be 0 to 99"));
  Write("train.bin", Gzip(good).substr(0, 30));
  EXPECT_THAT(Import(), FailsWith("GZIP_MALFORMED"));
  source_.train = {Path("nothing.bin")};
  EXPECT_THAT(Import(), FailsWith("FILE_NOT_FOUND"));
}

// What is trained on measures nothing, however it is wrapped.
TEST_F(ImportCifar100Test, RefusesAFileTwice) {
  const std::string good = Cifar100Record(1, 2);
  Write("train.bin", good);
  Write("test.bin", Gzip(good));
  source_.held_out = {Path("test.bin")};
  EXPECT_THAT(Import(), FailsWith("FILE_REPEATED"));
  source_.held_out = {};
  source_.train.push_back(Path("train.bin"));
  EXPECT_THAT(Import(), FailsWith("FILE_REPEATED"));
}

TEST_F(ImportCifar100Test, BoundsWhatIsMadeAndStopsWhenAsked) {
  std::string all;
  for (int i = 0; i < 100; ++i) all += Cifar100Record(1, i);
  Write("train.bin", Gzip(all));
  options_.file_bytes_max = 20 + 100 * 3 * 32 * 32;
  EXPECT_THAT(Import(), IsOk());
  --options_.file_bytes_max;
  EXPECT_THAT(Import(), FailsWith("DATASET_TOO_LARGE"));
  std::stop_source stop;
  stop.request_stop();
  options_.stop = stop.get_token();
  EXPECT_THAT(Import(), FailsWith("STOPPED"));
}

}  // namespace
}  // namespace archpool
