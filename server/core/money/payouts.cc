// Money that leaves the pool: set aside first, sent by the payer, and settled
// or returned by what the rail says, never by what somebody supposes.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/crypto/canonical.h"
#include "server/core/pool.h"
#include "server/core/pool_internal.h"

namespace archpool {
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

PayoutId SetAside(PoolState& state, const Account& account, Amount amount,
                  const std::string& request_id, absl::Time now) {
  Payout payout{.id = state.NextPayoutId(),
                .account = account.id,
                .amount = amount,
                .address = account.payout_address,
                .request_id = request_id,
                .create_time = now};
  payout.key = KeyOf(payout);
  state.Put(payout);
  state.Post(Place::Of(account.id), Place::Payouts(), amount,
             TransferKind::kPayout, TaskId{}, "", now, payout.id);
  return payout.id;
}

absl::Status AmountRange(const PoolPolicy& policy) {
  return InvalidArgument(
      "AMOUNT_RANGE",
      absl::StrCat("the least that is paid out is ", policy.payout_min,
                   " millionths of a coin; let more come together"));
}

void End(PoolState& state, Payout payout, PayoutState outcome, absl::Time now) {
  payout.state = outcome;
  payout.end_time = now;
  const bool is_settled = outcome == PayoutState::kSettled;
  state.Post(Place::Payouts(),
             is_settled ? Place::Outside() : Place::Of(payout.account),
             payout.amount,
             is_settled ? TransferKind::kSettle : TransferKind::kReturn,
             TaskId{}, "", now, payout.id);
  state.Put(payout);
}

}  // namespace

namespace internal {

absl::Status RequestIdReused(const std::string& made) {
  return AlreadyExists(
      "REQUEST_ID_REUSED",
      absl::StrCat("request_id was used for ", made,
                   ", which is another one; give a new request_id"));
}

absl::Status CheckMayMoveMoney(const Account& account) {
  if (account.state != AccountState::kSuspended) return absl::OkStatus();
  return FailedPrecondition(
      "ACCOUNT_SUSPENDED",
      absl::StrCat("account '", account.name,
                   "' is suspended, and its money stays where it is until the "
                   "pool's operator has looked at it; ask the operator"));
}

void PayOutIfDue(PoolState& state, const PoolPolicy& policy, AccountId id,
                 absl::Time now) {
  const Account& account = *state.Find(id);
  const Amount balance = state.BalanceOf(Place::Of(id));
  if (account.state == AccountState::kSuspended ||
      account.payout_threshold == 0 || account.payout_address.empty() ||
      balance < account.payout_threshold || balance < policy.payout_min) {
    return;
  }
  SetAside(state, account, balance, "", now);
}

}  // namespace internal

absl::StatusOr<SetPayoutTerms::Reply> Pool::Execute(
    const SetPayoutTerms& command, absl::Time now) {
  Account account = *state_.Find(command.caller);
  account.payout_address = command.address.value_or(account.payout_address);
  account.payout_threshold =
      command.threshold.value_or(account.payout_threshold);
  if (command.threshold.value_or(0) != 0 &&
      *command.threshold < policy_.payout_min) {
    return AmountRange(policy_);
  }
  if (account != *state_.Find(account.id)) {
    ARCHPOOL_RETURN_IF_ERROR(internal::CheckMayMoveMoney(account));
    state_.Put(account);
  }
  internal::PayOutIfDue(state_, policy_, account.id, now);
  return account;
}

absl::StatusOr<RequestPayout::Reply> Pool::Execute(const RequestPayout& command,
                                                   absl::Time now) {
  const int64_t earlier = state_.FindRequest(
      RequestKey::OfPayout(command.caller, command.request_id));
  if (earlier != 0) {
    const Payout* open = state_.Find(PayoutId{earlier});
    if (open != nullptr && command.amount != 0 &&
        open->amount != command.amount) {
      return internal::RequestIdReused(open->id.ToString());
    }
    return PayoutId{earlier};
  }
  const Account& account = *state_.Find(command.caller);
  ARCHPOOL_RETURN_IF_ERROR(internal::CheckMayMoveMoney(account));
  if (account.payout_address.empty()) {
    return FailedPrecondition(
        "PAYOUT_ADDRESS_MISSING",
        "the account has no address to pay to; set one first: archpool payout "
        "set --address ADDRESS");
  }
  const Amount balance = state_.BalanceOf(Place::Of(account.id));
  const Amount amount = command.amount == 0 ? balance : command.amount;
  if (amount > balance) {
    return FailedPrecondition(
        "BALANCE_TOO_LOW",
        absl::StrCat("the account has ", balance, " millionths of a coin, and ",
                     amount,
                     " were asked for; what is not settled yet cannot be paid "
                     "out"));
  }
  if (amount < policy_.payout_min) return AmountRange(policy_);
  return SetAside(state_, account, amount, command.request_id, now);
}

absl::StatusOr<BeginSends::Reply> Pool::Execute(const BeginSends& command,
                                                absl::Time) {
  std::vector<Payout> begun;
  for (const auto& [id, payout] : state_.payouts()) {
    if (std::ssize(begun) >= command.count_max) break;
    if (payout.state == PayoutState::kWaiting) begun.push_back(payout);
  }
  for (Payout& payout : begun) {
    payout.state = PayoutState::kSending;
    ++payout.attempt;
    state_.Put(payout);
  }
  return begun;
}

absl::StatusOr<DoubtSends::Reply> Pool::Execute(const DoubtSends&, absl::Time) {
  std::vector<Payout> doubted;
  for (const auto& [id, payout] : state_.payouts()) {
    if (payout.state == PayoutState::kSending) doubted.push_back(payout);
  }
  for (Payout& payout : doubted) {
    payout.state = PayoutState::kUnknown;
    payout.reason = "SENDER_GONE";
    state_.Put(payout);
  }
  return DoubtSends::Reply();
}

absl::StatusOr<ReviewPayouts::Reply> Pool::Execute(const ReviewPayouts&,
                                                   absl::Time) {
  std::vector<Payout> open;
  for (const auto& [id, payout] : state_.payouts()) {
    if (payout.state == PayoutState::kUnknown ||
        payout.state == PayoutState::kSent) {
      open.push_back(payout);
    }
  }
  return open;
}

absl::StatusOr<ReportPayout::Reply> Pool::Execute(const ReportPayout& command,
                                                  absl::Time now) {
  const Payout* found = state_.Find(command.payout);
  if (found == nullptr) {
    if (command.payout.value > state_.last_ids().payout) {
      return NotFound("PAYOUT_UNKNOWN",
                      absl::StrCat("there is no ", command.payout.ToString()));
    }
    return FailedPrecondition(
        "PAYOUT_ENDED",
        absl::StrCat(command.payout.ToString(), " has ended, and stays so"));
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
      End(state_, payout, PayoutState::kSettled, now);
      return PayoutState::kSettled;
    case RailWord::kRefused:
      End(state_, payout, PayoutState::kRefused, now);
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
  if (payout != *found) state_.Put(payout);
  return payout.state;
}

}  // namespace archpool
