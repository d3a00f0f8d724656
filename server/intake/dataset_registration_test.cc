// SPDX-License-Identifier: Apache-2.0
#include "server/intake/dataset_registration.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/data/dataset.h"
#include "common/data/split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/gzip_writer.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;

constexpr size_t kPixels = 3 * 32 * 32;

// `count` images in the format of CIFAR-10, all pixels of each the same.
std::string Batch(int count, int first_pixel) {
  std::string batch;
  for (int i = 0; i < count; ++i) {
    batch.push_back(static_cast<char>(i % 10));
    batch.append(kPixels, static_cast<char>(first_pixel + i));
  }
  return batch;
}

// A format whose keys list files: IDX's keys name one each.
class DatasetRegistrationTest : public ::testing::Test {
 protected:
  DatasetRegistrationTest() : blobs_(*BlobStore::Open(directory_.path())) {}

  std::vector<Digest> Put(const std::vector<std::string>& files) {
    std::vector<Digest> digests;
    for (const std::string& bytes : files) {
      digests.push_back(*blobs_.Put(bytes));
    }
    return digests;
  }
  absl::StatusOr<RegisterDataset> Prepare(std::vector<Digest> train,
                                          std::vector<Digest> held_out) {
    DatasetRequest request{.format = FindDatasetFormat("cifar10"),
                           .files = {{"train_batches", std::move(train)}},
                           .classes = 10,
                           .validation_count = 10,
                           .held_out_count = held_out.empty() ? 5 : 0};
    if (!held_out.empty()) {
      request.files["held_out_batches"] = std::move(held_out);
    }
    return PrepareDataset(blobs_, request, AccountId{7}, Sha256("secret"),
                          may_store_, held_);
  }

  const TemporaryDirectory directory_;
  const BlobStore blobs_;
  MayStore may_store_;
  std::vector<BlobHold> held_;
};

TEST_F(DatasetRegistrationTest, CutsTheImagesOfAllFiles) {
  const std::vector<Digest> train = Put({Batch(20, 0), Batch(30, 100)});
  const auto drawn = Prepare(train, {});
  ASSERT_THAT(drawn, IsOk());
  EXPECT_EQ(drawn->manifest.shape, (TensorShape{3, 32, 32}));
  EXPECT_EQ(drawn->manifest.train_count, 35);
  EXPECT_EQ(drawn->manifest.validation_count, 10);
  EXPECT_EQ(drawn->manifest.held_out_count, 5);
  const auto own = Prepare(train, Put({Batch(7, 200), Batch(1, 250)}));
  ASSERT_THAT(own, IsOk());
  EXPECT_EQ(own->manifest.train_count, 40);
  EXPECT_EQ(own->manifest.held_out_count, 8);
  const auto blob = blobs_.ReadAll(own->held_out, 1 << 20);
  ASSERT_THAT(blob, IsOk());
  const auto held_out = DecodeDataset(*blob);
  ASSERT_THAT(held_out, IsOk());
  EXPECT_EQ(held_out->images.front(), 200);
  EXPECT_EQ(held_out->images.back(), 250);
}

// An equal request makes an equal dataset; the order of the files is part of
// it.
TEST_F(DatasetRegistrationTest, TheOrderOfTheFilesMatters) {
  const std::vector<Digest> train = Put({Batch(20, 0), Batch(30, 100)});
  const auto first = Prepare(train, {});
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(Prepare(train, {})->manifest, first->manifest);
  const auto turned = Prepare({train[1], train[0]}, {});
  ASSERT_THAT(turned, IsOk());
  EXPECT_NE(turned->manifest, first->manifest);
}

