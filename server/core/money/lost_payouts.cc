// SPDX-License-Identifier: Apache-2.0
// Payouts of a pool that is lost, in the books of the one that was restored.
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "server/core/money/money.h"

namespace archpool::money {
namespace {

const Account* PaidAccount(const PoolState& state,
                           const BookLostPayout& command) {
  if (!command.account_name.empty()) {
    return state.accounts().Find(command.account_name);
  }
  if (command.account.IsSet()) return state.Find(command.account);
  // An address that several have tells of none of them.
  const Account* found = nullptr;
  for (const auto& [id, account] : state.accounts().all()) {
    if (command.address.empty() || account.payout_address != command.address) {
      continue;
    }
    if (found != nullptr) return nullptr;
    found = &account;
  }
  return found;
}

// What tells of which entry of the list it was.
std::string ByHandReason(const Digest& key) {
  return absl::StrCat("BY_HAND_",
                      absl::AsciiStrToUpper(key.ToString().substr(0, 32)));
}

// What may be the same payment, as far as anybody can tell.
const Payout* OpenAlike(const PoolState& state, AccountId owner,
                        const BookLostPayout& command) {
  for (const auto& [id, payout] : state.money().payouts()) {
    if (payout.state == PayoutState::kUnknown && payout.account == owner &&
        payout.address == command.address && payout.amount == command.amount) {
      return &payout;
    }
  }
  return nullptr;
}

// Takes back what the account asked for since the restore, and nobody was told
// to send, the latest first, until its balance suffices: it asked for money
// that it had been paid.
absl::Status TakeBack(Step& step, AccountId owner, Amount amount) {
  std::vector<Payout> waiting;
  for (const auto& [id, payout] : step.state.money().payouts()) {
    if (payout.account == owner && payout.state == PayoutState::kWaiting) {
      waiting.push_back(payout);
    }
  }
  while (!waiting.empty() &&
         step.state.money().BalanceOf(Place::Of(owner)) < amount) {
    Payout payout = waiting.back();
    waiting.pop_back();
    payout.state = PayoutState::kSending;
    step.state.Put(payout);
    ARCHPOOL_RETURN_IF_ERROR(
        Execute(step, ReportPayout{.payout = payout.id,
                                   .word = RailWord::kRefused,
                                   .reason = "PAID_BEFORE_RESTORE"})
            .status());
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<BookLostPayout::Reply> Execute(Step& step,
                                              const BookLostPayout& command) {
  ARCHPOOL_CHECK(command.word != RailWord::kNeverSeen);
  for (const auto& [id, payout] : step.state.money().payouts()) {
    if (payout.key == command.key) return id;
  }
  const Account* account = PaidAccount(step.state, command);
  if (account == nullptr) {
    return NotFound("ACCOUNT_UNKNOWN",
                    absl::StrCat("no account is known that was paid at '",
                                 command.address, "'"));
  }
  if (command.amount <= 0 || command.amount > kAmountMax ||
      command.address.empty()) {
    return InvalidArgument("AMOUNT_RANGE",
                           "a payout has a positive amount and an address");
  }
  const AccountId owner = account->id;
  if (command.is_by_hand) {
    const Payout* alike = OpenAlike(step.state, owner, command);
    if (alike != nullptr) {
      const PayoutId id = alike->id;
      ARCHPOOL_RETURN_IF_ERROR(
          Execute(step, ReportPayout{.payout = id,
                                     .word = RailWord::kSettled,
                                     .reference = command.reference,
                                     .reason = ByHandReason(command.key)})
              .status());
      return id;
    }
  }
  const Place place = Place::Of(owner);
  ARCHPOOL_RETURN_IF_ERROR(TakeBack(step, owner, command.amount));
  const Amount lacking = command.amount - step.state.money().BalanceOf(place);
  if (lacking > 0) {
    step.state.Post(Place::Outside(), place, lacking, TransferKind::kDeposit,
                    TaskId{}, "", step.now);
  }
  Payout payout{.id = step.state.NextPayoutId(),
                .account = owner,
                .amount = command.amount,
                .address = command.address,
                .key = command.key,
                .create_time = step.now};
  step.state.Put(payout);
  step.state.Post(place, Place::Payouts(), payout.amount, TransferKind::kPayout,
                  TaskId{}, "", step.now, payout.id);
  payout.state = PayoutState::kSending;
  payout.attempt = 1;
  step.state.Put(payout);
  ARCHPOOL_RETURN_IF_ERROR(
      Execute(step, ReportPayout{.payout = payout.id,
                                 .word = command.word,
                                 .reference = command.reference,
                                 .reason = command.reason})
          .status());
  return payout.id;
}

}  // namespace archpool::money
