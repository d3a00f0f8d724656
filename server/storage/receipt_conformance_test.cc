// SPDX-License-Identifier: Apache-2.0
// What every store of receipts has to do.
#include <vector>

#include "gmock/gmock.h"
#include "server/storage/store_conformance.h"
#include "tests/support/status_matchers.h"
#include "tests/support/store_writer.h"

namespace archpool {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr AccountId kClient{1};
constexpr AccountId kMiner{2};

Receipt Handed(int64_t id, AccountId account) {
  return {ReceiptId{id}, account, absl::StrCat("content ", id)};
}

SignedSeal SealAfter(const SealedReceipts& sealed) {
  SignedSeal seal;
  seal.seal = {.number = sealed.latest.seal.number + 1,
               .time = absl::FromUnixMicros(7),
               .statements = 3,
               .root = Sha256("root"),
               .previous = sealed.latest.Id()};
  seal.signature.bytes.fill(9);
  return seal;
}

AccountReceipts AccountWith(AccountId account, int leaves, Amount balance) {
  AccountReceipts receipts{.account = account, .balance = balance};
  for (int i = 0; i < leaves; ++i) receipts.tree.Append(Sha256("leaf"));
  return receipts;
}

TEST_P(StoreConformanceTest, ReceiptsAreSealedInTheirOrder) {
  const SmallPool pool;
  Writer writer(backend_->NewWriter());
  ASSERT_THAT(writer.Commit(pool.Events()), IsOk());
  ASSERT_THAT(writer.Commit({Handed(1, kMiner), Handed(2, kClient),
                             Handed(3, kMiner), Handed(4, AccountId())}),
              IsOk());
  ReceiptStore& receipts = backend_->receipts();
  const OpenReceipts open = *receipts.Open(3);
  EXPECT_EQ(open.sealed.latest.seal.number, 0);
  EXPECT_THAT(open.sealed.accounts, IsEmpty());
  EXPECT_THAT(open.receipts, ElementsAre(Handed(1, kMiner), Handed(2, kClient),
                                         Handed(3, kMiner)));
  EXPECT_FALSE(open.is_all);
  EXPECT_EQ(open.last_account, kMiner);
  EXPECT_EQ(open.balances.size(), 2U);
  EXPECT_THAT(*receipts.ReceiptsOf(kMiner, {}, 10), IsEmpty())
      << "nothing is sealed";

  const SignedSeal first = SealAfter(open.sealed);
  ASSERT_THAT(receipts.AddSeal(
                  first, ReceiptId{3},
                  {AccountWith(kClient, 1, 5), AccountWith(kMiner, 2, -7)}),
              IsOk());
  EXPECT_THAT(receipts.AddSeal(first, ReceiptId{3}, {}),
              FailsWith("SEAL_EXISTS"));
  const SealedReceipts sealed = *receipts.Sealed();
  EXPECT_EQ(sealed.latest, first);
  EXPECT_EQ(sealed.last_receipt, ReceiptId{3});
  ASSERT_EQ(sealed.accounts.size(), 2U);
  EXPECT_EQ(sealed.accounts[1].account, kMiner);
  EXPECT_EQ(sealed.accounts[1].tree.Root(),
            AccountWith(kMiner, 2, 0).tree.Root());
  EXPECT_EQ(sealed.accounts[1].balance, -7);
  EXPECT_THAT(*receipts.ReceiptsOf(kMiner, {}, 10),
              ElementsAre(Handed(1, kMiner), Handed(3, kMiner)));
  EXPECT_THAT(*receipts.ReceiptsOf(kMiner, ReceiptId{1}, 10),
              ElementsAre(Handed(3, kMiner)));
  EXPECT_THAT(*receipts.ReceiptsOf(kMiner, {}, 1),
              ElementsAre(Handed(1, kMiner)));

  const OpenReceipts rest = *receipts.Open(3);
  EXPECT_THAT(rest.receipts, ElementsAre(Handed(4, AccountId())));
  EXPECT_TRUE(rest.is_all);
  const SignedSeal second = SealAfter(rest.sealed);
  ASSERT_THAT(
      receipts.AddSeal(second, ReceiptId{4}, {AccountWith(AccountId(), 1, 0)}),
      IsOk());
  EXPECT_THAT(*receipts.Seals(0, 10), ElementsAre(first, second));
  EXPECT_THAT(*receipts.Seals(1, 10), ElementsAre(second));
  EXPECT_THAT(*receipts.Seals(0, 1), ElementsAre(first));
  EXPECT_EQ(receipts.Sealed()->accounts.size(), 3U);
}

// Handed out is handed out.
TEST_P(StoreConformanceTest, AReceiptIsAddedOnce) {
  const SmallPool pool;
  Writer writer(backend_->NewWriter());
  ASSERT_THAT(writer.Commit(pool.Events()), IsOk());
  ASSERT_THAT(writer.Commit({Handed(1, kMiner)}), IsOk());
  EXPECT_THAT(writer.Commit({Handed(1, kClient)}), FailsWith("CONSTRAINT"));
  EXPECT_THAT(backend_->receipts().Open(10)->receipts,
              ElementsAre(Handed(1, kMiner)));
}

}  // namespace
}  // namespace archpool
