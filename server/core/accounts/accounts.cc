#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "server/core/pool.h"
#include "server/core/pool_internal.h"
#include "server/core/state/quotas.h"

namespace archpool {

absl::StatusOr<CreateAccount::Reply> Pool::Execute(const CreateAccount& command,
                                                   absl::Time) {
  if (const Account* found = state_.FindAccount(command.name)) {
    // The same request again, whose answer was lost.
    if (found->role == command.role &&
        found->token_hash == command.token_hash) {
      return *found;
    }
    return AlreadyExists("ACCOUNT_NAME_TAKEN",
                         absl::StrCat("there is already an account '",
                                      command.name, "'; choose another name"));
  }
  for (const auto& [id, other] : state_.accounts()) {
    if (other.token_hash == command.token_hash) {
      return AlreadyExists("TOKEN_TAKEN",
                           "another account has this token; make a new one");
    }
  }
  const Account account{.id = state_.NextAccountId(),
                        .name = command.name,
                        .role = command.role,
                        .token_hash = command.token_hash};
  state_.Put(account);
  return account;
}

absl::StatusOr<SetAccountState::Reply> Pool::Execute(
    const SetAccountState& command, absl::Time now) {
  const Account* found = state_.FindAccount(command.name);
  if (found == nullptr) {
    return NotFound("ACCOUNT_UNKNOWN",
                    absl::StrCat("there is no account '", command.name, "'"));
  }
  Account account = *found;
  if (account.state == command.state) return account;
  account.state = command.state;
  account.rejections_in_a_row = 0;
  state_.Put(account);
  if (account.state == AccountState::kSuspended) {
    internal::Suspend(state_, account.id, now);
    internal::SettleFinishing(state_, policy_, now);
  }
  return *state_.Find(account.id);
}

absl::StatusOr<SetVisibility::Reply> Pool::Execute(const SetVisibility& command,
                                                   absl::Time) {
  Account account = *state_.Find(command.caller);
  if (account.is_public == command.is_public) return account;
  account.is_public = command.is_public;
  state_.Put(account);
  return account;
}

absl::StatusOr<SetQuotas::Reply> Pool::Execute(const SetQuotas& command,
                                               absl::Time now) {
  const Account* found = state_.FindAccount(command.name);
  if (found == nullptr) {
    return NotFound("ACCOUNT_UNKNOWN",
                    absl::StrCat("there is no account '", command.name, "'"));
  }
  Account account = *found;
  AccountQuotas& quotas = account.quotas;
  quotas.open_tasks = command.open_tasks.value_or(quotas.open_tasks);
  quotas.leases = command.leases.value_or(quotas.leases);
  quotas.sessions = command.sessions.value_or(quotas.sessions);
  if (account != *found) state_.Put(account);
  return SetQuotas::Reply{
      .account = account,
      .open_tasks = {internal::OpenTasksOf(state_, account.id),
                     internal::OpenTasksMax(policy_, account)},
      .leases = {state_.LeaseCount(account.id),
                 internal::LeasesMax(policy_, account)},
      .sessions = {state_.SessionCount(account.id),
                   internal::SessionsMax(policy_, account)},
      .pause_left = internal::PauseLeft(policy_, account, now),
      .is_proven = internal::IsProven(account)};
}

absl::StatusOr<Deposit::Reply> Pool::Execute(const Deposit& command,
                                             absl::Time now) {
  const int64_t earlier = state_.FindRequest({AccountId{}, command.request_id});
  if (earlier != 0) return TransferId{earlier};
  const Account* account = state_.FindAccount(command.account_name);
  if (account == nullptr) {
    return NotFound("ACCOUNT_UNKNOWN", absl::StrCat("there is no account '",
                                                    command.account_name, "'"));
  }
  const Place place = Place::Of(account->id);
  if (command.amount <= 0 || command.amount > kAmountMax ||
      command.amount > kAmountMax - state_.BalanceOf(place)) {
    return InvalidArgument(
        "AMOUNT_RANGE",
        absl::StrCat("a deposit is positive, and no balance may pass ",
                     kAmountMax / kAmountPerCoin, " coins"));
  }
  return state_.Post(Place::Outside(), place, command.amount,
                     TransferKind::kDeposit, TaskId{}, command.request_id, now);
}

absl::StatusOr<RegisterDataset::Reply> Pool::Execute(
    const RegisterDataset& command, absl::Time) {
  const DatasetRecord record{.id = command.manifest.Id(),
                             .owner = command.caller,
                             .manifest = command.manifest,
                             .held_out = command.held_out};
  const DatasetRecord* found = state_.FindDataset(record.id);
  if (found != nullptr) return *found;
  state_.Put(record);
  return record;
}

}  // namespace archpool
