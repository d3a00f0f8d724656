// SPDX-License-Identifier: Apache-2.0
#include "common/model/receipt.h"

#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

std::vector<ReceiptContent> OneOfEach() {
  const absl::Time time = absl::FromUnixMicros(1'700'000'000'123'456);
  const ReceiptId id{5};
  const AccountId account{7};
  return {
      {id, account,
       VerdictReceipt{.trial = {1},
                      .task = {2},
                      .lease = {3},
                      .rung = 1,
                      .architecture_id = Sha256("arch"),
                      .checkpoint_root = Sha256("root"),
                      .work_units = 4,
                      .claimed_correct = 5,
                      .is_accepted = true,
                      .basis = "audited",
                      .verified_accuracy_ppm = 900'000,
                      .reason = "",
                      .rule = "pplns",
                      .work_pot = 100,
                      .budget_units = 50,
                      .deadline = time}},
      {id, account, CreditReceipt{{1}, {2}, 4}},
      {id, account, ShareReceipt{{2}, {}, "proportional", 100, 3, 4, 50, 8}},
      {id, account,
       TransferReceipt{
           {9}, "escrow:task-2", "account:7", 8, "pay", {2}, {}, time}},
      {id, account,
       PayoutReceipt{{3}, 8, "addr", Sha256("key"), "settled", "tx", ""}},
      {id, account, CarriedReceipt{-3}},
      {id, account, AddressReceipt{"addr", "waiting", time}},
      {id, account,
       OperatorReceipt{{1}, "deposit", "alice", "12.5 coins", time}},
  };
}

TEST(ReceiptTest, EveryKindIsReadBackAsItWasWritten) {
  for (const ReceiptContent& receipt : OneOfEach()) {
    const auto read = DecodeReceipt(Encode(receipt));
    ASSERT_THAT(read, IsOk());
    EXPECT_EQ(*read, receipt);
  }
  const ReceiptStatement statement{{7}, 3, Sha256("root"), 12};
  EXPECT_EQ(*DecodeStatement(Encode(statement)), statement);
  const Seal seal{4, absl::UnixEpoch(), 9, Sha256("a"), Sha256("b")};
  EXPECT_EQ(*DecodeSeal(Encode(seal)), seal);
}

TEST(ReceiptTest, NothingCutOffOrLeftOverIsAReceipt) {
  for (const ReceiptContent& receipt : OneOfEach()) {
    const std::string bytes = Encode(receipt);
    for (size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(DecodeReceipt(bytes.substr(0, size)).ok());
    }
    EXPECT_THAT(DecodeReceipt(bytes + '\0'), FailsWith("RECEIPT_MALFORMED"));
    EXPECT_FALSE(DecodeStatement(bytes).ok());
    EXPECT_FALSE(DecodeSeal(bytes).ok());
  }
}

// The vectors of docs/protocol.md.
TEST(ReceiptTest, HashesAsSpecified) {
  std::string all;
  for (const ReceiptContent& receipt : OneOfEach()) all += Encode(receipt);
  EXPECT_EQ(Sha256(all).ToString(),
            "5b4207ec8ef3abfd0b660a8efda3ede39f527881dbb1d72059b8a49757e95c43");
  const SignedSeal seal{{4, absl::UnixEpoch(), 9, Sha256("a"), Sha256("b")},
                        {}};
  EXPECT_EQ(seal.Id().ToString(),
            "0f802c989de26a3200f51085022da97e39cee197fc325684926fbec20d388b13");
}

}  // namespace
}  // namespace archpool
