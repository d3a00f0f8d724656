// SPDX-License-Identifier: Apache-2.0
// What a backup says of itself is read back whole, or refused.
#include "server/backup/manifest.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

BackupManifest Sample() {
  return {.id = "000007-20261128T010203Z",
          .program_version = "0.2.0",
          .snapshot_time = absl::FromUnixMicros(1'700'000'000'123'456),
          .end_time = absl::FromUnixMicros(1'700'000'060'000'001),
          .schema_version = 27,
          .postgres_major = 15,
          .schema = "public",
          .secret_fingerprint = Sha256("secret"),
          .files = {{"database.dump", 12, Sha256("dump")},
                    {"data/payouts/a.json", 0, Sha256("")}},
          .blob_count = 3,
          .blob_bytes = int64_t{1} << 40,
          .lost_blobs = {Sha256("lost")}};
}

// With a sum of its own.
std::string Signed(const std::string& body) {
  return absl::StrCat(body, "sha256 ", Sha256(body).ToString(), "\n");
}

std::string BodyOf(const BackupManifest& manifest) {
  const std::string text = EncodeManifest(manifest);
  return text.substr(0, text.rfind("sha256 "));
}

TEST(ManifestTest, IsReadBackAsItWas) {
  for (BackupManifest manifest : {Sample(), BackupManifest{.id = "1"}}) {
    const auto read = ParseManifest(EncodeManifest(manifest), "m");
    ASSERT_THAT(read, IsOk());
    EXPECT_EQ(*read, manifest);
  }
}

// A power cut, a bad disk or a careless hand: whatever is gone or changed.
TEST(ManifestTest, EveryCutAndEveryChangedByteIsNoticed) {
  const std::string text = EncodeManifest(Sample());
  for (size_t size = 0; size < text.size(); ++size) {
    EXPECT_THAT(ParseManifest(text.substr(0, size), "m"),
                FailsWith("BACKUP_DAMAGED"))
        << size;
  }
  for (size_t at = 0; at < text.size(); ++at) {
    std::string changed = text;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_FALSE(ParseManifest(changed, "m").ok()) << at;
  }
}

TEST(ManifestTest, NamesTheFileThatIsDamaged) {
  EXPECT_THAT(std::string(ParseManifest("", "/b/manifest").status().message()),
              testing::HasSubstr("/b/manifest"));
}

TEST(ManifestTest, ALaterProgramsIsLeftToIt) {
  const std::string body = absl::StrReplaceAll(
      BodyOf(Sample()), {{"\"format\": 1", "\"format\": 2"}});
  EXPECT_THAT(ParseManifest(Signed(body), "m"), FailsWith("BACKUP_TOO_NEW"));
}

// A folder of backups may come from anywhere.
TEST(ManifestTest, NoPathLeadsOutOfTheBackup) {
  for (const char* path : {"../pool-secret", "/etc/passwd", "a//b", "a/../../b",
                           "", "./a", "data/..", "data/a.json\\u0000"}) {
    const std::string body =
        absl::StrReplaceAll(BodyOf(Sample()), {{"data/payouts/a.json", path}});
    EXPECT_THAT(ParseManifest(Signed(body), "m"), FailsWith("BACKUP_DAMAGED"))
        << path;
  }
}

TEST(ManifestTest, WhatIsMissingOrOfAnotherTypeIsNoticed) {
  for (const auto& [from, to] :
       std::vector<std::pair<std::string, std::string>>{
           {"\"blob_count\": 3", "\"blob_count\": \"3\""},
           {"\"schema\": \"public\"", "\"other\": \"public\""},
           {"\"size_bytes\": 12", "\"size_bytes\": -12"},
           {Sha256("lost").ToString(), "lost"},
           {"\"files\": [", "\"files\": {}, \"x\": ["}}) {
    const std::string body =
        absl::StrReplaceAll(BodyOf(Sample()), {{from, to}});
    ASSERT_NE(body, BodyOf(Sample())) << from;
    EXPECT_THAT(ParseManifest(Signed(body), "m"), FailsWith("BACKUP_DAMAGED"))
        << from;
  }
  EXPECT_THAT(ParseManifest(Signed("[]"), "m"), FailsWith("BACKUP_DAMAGED"));
  EXPECT_THAT(ParseManifest(Signed("x"), "m"), FailsWith("BACKUP_DAMAGED"));
}

TEST(ManifestTest, ListsOfBlobsAreReadBackInOrderAlone) {
  std::vector<ListedBlob> blobs = {{Sha256("a"), 0}, {Sha256("b"), 17}};
  if (blobs[1].digest < blobs[0].digest) std::swap(blobs[0], blobs[1]);
  const std::string text = EncodeBlobList(blobs);
  EXPECT_EQ(*ParseBlobList(text, "l"), blobs);
  EXPECT_TRUE(ParseBlobList("", "l")->empty());
  std::swap(blobs[0], blobs[1]);
  for (const std::string& bad :
       {EncodeBlobList(blobs), EncodeBlobList({blobs[0], blobs[0]}),
        text.substr(0, text.size() / 2), std::string("x 1\n"),
        Sha256("a").ToString() + " -1\n", Sha256("a").ToString() + "\n",
        "\n" + text}) {
    EXPECT_THAT(ParseBlobList(bad, "l"), FailsWith("BACKUP_DAMAGED")) << bad;
  }
}

}  // namespace
}  // namespace archpool
