// SPDX-License-Identifier: Apache-2.0
// From what happens in the pool to what a miner can check alone.
#include "server/receipts/notary.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/model/receipt_check.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/engine/engine.h"
#include "server/storage/memory_store.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

class NotaryTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(engine.Start(), IsOk());
    Make("alice");
    Make("bob");
  }
  void Make(const std::string& name) {
    ASSERT_THAT(engine.Call(CreateAccount{name, Role::kMiner, Sha256(name)}),
                IsOk());
  }
  void Give(const std::string& name, Amount amount) {
    ASSERT_THAT(
        engine.Call(Deposit{name, amount, absl::StrCat("gift ", ++gifts)}),
        IsOk());
  }
  // What the account would fetch.
  ReceiptFolder Fetch(AccountId account) {
    const SealedReceipts sealed = *store.Sealed();
    const std::vector<Digest> leaves = StatementLeaves(
        sealed.accounts, AccountId{sealed.latest.seal.statements - 1});
    AccountReceipts own{.account = account};
    for (const AccountReceipts& one : sealed.accounts) {
      if (one.account == account) own = one;
    }
    std::vector<std::string> receipts;
    const std::vector<Receipt> own_receipts =
        *store.ReceiptsOf(account, {}, 1'000);
    for (const Receipt& one : own_receipts) {
      receipts.push_back(one.content);
    }
    return {.seals = EncodeSeals(*store.Seals(0, 1'000)),
            .statement = EncodeProof(Encode(StatementOf(own)),
                                     MerkleProof(leaves, account.value)),
            .receipts = EncodeReceipts(receipts)};
  }
  absl::StatusOr<ReceiptReport> Check(AccountId account) {
    return CheckReceipts(Fetch(account), key.public_key());
  }

  SteadyClock clock{};
  MemoryStore store;
  Engine engine{clock, store, PoolPolicy(), EngineOptions()};
  SigningKey key = SigningKey::Generate();
  int64_t unlike = -1;
  Notary notary{
      clock, store, key, {.receipts_max = 3, .on_compared = [this](int64_t n) {
                            unlike = n;
                          }}};
  int gifts = 0;
};

constexpr AccountId kAlice{1};
constexpr AccountId kBob{2};

TEST_F(NotaryTest, WhatHappenedIsSealedAndChecks) {
  ASSERT_THAT(notary.Round(), IsOk());
  EXPECT_TRUE(store.Seals(0, 10)->empty()) << "nothing happened yet";
  for (int i = 0; i < 5; ++i) {
    Give("alice", 5);
    if (i % 2 == 0) Give("bob", 7);
  }
  ASSERT_THAT(notary.Round(), IsOk());
  EXPECT_EQ(store.Seals(0, 10)->size(), 3U) << "eight receipts by three";
  for (const auto& [account, balance] :
       {std::pair(kAlice, 25), std::pair(kBob, 21)}) {
    const auto report = Check(account);
    ASSERT_THAT(report, IsOk());
    EXPECT_THAT(report->problems, testing::IsEmpty());
    EXPECT_EQ(report->balance, balance);
  }
  ASSERT_THAT(notary.Round(), IsOk());
  EXPECT_EQ(store.Seals(0, 10)->size(), 3U) << "nothing new";

  Make("carol");
  Give("carol", 1);
  ASSERT_THAT(notary.Round(), IsOk());
  EXPECT_THAT(Check(AccountId{3}), IsOk()) << "the tree has grown";
  EXPECT_THAT(Check(kAlice), IsOk());
}

// No number stands for two seals, whatever the lost pool sealed since its
// backup.
TEST_F(NotaryTest, ARestoredPoolsSealsSayThatItWasRestored) {
  Give("alice", 5);
  ASSERT_THAT(notary.Round(), IsOk());
  ASSERT_THAT(notary.SealRestore(), IsOk()) << "though nothing happened";
  Give("bob", 7);
  ASSERT_THAT(notary.Round(), IsOk());
  const auto seals = store.Seals(0, 10);
  ASSERT_EQ(seals->size(), 3U);
  const Seal& restored = seals->at(1).seal;
  EXPECT_TRUE(IsAfterRestore(restored, seals->at(0).seal.number));
  EXPECT_EQ(restored.number, absl::ToUnixSeconds(restored.time));
  EXPECT_EQ(seals->at(2).seal.number, restored.number + 1);
  for (const AccountId account : {kAlice, kBob}) {
    const auto report = Check(account);
    ASSERT_THAT(report, IsOk());
    EXPECT_EQ(report->restores, 1);
    EXPECT_THAT(report->problems, testing::IsEmpty());
  }
}

// Who fetched what the lost pool sealed hears what became of it, and no word of
// forgery.
TEST_F(NotaryTest, WhoHoldsTheLostSealsHearsOfTheRestore) {
  Give("alice", 5);
  ASSERT_THAT(notary.Round(), IsOk());
  ReceiptFolder lost = Fetch(kAlice);
  std::vector<SignedSeal> seals = *DecodeSeals(lost.seals);
  SignedSeal other = seals.back();
  other.seal.number = 2;
  other.seal.previous = seals.back().Id();
  other.signature = key.Sign(Encode(other.seal));
  ASSERT_THAT(notary.SealRestore(), IsOk());
  const SignedSeal restored = store.Seals(1, 10)->at(0);
  lost.seals = EncodeSeals({seals.back(), other, restored});
  EXPECT_THAT(CheckReceipts(lost, key.public_key()),
              FailsWith("POOL_RESTORED"));
  SignedSeal forged = restored;
  forged.signature = SigningKey::Generate().Sign(Encode(forged.seal));
  lost.seals = EncodeSeals({seals.back(), other, forged});
  EXPECT_THAT(CheckReceipts(lost, key.public_key()),
              FailsWith("RECEIPTS_FORGED"));
}

// Two servers for a moment, or one that did not hear that it sealed.
TEST_F(NotaryTest, ASealIsMadeOnce) {
  Give("alice", 5);
  ASSERT_THAT(notary.Round(), IsOk());
  const SignedSeal first = store.Seals(0, 10)->at(0);
  EXPECT_THAT(store.AddSeal(first, ReceiptId{1}, {}), FailsWith("SEAL_EXISTS"));
  Notary other(clock, store, key, {});
  ASSERT_THAT(other.Round(), IsOk());
  EXPECT_EQ(store.Seals(0, 10)->size(), 1U);
}

// A balance that no receipt explains is said, and never signed.
TEST_F(NotaryTest, WhatHasNoReceiptIsNotSigned) {
  Give("alice", 5);
  ASSERT_THAT(notary.Round(), IsOk());
  EXPECT_EQ(unlike, 0);
  store.Tamper(Balance{Place::Of(kAlice), 12});
  Give("bob", 1);
  ASSERT_THAT(notary.Round(), IsOk());
  EXPECT_EQ(unlike, 1);
  EXPECT_EQ(Check(kAlice)->balance, 5);
}

}  // namespace
}  // namespace archpool