// By its key and its files anybody makes the same splits, which a client does
// to train a network again.
TEST_F(DatasetRegistrationTest, TheSplitKeyMakesTheSplits) {
  const std::vector<Digest> train = Put({Batch(20, 0), Batch(30, 100)});
  const auto made = Prepare(train, {});
  ASSERT_THAT(made, IsOk());
  ASSERT_TRUE(made->split_key.has_value());
  const auto read = [&](const Digest& blob) {
    return *DecodeDataset(*blobs_.ReadAll(blob, 1 << 20));
  };
  // All images, in the order of the files.
  const auto whole = ReadDatasetFiles(
      *FindDatasetFormat("cifar10"), DatasetDigests{{"train_batches", train}},
      /*is_held_out=*/false, 10,
      [&](const FormatKey&, size_t, const Digest& digest) {
        return absl::StatusOr<DatasetFile>(DatasetFile{
            .name = "batch", .bytes = *blobs_.ReadAll(digest, 1 << 20)});
      });
  ASSERT_THAT(whole, IsOk());
  const auto split =
      SplitDataset(*whole, std::nullopt, 10, 5, *made->split_key);
  ASSERT_THAT(split, IsOk());
  EXPECT_EQ(split->manifest, made->manifest);
  EXPECT_EQ(split->held_out, read(made->held_out));
}

// Until the command is committed nothing names the splits, and they stay.
TEST_F(DatasetRegistrationTest, HoldsWhatItNames) {
  const std::vector<Digest> train = Put({Batch(20, 0), Batch(30, 100)});
  const auto made = Prepare(train, {});
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(made->files, train);
  const auto remove = [&](const Digest& blob) {
    return blobs_
        .Remove(blob, absl::InfiniteFuture(),
                []() -> absl::StatusOr<bool> { return false; })
        ->is_gone;
  };
  for (const Digest& blob : {train[0], train[1], made->manifest.train,
                             made->manifest.validation, made->held_out}) {
    EXPECT_FALSE(remove(blob));
  }
  held_.clear();
  EXPECT_TRUE(remove(train[0]));
  EXPECT_TRUE(remove(made->held_out));
}

// What a client may not store is not written, and what is there costs nothing.
TEST_F(DatasetRegistrationTest, AsksBeforeItWrites) {
  const std::vector<Digest> train = Put({Batch(20, 0), Batch(30, 100)});
  std::vector<int64_t> asked;
  may_store_ = [&](int64_t bytes) {
    asked.push_back(bytes);
    return ResourceExhausted("STORAGE_QUOTA", "no");
  };
  EXPECT_THAT(Prepare(train, {}), FailsWith("STORAGE_QUOTA"));
  EXPECT_THAT(asked, testing::ElementsAre(3 * kFileBytesMin))
      << "the least that a file counts, for each";
  may_store_ = nullptr;
  const auto made = Prepare(train, {});
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(made->split_bytes, 3 * kFileBytesMin);
  may_store_ = [&](int64_t) {
    return ResourceExhausted("STORAGE_QUOTA", "no");
  };
  EXPECT_THAT(Prepare(train, {}), IsOk());
}

TEST_F(DatasetRegistrationTest, NamesTheFileThatIsWrong) {
  const std::vector<Digest> good = Put({Batch(20, 0)});
  const absl::Status cut =
      Prepare({good[0], Put({Batch(2, 0).substr(1)})[0]}, {}).status();
  EXPECT_THAT(cut, FailsWith("CIFAR10_MALFORMED"));
  EXPECT_THAT(std::string(cut.message()), HasSubstr("train batches 2: has"));
  EXPECT_THAT(Prepare({good[0], good[0]}, {}), FailsWith("CIFAR10_MALFORMED"));
  EXPECT_THAT(Prepare({Sha256("never sent")}, {}), FailsWith("BLOB_UNKNOWN"));
  const absl::Status empty = Prepare(good, Put({""})).status();
  EXPECT_THAT(empty, FailsWith("CIFAR10_MALFORMED"));
  EXPECT_THAT(std::string(empty.message()),
              HasSubstr("held-out batches 1: is empty"));
}

// A client that is not ours may not have looked.
TEST_F(DatasetRegistrationTest, OneFileIsNotTwo) {
  const std::string batch = Batch(20, 0);
  const std::vector<Digest> train = Put({Batch(30, 100), batch});
  for (const std::string& again : {batch, Gzip(batch)}) {
    const absl::Status status = Prepare(train, Put({again})).status();
    EXPECT_THAT(status, FailsWith("FILE_REPEATED"));
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("held-out batches 1 holds what train batches 2"));
  }
  EXPECT_THAT(Prepare(Put({batch, Gzip(batch)}), {}),
              FailsWith("FILE_REPEATED"));
}

}  // namespace
}  // namespace archpool
