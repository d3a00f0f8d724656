// SPDX-License-Identifier: Apache-2.0
// Money that leaves the pool: set aside first, sent by the payer, and settled
// or returned by what the rail says, never by what somebody supposes.
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/crypto/canonical.h"
#include "common/model/coins.h"
#include "common/model/receipt.h"
#include "server/core/money/money.h"
#include "server/core/money/parts.h"
#include "server/core/state/operator_acts.h"
#include "server/core/state/queries.h"

namespace archpool::money {
namespace {

// Ids alone would come again where a database is restored from a backup.
Digest KeyOf(const Payout& payout) {
  return CanonicalWriter("archpool/payout/v1")
      .Int(payout.id.value)
      .Int(payout.account.value)
      .Int(payout.amount)
      .Bytes(payout.address)
      .Int(absl::ToUnixMicros(payout.create_time))
      .Hash();
}

PayoutId SetAside(Step& step, const Account& account, Amount amount,
                  const std::string& request_id) {
  Payout payout{.id = step.state.NextPayoutId(),
                .account = account.id,
                .amount = amount,
                .address = account.payout_address,
                .request_id = request_id,
                .create_time = step.now};
  payout.key = KeyOf(payout);
  step.state.Put(payout);
  step.state.Post(Place::Of(account.id), Place::Payouts(), amount,
                  TransferKind::kPayout, TaskId{}, "", step.now, payout.id);
  return payout.id;
}

absl::Status AmountRange(const PoolPolicy& policy) {
  return InvalidArgument(
      "AMOUNT_RANGE",
      absl::StrCat("the smallest payout is ", FormatCoins(policy.payout_min),
                   " coins; wait until that much is there"));
}

// Each that begins to wait is a receipt.
constexpr absl::Duration kAddressPause = absl::Minutes(1);
constexpr int64_t kAddressesPerTick = 100;

// What changes of the account by the order to pay to that address, and what its
// owner is told of it.
absl::StatusOr<std::optional<AddressReceipt>> ChangeAddress(
    const Step& step, const std::string& wanted, Account& account) {
  const absl::Duration wait =
      absl::Trunc(step.policy.payout_address_wait, absl::Microseconds(1));
  std::optional<NextAddress>& next = account.next_address;
  if (wait <= absl::ZeroDuration()) {
    account.payout_address = wanted;
    next.reset();
    return std::nullopt;
  }
  if (wanted == account.payout_address) {
    if (!next) return std::nullopt;
    AddressReceipt told{next->address, "taken_back", step.now};
    next.reset();
    return told;
  }
  // Nothing can be stolen by it.
  if (wanted.empty()) {
    account.payout_address.clear();
    next.reset();
    return AddressReceipt{"", "in_force", step.now};
  }
  if (next && next->address == wanted) return std::nullopt;
  if (account.address_wait_time &&
      step.now - *account.address_wait_time < kAddressPause) {
    return ResourceExhausted(
        "ADDRESS_TOO_OFTEN",
        "another payout address was set within the minute; try again when it "
        "is over");
  }
  account.address_wait_time = step.now;
  next = NextAddress{wanted, step.now + wait};
  return AddressReceipt{wanted, "waiting", next->time};
}

void End(Step& step, Payout payout, PayoutState outcome) {
  payout.state = outcome;
  payout.end_time = step.now;
  const bool is_settled = outcome == PayoutState::kSettled;
  step.state.Post(Place::Payouts(),
                  is_settled ? Place::Outside() : Place::Of(payout.account),
                  payout.amount,
                  is_settled ? TransferKind::kSettle : TransferKind::kReturn,
                  TaskId{}, "", step.now, payout.id);
  step.state.Put(payout);
}

}  // namespace

absl::Status CheckMayMoveMoney(const Account& account) {
  if (account.state != AccountState::kSuspended) return absl::OkStatus();
  return FailedPrecondition(
      "ACCOUNT_SUSPENDED",
      absl::StrCat("account '", account.name,
                   "' is suspended, and its money stays where it is until the "
                   "pool's operator has looked at it; ask the operator"));
}

void PayOutIfDue(Step& step, AccountId id) {
  const Account& account = *step.state.Find(id);
  const Amount balance = step.state.money().BalanceOf(Place::Of(id));
  if (account.state == AccountState::kSuspended ||
      account.payout_threshold == 0 || account.payout_address.empty() ||
      account.next_address.has_value() || balance < account.payout_threshold ||
      balance < step.policy.payout_min) {
    return;
  }
  SetAside(step, account, balance, "");
}

void TakeUpAddresses(Step& step) {
  for (int64_t i = 0; i < kAddressesPerTick; ++i) {
    const auto& waiting = step.state.accounts().next_addresses();
    if (waiting.empty() || step.now < waiting.begin()->first) return;
    Account account = *step.state.Find(waiting.begin()->second);
    account.payout_address = account.next_address->address;
    account.next_address.reset();
    step.state.Put(account);
    step.state.Hand(account.id, AddressReceipt{account.payout_address,
                                               "in_force", step.now});
    PayOutIfDue(step, account.id);
  }
}

absl::StatusOr<Deposit::Reply> Execute(Step& step, const Deposit& command) {
  const int64_t known =
      step.state.requests().Find(RequestKey::OfDeposit(command.request_id));
  if (known != 0) return TransferId{known};
  if (command.earlier) return *command.earlier;
  const Account* account = step.state.accounts().Find(command.account_name);
  if (account == nullptr) {
    return NotFound("ACCOUNT_UNKNOWN", absl::StrCat("there is no account '",
                                                    command.account_name, "'"));
  }
  const Place place = Place::Of(account->id);
  if (command.amount <= 0 || command.amount > kAmountMax ||
      command.amount > kAmountMax - step.state.money().BalanceOf(place)) {
    return InvalidArgument(
        "AMOUNT_RANGE",
        absl::StrCat("a deposit is positive, and no balance may pass ",
                     kAmountMax / kAmountPerCoin, " coins"));
  }
  const TransferId made = step.state.Post(
      Place::Outside(), place, command.amount, TransferKind::kDeposit, TaskId{},
      command.request_id, step.now);
  NoteAct(
      step, command.by, "deposit", command.account_name,
      absl::StrCat(FormatCoins(command.amount), " coins, ", made.ToString()));
  return made;
}

absl::StatusOr<SetPayoutTerms::Reply> Execute(Step& step,
                                              const SetPayoutTerms& command) {
  Account account = *step.state.Find(command.caller);
  std::optional<AddressReceipt> told;
  if (command.address) {
    ARCHPOOL_ASSIGN_OR_RETURN(told,
                              ChangeAddress(step, *command.address, account));
  }
  account.payout_threshold =
      command.threshold.value_or(account.payout_threshold);
  if (command.threshold.value_or(0) != 0 &&
      *command.threshold < step.policy.payout_min) {
    return AmountRange(step.policy);
  }
  if (account != *step.state.Find(account.id)) {
    ARCHPOOL_RETURN_IF_ERROR(CheckMayMoveMoney(account));
    step.state.Put(account);
    if (told) step.state.Hand(account.id, *told);
  }
  PayOutIfDue(step, account.id);
  return account;
}

absl::StatusOr<RequestPayout::Reply> Execute(Step& step,
                                             const RequestPayout& command) {
  const PayoutId known{step.state.requests().Find(
      RequestKey::OfPayout(command.caller, command.request_id))};
  const Payout* earlier = step.state.Find(known);
  if (earlier == nullptr && command.earlier) earlier = &*command.earlier;
  if (earlier != nullptr) {
    if (command.amount != 0 && earlier->amount != command.amount) {
      return RequestIdReused(earlier->id.ToString());
    }
    return earlier->id;
  }
  if (known.IsSet()) return known;
  const Account& account = *step.state.Find(command.caller);
  ARCHPOOL_RETURN_IF_ERROR(CheckMayMoveMoney(account));
  if (account.payout_address.empty() && account.next_address) {
    return FailedPrecondition(
        "PAYOUT_ADDRESS_WAITS",
        absl::StrCat(
            "the account's address was set just now, and is paid to "
            "from ",
            absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", account.next_address->time,
                             absl::UTCTimeZone()),
            " on: so its owner can take back what somebody else set; "
            "ask again then"));
  }
  if (account.payout_address.empty()) {
    return FailedPrecondition(
        "PAYOUT_ADDRESS_MISSING",
        "the account has no address to pay to; set one first: archpool payout "
        "set --address ADDRESS");
  }
  const Amount balance = step.state.money().BalanceOf(Place::Of(account.id));
  const Amount amount = command.amount == 0 ? balance : command.amount;
  if (amount > balance) {
    return FailedPrecondition(
        "BALANCE_TOO_LOW",
        absl::StrCat("the account has ", FormatCoins(balance), " coins, and ",
                     FormatCoins(amount),
                     " were asked for; what is not settled yet cannot be paid "
                     "out"));
  }
  if (amount < step.policy.payout_min) return AmountRange(step.policy);
  return SetAside(step, account, amount, command.request_id);
}

