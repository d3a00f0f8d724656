// SPDX-License-Identifier: Apache-2.0
#include "common/channel/blob_cache.h"

#include <filesystem>
#include <fstream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

constexpr int64_t kPlenty = 1 << 20;

// Serves `blob` and remembers from where; breaks off after `bytes_max`.
class Source {
 public:
  explicit Source(std::string blob) : blob_(std::move(blob)) {}

  BlobReader Reader(size_t bytes_max = SIZE_MAX) {
    return [this, bytes_max](int64_t offset_bytes, const BlobSink& sink) {
      offsets.push_back(offset_bytes);
      const absl::string_view rest =
          absl::string_view(blob_).substr(static_cast<size_t>(offset_bytes));
      const absl::Status status =
          sink(rest.substr(0, bytes_max), static_cast<int64_t>(blob_.size()));
      if (!status.ok() || rest.size() <= bytes_max) return status;
      return Unavailable("SERVER_UNREACHABLE", "the line was cut");
    };
  }

  std::vector<int64_t> offsets;

 private:
  std::string blob_;
};

class BlobCacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "blob-cache-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string directory_;
  std::string blob_ = std::string(1000, 'b');
  Digest digest_ = Sha256(blob_);
};

TEST_F(BlobCacheTest, FetchesOnce) {
  Source source(blob_);
  BlobCache cache(directory_, kPlenty);
  ASSERT_EQ(cache.Get(digest_, kPlenty, source.Reader()).value(), blob_);
  BlobCache next_start(directory_, kPlenty);
  ASSERT_EQ(next_start.Get(digest_, kPlenty, source.Reader()).value(), blob_);
  EXPECT_EQ(source.offsets, (std::vector<int64_t>{0}));
}

TEST_F(BlobCacheTest, GoesOnWhereTheLineWasCut) {
  Source source(blob_);
  BlobCache cache(directory_, kPlenty);
  EXPECT_TRUE(absl::IsUnavailable(
      cache.Get(digest_, kPlenty, source.Reader(400)).status()));
  EXPECT_EQ(cache.Get(digest_, kPlenty, source.Reader()).value(), blob_);
  EXPECT_EQ(source.offsets, (std::vector<int64_t>{0, 400}));
}

TEST_F(BlobCacheTest, RefusesOtherBytesAndForgetsThem) {
  Source wrong(std::string(1000, 'x'));
  Source right(blob_);
  BlobCache cache(directory_, kPlenty);
  EXPECT_EQ(GetReason(cache.Get(digest_, kPlenty, wrong.Reader()).status()),
            "BLOB_DIGEST_MISMATCH");
  EXPECT_EQ(cache.Get(digest_, kPlenty, right.Reader()).value(), blob_);
  EXPECT_EQ(right.offsets, (std::vector<int64_t>{0}));
}

TEST_F(BlobCacheTest, RefusesMoreThanWasExpected) {
  Source source(blob_);
  BlobCache cache(directory_, kPlenty);
  EXPECT_EQ(GetReason(cache.Get(digest_, 999, source.Reader()).status()),
            "BLOB_TOO_LARGE");
}

TEST_F(BlobCacheTest, FetchesAgainWhatTheDiskSpoilt) {
  Source source(blob_);
  BlobCache cache(directory_, kPlenty);
  ASSERT_TRUE(cache.Get(digest_, kPlenty, source.Reader()).ok());
  std::ofstream(absl::StrCat(directory_, "/", digest_.ToString())) << "rot";
  EXPECT_EQ(cache.Get(digest_, kPlenty, source.Reader()).value(), blob_);
  EXPECT_EQ(source.offsets.size(), 2u);
}

TEST_F(BlobCacheTest, RemovesWhatWasUsedLongestAgo) {
  BlobCache cache(directory_, 2'500);
  std::vector<Source> sources;
  std::vector<Digest> digests;
  for (const char letter : {'p', 'q', 'r'}) {
    sources.emplace_back(std::string(1000, letter));
    digests.push_back(Sha256(std::string(1000, letter)));
  }
  const auto set_age = [&](size_t i, int age_s) {
    std::filesystem::last_write_time(
        absl::StrCat(directory_, "/", digests[i].ToString()),
        std::filesystem::file_time_type::clock::now() -
            std::chrono::seconds(age_s));
  };
  ASSERT_TRUE(cache.Get(digests[0], kPlenty, sources[0].Reader()).ok());
  set_age(0, 10);
  ASSERT_TRUE(cache.Get(digests[1], kPlenty, sources[1].Reader()).ok());
  set_age(1, 20);
  ASSERT_TRUE(cache.Get(digests[2], kPlenty, sources[2].Reader()).ok());
  ASSERT_TRUE(cache.Get(digests[0], kPlenty, sources[0].Reader()).ok());
  EXPECT_EQ(sources[0].offsets.size(), 1u);
  ASSERT_TRUE(cache.Get(digests[1], kPlenty, sources[1].Reader()).ok());
  EXPECT_EQ(sources[1].offsets.size(), 2u);
}

TEST_F(BlobCacheTest, RemovesNothingOfOthers) {
  const std::string precious = directory_ + "-precious";
  std::filesystem::create_directories(directory_);
  const std::string mine(70, 'm');
  std::ofstream(absl::StrCat(directory_, "/", mine)) << std::string(5'000, 'm');
  std::ofstream(precious) << std::string(5'000, 'm');
  const std::string link =
      absl::StrCat(directory_, "/", Sha256("link").ToString());
  std::filesystem::create_symlink(precious, link);
  Source source(blob_);
  ASSERT_TRUE(
      BlobCache(directory_, 1).Get(digest_, kPlenty, source.Reader()).ok());
  EXPECT_TRUE(std::filesystem::exists(absl::StrCat(directory_, "/", mine)));
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_TRUE(std::filesystem::exists(precious));
  std::filesystem::remove(precious);
}

}  // namespace
}  // namespace archpool
