// SPDX-License-Identifier: Apache-2.0
#include "server/receipts/notary.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/stop.h"
#include "common/log/log.h"
#include "common/model/coins.h"

namespace archpool {
namespace {

using Accounts = std::map<AccountId, AccountReceipts>;

// What the receipt moved into (+) or out of (−) the account's balance.
absl::StatusOr<Amount> MovedBy(const Receipt& receipt) {
  ARCHPOOL_ASSIGN_OR_RETURN(const ReceiptContent content,
                            DecodeReceipt(receipt.content));
  if (const auto* carried = std::get_if<CarriedReceipt>(&content.body)) {
    return carried->amount;
  }
  const auto* transfer = std::get_if<TransferReceipt>(&content.body);
  if (transfer == nullptr || !receipt.account.IsSet()) return 0;
  const std::string place = ToString(Place::Of(receipt.account));
  if (transfer->from == place) return -transfer->amount;
  return transfer->to == place ? transfer->amount : 0;
}

std::vector<AccountReceipts> ValuesOf(const Accounts& accounts) {
  std::vector<AccountReceipts> values;
  values.reserve(accounts.size());
  for (const auto& [id, account] : accounts) values.push_back(account);
  return values;
}

}  // namespace

ReceiptStatement StatementOf(const AccountReceipts& account) {
  return {.account = account.account,
          .count = account.tree.count(),
          .root = account.tree.Root(),
          .balance = account.balance};
}

std::vector<Digest> StatementLeaves(absl::Span<const AccountReceipts> accounts,
                                    AccountId last) {
  std::vector<Digest> leaves;
  leaves.reserve(static_cast<size_t>(last.value + 1));
  auto next = accounts.begin();
  for (int64_t id = 0; id <= last.value; ++id) {
    AccountReceipts account{.account = AccountId{id}};
    if (next != accounts.end() && next->account.value == id) account = *next++;
    leaves.push_back(MerkleLeaf(Encode(StatementOf(account))));
  }
  return leaves;
}

Notary::Notary(const Clock& clock, ReceiptStore& store, SigningKey key,
               NotaryOptions options)
    : clock_(clock),
      store_(store),
      key_(std::move(key)),
      options_(std::move(options)) {}

Notary::~Notary() { Stop(); }

void Notary::Start() {
  thread_ = std::jthread([this](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const absl::Status round = Round(stop);
      if (!round.ok()) {
        LogWarn("receipts_wait", "sealing receipts failed",
                "the next round tries again; if it repeats, do what the error "
                "says",
                {{"error", round}});
      }
      WaitOrStop(stop, options_.interval);
    }
  });
}

void Notary::Stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

absl::Status Notary::Round(const std::stop_token& stop) {
  for (bool more = true; more && !stop.stop_requested();) {
    ARCHPOOL_ASSIGN_OR_RETURN(more, SealOne());
  }
  return absl::OkStatus();
}

absl::Status Notary::SealRestore() {
  return SealOne(/*is_restored=*/true).status();
}

absl::StatusOr<bool> Notary::SealOne(bool is_restored) {
  ARCHPOOL_ASSIGN_OR_RETURN(const OpenReceipts open,
                            store_.Open(options_.receipts_max));
  Accounts accounts;
  for (const AccountReceipts& one : open.sealed.accounts) {
    accounts[one.account] = one;
  }
  Accounts changed;
  for (const Receipt& receipt : open.receipts) {
    AccountReceipts& account = accounts[receipt.account];
    account.account = receipt.account;
    account.tree.Append(MerkleLeaf(receipt.content));
    ARCHPOOL_ASSIGN_OR_RETURN(const Amount moved, MovedBy(receipt));
    account.balance += moved;
    changed[receipt.account] = {};
  }
  const std::vector<AccountReceipts> all = ValuesOf(accounts);
  if (open.is_all) Compare(open, all);
  if (open.receipts.empty() && !is_restored) return false;
  for (auto& [id, account] : changed) account = accounts.at(id);

  const std::vector<Digest> leaves = StatementLeaves(all, open.last_account);
  const int64_t next = open.sealed.latest.seal.number + 1;
  const absl::Time time = std::max(clock_.Now(), open.sealed.latest.seal.time);
  SignedSeal seal;
  seal.seal = {
      .number = is_restored ? std::max(next, absl::ToUnixSeconds(time)) : next,
      .time = time,
      .statements = std::ssize(leaves),
      .root = MerkleRoot(leaves),
      .previous = open.sealed.latest.seal.number == 0
                      ? Digest()
                      : open.sealed.latest.Id()};
  seal.signature = key_.Sign(Encode(seal.seal));
  ARCHPOOL_RETURN_IF_ERROR(store_.AddSeal(seal,
                                          open.receipts.empty()
                                              ? open.sealed.last_receipt
                                              : open.receipts.back().id,
                                          ValuesOf(changed)));
  return !open.is_all;
}

void Notary::Compare(const OpenReceipts& open,
                     absl::Span<const AccountReceipts> accounts) {
  std::map<int64_t, Amount> missing;
  for (const Balance& balance : open.balances) {
    if (balance.place.kind != PlaceKind::kAccount) continue;
    missing[balance.place.id] += balance.amount;
  }
  for (const AccountReceipts& account : accounts) {
    if (account.account.IsSet()) {
      missing[account.account.value] -= account.balance;
    }
  }
  int64_t unlike = 0;
  for (const auto& [id, amount] : missing) {
    if (amount == 0) continue;
    ++unlike;
    LogError("receipts_differ",
             "an account's balance is above the sum of its receipts, and the "
             "sum of the receipts was signed",
             "keep a copy of the database and report it to archpool's "
             "developers",
             {{"account_id", id}, {"above_coins", FormatCoins(amount)}});
  }
  options_.on_compared(unlike);
}

}  // namespace archpool