absl::StatusOr<BeginSends::Reply> Execute(Step& step,
                                          const BeginSends& command) {
  std::vector<Payout> begun;
  for (const auto& [id, payout] : step.state.money().payouts()) {
    if (std::ssize(begun) >= command.count_max) break;
    // What was set aside for an account that is suspended now waits, too.
    if (payout.state == PayoutState::kWaiting &&
        step.state.Find(payout.account)->state != AccountState::kSuspended) {
      begun.push_back(payout);
    }
  }
  for (Payout& payout : begun) {
    payout.state = PayoutState::kSending;
    ++payout.attempt;
    step.state.Put(payout);
  }
  return begun;
}

absl::StatusOr<DoubtSends::Reply> Execute(Step& step, const DoubtSends&) {
  std::vector<Payout> doubted;
  for (const auto& [id, payout] : step.state.money().payouts()) {
    if (payout.state == PayoutState::kSending) doubted.push_back(payout);
  }
  for (Payout& payout : doubted) {
    payout.state = PayoutState::kUnknown;
    payout.reason = "SENDER_GONE";
    step.state.Put(payout);
  }
  return DoubtSends::Reply();
}

absl::StatusOr<ReviewPayouts::Reply> Execute(Step& step, const ReviewPayouts&) {
  std::vector<Payout> open;
  for (const auto& [id, payout] : step.state.money().payouts()) {
    if (payout.state == PayoutState::kUnknown ||
        payout.state == PayoutState::kSent) {
      open.push_back(payout);
    }
  }
  return open;
}

