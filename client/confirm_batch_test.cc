// SPDX-License-Identifier: Apache-2.0
#include "client/confirm_batch.h"

#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/json.h"
#include "common/base/hex.h"
#include "common/data/read_file.h"
#include "common/model/payout_batch.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;

constexpr char kName[] = "0123456789abcdef";

class ConfirmBatchTest : public ::testing::Test {
 protected:
  ConfirmBatchTest() {
    Write("payout-key", ToHex(key_.public_key().bytes) + "\n");
    WriteBatch({{"batch", kName},
                {"payouts", Json::array({{{"key", "k1"}, {"coins", "1.25"}},
                                         {{"key", "k2"}, {"coins", "2"}}})}});
  }
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(directory_.path() + "/" + name) << text;
  }
  void WriteBatch(const Json& batch) {
    text_ = batch.dump(2) + "\n";
    Write(absl::StrCat(kName, ".json"), text_);
    Write(absl::StrCat(kName, ".json.sig"),
          ToHex(key_.Sign(BatchToSign(text_)).bytes) + "\n");
  }
  absl::StatusOr<ConfirmedBatch> Confirm(
      const std::string& reference,
      const std::vector<std::string>& refused = {},
      const std::string& name = absl::StrCat(kName, ".json")) {
    return ConfirmBatch({.path = directory_.path() + "/" + name,
                         .reference = reference,
                         .refused = refused});
  }
  Json Result() {
    const auto text = ReadFile(
        absl::StrCat(directory_.path(), "/", kName, ".result.json"), 1 << 20);
    return text.ok() ? Json::parse(*text) : Json();
  }

  const TemporaryDirectory directory_;
  const SigningKey key_ = SigningKey::Generate();
  std::string text_;
};

TEST_F(ConfirmBatchTest, WhatIsNotRefusedIsSettled) {
  const auto confirmed = Confirm("bank 7", {"k2=ADDRESS_UNKNOWN"});
  ASSERT_THAT(confirmed, IsOk());
  EXPECT_EQ(confirmed->settled, 1u);
  EXPECT_EQ(confirmed->refused, 1u);
  EXPECT_EQ(Result()["k1"],
            Json({{"state", "settled"}, {"reference", "bank 7"}}));
  EXPECT_EQ(Result()["k2"],
            Json({{"state", "refused"}, {"reason", "ADDRESS_UNKNOWN"}}));
}

// Paid outside and booked as refused, or the other way round, is money lost.
TEST_F(ConfirmBatchTest, WhatWasSaidOnceStays) {
  ASSERT_THAT(Confirm("", {"k1=A_B", "k2=A_B"}), IsOk());
  const Json said = Result();
  const auto again = Confirm("", {"k1=A_B", "k2=A_B"});
  ASSERT_THAT(again, IsOk()) << "the same again";
  EXPECT_FALSE(again->is_new);
  EXPECT_THAT(Confirm("paid-1"), FailsWith("CONFIRMED_OTHERWISE"));
  EXPECT_THAT(Confirm("", {"k1=C_D", "k2=A_B"}),
              FailsWith("CONFIRMED_OTHERWISE"));
  EXPECT_EQ(Result(), said);
  Write(absl::StrCat(kName, ".result.json"), "{");
  EXPECT_THAT(Confirm("paid-1"), FailsWith("CONFIRMED_OTHERWISE"));
}

// A program may have told part of it.
TEST_F(ConfirmBatchTest, TheRestIsAddedToWhatWasSaid) {
  Write(absl::StrCat(kName, ".result.json"),
        R"({"k1": {"state": "settled", "reference": "bank-7"}})");
  EXPECT_THAT(Confirm("bank-7"), IsOk());
  EXPECT_EQ(Result().size(), 2u);
}

TEST_F(ConfirmBatchTest, RefusesRefusalsThatContradictOrMeanNothing) {
  EXPECT_THAT(Confirm("x", {"k1=A_B", "k1=A_B"}),
              FailsWith("REFUSAL_MALFORMED"));
  EXPECT_THAT(Confirm("x", {"k1=A_B", "k1=C_D"}),
              FailsWith("REFUSAL_MALFORMED"));
  for (const char* refusal : {"k3=A_B", "k1", "k1=", "k1=a b", "=A"}) {
    EXPECT_THAT(Confirm("x", {refusal}), FailsWith("REFUSAL_MALFORMED"));
  }
  EXPECT_TRUE(Result().is_null());
}

TEST_F(ConfirmBatchTest, RefusesReferencesThatThePoolWouldNotTake) {
  for (const std::string& reference :
       {std::string(), std::string(201, 'x'), std::string("a\nb"),
        std::string("\xff")}) {
    EXPECT_THAT(Confirm(reference), FailsWith("REFERENCE_MALFORMED"));
  }
  EXPECT_THAT(Confirm("", {"k1=A_B"}), FailsWith("REFERENCE_MALFORMED"));
  EXPECT_TRUE(Result().is_null());
}

TEST_F(ConfirmBatchTest, ABatchIsAsThePoolSignedIt) {
  std::string edited = text_;
  edited.replace(edited.find("1.25"), 4, "125");
  Write(absl::StrCat(kName, ".json"), edited);
  EXPECT_THAT(Confirm("x"), FailsWith("BATCH_UNSIGNED"));
  Write(absl::StrCat(kName, ".json"), text_);
  ASSERT_THAT(Confirm("x"), IsOk());
  std::filesystem::remove(directory_.path() + "/payout-key");
  const auto unsigned_batch = Confirm("x");
  EXPECT_THAT(unsigned_batch, FailsWith("BATCH_UNSIGNED"));
  EXPECT_THAT(std::string(unsigned_batch.status().message()),
              HasSubstr("payout-key"));
}

TEST_F(ConfirmBatchTest, OtherFilesAreNoBatches) {
  EXPECT_THAT(Confirm("x", {}, absl::StrCat(kName, ".result.json")),
              FailsWith("BATCH_MALFORMED"));
  EXPECT_THAT(Confirm("x", {}, "notes.json"), FailsWith("BATCH_MALFORMED"));
  for (const Json& batch :
       {Json::array(), Json({{"batch", kName}}),
        Json({{"batch", "other"}, {"payouts", Json::array({{{"key", "k"}}})}}),
        Json({{"batch", kName}, {"payouts", Json::array()}}),
        Json({{"batch", kName}, {"payouts", Json::array({1})}}),
        Json({{"batch", kName},
              {"payouts", Json::array({{{"key", "k"}}, {{"key", "k"}}})}})}) {
    WriteBatch(batch);
    EXPECT_THAT(Confirm("x"), FailsWith("BATCH_MALFORMED")) << batch;
  }
}

}  // namespace
}  // namespace archpool
