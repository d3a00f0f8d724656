// SPDX-License-Identifier: Apache-2.0
#include "server/payout/file_rail.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/hex.h"
#include "common/crypto/canonical.h"
#include "common/data/read_file.h"
#include "common/model/payout_batch.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

class FileRailTest : public ::testing::Test {
 protected:
  FileRailTest() { Open(); }
  void Open() {
    auto rail = FileRail::Open(directory_.path(), key_);
    ASSERT_THAT(rail, IsOk());
    rail_ = *std::move(rail);
  }
  static Payout PayoutOf(int64_t id) {
    return {.id = {id},
            .amount = id * kAmountPerCoin + 500'000,
            .address = absl::StrCat("addr-", id),
            .key = Sha256(absl::StrCat(id))};
  }
  std::string PathOf(const std::string& name) const {
    return absl::StrCat(directory_.path(), "/", name);
  }
  void Tell(const std::string& batch, const std::string& result) {
    std::ofstream(PathOf(batch + ".result.json")) << result;
  }

  const TemporaryDirectory directory_;
  const SigningKey key_ = SigningKey::Generate();
  std::unique_ptr<FileRail> rail_;
};

TEST_F(FileRailTest, ABatchIsSignedAndSettlesWhenItsResultSaysSo) {
  const std::vector<Payout> payouts = {PayoutOf(1), PayoutOf(2), PayoutOf(3)};
  const auto answers = rail_->Send(payouts);
  ASSERT_EQ(answers.size(), 3u);
  EXPECT_EQ(answers[0].word, RailWord::kSent);
  const std::string batch = answers[0].reference;
  const std::string text = *ReadFile(PathOf(batch + ".json"), 1 << 20);
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json["total"], "7.5");
  EXPECT_EQ(json["payouts"][1]["address"], "addr-2");
  EXPECT_EQ(json["payouts"][1]["coins"], "2.5");
  const std::string hex = *ReadFile(PathOf(batch + ".json.sig"), 1'000);
  const auto bytes = FromHex(absl::StripAsciiWhitespace(hex));
  const auto signature =
      Signature::FromBytes(std::string(bytes->begin(), bytes->end()));
  EXPECT_TRUE(VerifySignature(
      key_.public_key(),
      CanonicalWriter("archpool/payout-batch/v1").Bytes(text).encoding(),
      *signature));

  EXPECT_EQ(rail_->LookUp(payouts[0]).word, RailWord::kSent);
  Tell(batch, absl::StrCat(R"({")", payouts[0].key.ToString(),
                           R"(": {"state": "settled", "reference": "tx-9"}, ")",
                           payouts[1].key.ToString(),
                           R"(": {"state": "refused", "reason": "NO_SUCH"}})"));
  const RailAnswer settled = rail_->LookUp(payouts[0]);
  EXPECT_EQ(settled.word, RailWord::kSettled);
  EXPECT_EQ(settled.reference, "tx-9");
  EXPECT_EQ(rail_->LookUp(payouts[1]).word, RailWord::kRefused);
  EXPECT_EQ(rail_->LookUp(payouts[1]).reason, "NO_SUCH");
  EXPECT_EQ(rail_->LookUp(payouts[2]).word, RailWord::kSent);
}

TEST_F(FileRailTest, WhatWasWrittenIsKnownAfterARestart) {
  const Payout payout = PayoutOf(1);
  EXPECT_EQ(rail_->LookUp(payout).word, RailWord::kNeverSeen);
  rail_->Send({&payout, 1});
  Open();
  EXPECT_EQ(rail_->LookUp(payout).word, RailWord::kSent);
  Payout dearer = payout;
  dearer.amount += 1;
  EXPECT_EQ(rail_->LookUp(dearer).reason, "BATCH_DIFFERS");
}

// A pool that pays for years keeps no more of it in memory, and forgets
// nothing: what it does not hold is in the files, and never sent again.
TEST_F(FileRailTest, WhatIsNotKeptIsFoundInTheFiles) {
  rail_ = *FileRail::Open(directory_.path(), key_, /*entries_max=*/4);
  std::vector<Payout> payouts;
  for (int64_t id = 1; id <= 20; id += 2) {
    const std::vector<Payout> batch = {PayoutOf(id), PayoutOf(id + 1)};
    rail_->Send(batch);
    EXPECT_LE(rail_->entries(), 4u);
    payouts.insert(payouts.end(), batch.begin(), batch.end());
  }
  for (const Payout& payout : payouts) {
    EXPECT_EQ(rail_->LookUp(payout).word, RailWord::kSent)
        << payout.id.ToString();
    EXPECT_LE(rail_->entries(), 4u);
  }
  EXPECT_EQ(rail_->LookUp(PayoutOf(21)).word, RailWord::kNeverSeen);
  rail_ = *FileRail::Open(directory_.path(), key_, /*entries_max=*/4);
  EXPECT_LE(rail_->entries(), 4u);
  for (const Payout& payout : payouts) {
    const RailAnswer waits = rail_->LookUp(payout);
    EXPECT_EQ(waits.word, RailWord::kSent);
    Tell(waits.reference,
         absl::StrCat(R"({")", payout.key.ToString(),
                      R"(": {"state": "settled", "reference": "tx"}})"));
    EXPECT_EQ(rail_->LookUp(payout).word, RailWord::kSettled);
    EXPECT_EQ(rail_->LookUp(payout).word, RailWord::kSettled)
        << "asked again, as after a commit that failed";
    EXPECT_LE(rail_->entries(), 4u);
  }
}