absl::StatusOr<ReportPayout::Reply> Execute(Step& step,
                                            const ReportPayout& command) {
  const Payout* found = step.state.Find(command.payout);
  if (found == nullptr) {
    if (command.payout.value > step.state.last_ids().payout) {
      return NotFound("PAYOUT_UNKNOWN",
                      absl::StrCat("there is no ", command.payout.ToString()));
    }
    return FailedPrecondition("PAYOUT_ENDED",
                              absl::StrCat(command.payout.ToString(),
                                           " has ended and cannot change"));
  }
  if (found->state == PayoutState::kWaiting) {
    return FailedPrecondition(
        "PAYOUT_NOT_SENT",
        absl::StrCat("no send of ", command.payout.ToString(), " was begun"));
  }
  Payout payout = *found;
  payout.reason = command.reason;
  if (!command.reference.empty()) payout.reference = command.reference;
  switch (command.word) {
    case RailWord::kSettled:
      End(step, payout, PayoutState::kSettled);
      return PayoutState::kSettled;
    case RailWord::kRefused:
      End(step, payout, PayoutState::kRefused);
      return PayoutState::kRefused;
    case RailWord::kSent:
      payout.state = PayoutState::kSent;
      break;
    case RailWord::kDoubt:
      // What the rail once said it has, it has.
      if (payout.state != PayoutState::kSent) {
        payout.state = PayoutState::kUnknown;
      }
      break;
    case RailWord::kNeverSeen:
      // A rail that has forgotten what it said it has is asked again.
      payout.state = payout.state == PayoutState::kSent ? PayoutState::kSent
                                                        : PayoutState::kWaiting;
      break;
  }
  if (payout != *found) step.state.Put(payout);
  return payout.state;
}

}  // namespace archpool::money