TEST_F(FileRailTest, ABrokenFileIsDoubtForWhatIsNotKeptAlone) {
  rail_ = *FileRail::Open(directory_.path(), key_, /*entries_max=*/1);
  const Payout old = PayoutOf(1);
  const std::string batch = rail_->Send({&old, 1})[0].reference;
  const Payout latest = PayoutOf(2);
  rail_->Send({&latest, 1});
  std::ofstream(PathOf(batch + ".json")) << "{";
  EXPECT_EQ(rail_->LookUp(latest).word, RailWord::kSent);
  EXPECT_EQ(rail_->LookUp(old).reason, "BATCH_MALFORMED")
      << "it must not be sent again";
}

// Nobody guesses what a broken file may have meant.
TEST_F(FileRailTest, BrokenFilesAreDoubt) {
  const Payout payout = PayoutOf(1);
  const std::string batch = rail_->Send({&payout, 1})[0].reference;
  for (const std::string& text :
       {std::string("{"), std::string("[]"),
        absl::StrCat(R"({")", payout.key.ToString(), R"(": 5})"),
        absl::StrCat(R"({")", payout.key.ToString(),
                     R"(": {"state": "settled"}})")}) {
    Tell(batch, text);
    EXPECT_EQ(rail_->LookUp(payout).word, RailWord::kDoubt) << text;
  }
  Tell(batch, absl::StrCat(R"({")", payout.key.ToString(),
                           R"(": {"state": "settled", "reference": ")",
                           std::string(5000, 'x'), R"("}})"));
  EXPECT_EQ(rail_->LookUp(payout).word, RailWord::kDoubt);
  std::ofstream(PathOf("0123456789abcdef.json")) << "{";
  EXPECT_EQ(rail_->LookUp(PayoutOf(2)).word, RailWord::kDoubt)
      << "it may be in the one that cannot be read";
  Open();
  EXPECT_EQ(rail_->LookUp(PayoutOf(2)).word, RailWord::kDoubt);
  std::filesystem::remove(PathOf("0123456789abcdef.json"));
  EXPECT_EQ(rail_->LookUp(PayoutOf(2)).word, RailWord::kNeverSeen);
}

// A note of the operator's, an editor's copy: no reason not to start.
TEST_F(FileRailTest, FilesThatAreNoBatchesAreSkipped) {
  const Payout payout = PayoutOf(1);
  const std::string batch = rail_->Send({&payout, 1})[0].reference;
  std::ofstream(PathOf("notes.json")) << "[1, 2]";
  std::ofstream(PathOf("backup.json")) << "{}";
  std::filesystem::copy(PathOf(batch + ".json"),
                        PathOf("copy of " + batch + ".json"));
  std::filesystem::create_directory(PathOf("x.json"));
  Open();
  EXPECT_EQ(rail_->LookUp(payout).word, RailWord::kSent);
  EXPECT_EQ(rail_->LookUp(PayoutOf(2)).word, RailWord::kNeverSeen);
}

TEST_F(FileRailTest, WhoeverConfirmsABatchFindsItSigned) {
  const Payout payout = PayoutOf(1);
  const std::string batch = rail_->Send({&payout, 1})[0].reference;
  EXPECT_TRUE(IsBatchName(batch));
  const std::string text = *ReadFile(PathOf(batch + ".json"), 1 << 20);
  const std::string signature = *ReadFile(PathOf(batch + ".json.sig"), 1'000);
  const std::string key = *ReadFile(PathOf(kBatchKeyName), 1'000);
  EXPECT_TRUE(IsBatchSigned(text, signature, key));
  EXPECT_FALSE(IsBatchSigned(text + " ", signature, key));
  EXPECT_FALSE(IsBatchSigned(text, "beef", key));
  EXPECT_FALSE(IsBatchSigned(text, signature, "x"));
}

TEST_F(FileRailTest, AFullDiskIsDoubt) {
  const Payout payout = PayoutOf(1);
  std::filesystem::remove_all(directory_.path());
  EXPECT_EQ(rail_->Send({&payout, 1})[0].word, RailWord::kDoubt);
}

// A pool that was restored asks what the lost one had written.
TEST_F(FileRailTest, ListsWhatAllBatchesSay) {
  Payout payout = PayoutOf(1);
  payout.account = AccountId{9};
  const std::string batch = rail_->Send({{payout}})[0].reference;
  rail_->Send({{PayoutOf(2)}});
  Tell(batch, "{\"" + payout.key.ToString() +
                  "\": {\"state\": \"settled\", \"reference\": \"r\"}}");
  auto list = rail_->ListSince(absl::InfiniteFuture());
  ASSERT_THAT(list, IsOk());
  EXPECT_FALSE(list->is_complete) << "that alone the operator knows";
  ASSERT_EQ(list->payouts.size(), 2U);
  const RailPayout& first =
      list->payouts[0].key == payout.key ? list->payouts[0] : list->payouts[1];
  EXPECT_EQ(first.account, AccountId{9});
  EXPECT_EQ(first.amount, payout.amount);
  EXPECT_EQ(first.answer.word, RailWord::kSettled);
  std::ofstream(PathOf(batch + ".json")) << "cut off";
  EXPECT_THAT(rail_->ListSince(absl::InfiniteFuture()),
              FailsWith("BATCH_MALFORMED"));
}

}  // namespace
}  // namespace archpool
