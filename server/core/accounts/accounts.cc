// SPDX-License-Identifier: Apache-2.0
#include "server/core/accounts/accounts.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/status.h"
#include "server/core/accounts/tokens.h"
#include "server/core/state/opened.h"
#include "server/core/state/operator_acts.h"
#include "server/core/state/quotas.h"
#include "server/core/state/storage.h"

namespace archpool::accounts {

absl::Status CheckNew(const PoolState& state, const std::string& name,
                      const Digest& token_hash) {
  if (state.accounts().Find(name) != nullptr) {
    return AlreadyExists("ACCOUNT_NAME_TAKEN",
                         absl::StrCat("there is already an account '", name,
                                      "'; choose another name"));
  }
  if (state.FindToken(token_hash) == nullptr) return absl::OkStatus();
  return AlreadyExists("TOKEN_TAKEN",
                       "another account has this token; make a new one");
}

namespace {

// How exactly it is known when a file was last sent: each note is a row.
constexpr absl::Duration kFileUseNoted = absl::Hours(1);

// "leases 5, group smith".
std::string WordsOf(const SetQuotas& command) {
  std::string words;
  const auto add = [&words](const char* name, const auto& value) {
    if (!value) return;
    absl::StrAppend(&words, words.empty() ? "" : ", ", name, " ", *value);
  };
  add("open_tasks", command.open_tasks);
  add("leases", command.leases);
  add("sessions", command.sessions);
  add("stored_bytes", command.stored_bytes);
  add("group", command.group);
  return words;
}

}  // namespace

absl::StatusOr<CreateAccount::Reply> Execute(Step& step,
                                             const CreateAccount& command) {
  const Account* found = step.state.accounts().Find(command.name);
  // The same request again, whose answer was lost.
  if (found != nullptr && found->role == command.role &&
      found->token_hash == command.token_hash) {
    return *found;
  }
  ARCHPOOL_RETURN_IF_ERROR(
      CheckNew(step.state, command.name, command.token_hash));
  const Account account{.id = step.state.NextAccountId(),
                        .name = command.name,
                        .role = command.role,
                        .token_hash = command.token_hash};
  step.state.Put(account);
  step.state.Put(FirstToken(account.id, account.token_hash, step.now));
  NoteAct(step, command.by, "create_account", account.name,
          ToString(account.role));
  return account;
}

absl::StatusOr<SetAccountState::Reply> Execute(Step& step,
                                               const SetAccountState& command) {
  const Account* found = step.state.accounts().Find(command.name);
  if (found == nullptr) {
    return NotFound("ACCOUNT_UNKNOWN",
                    absl::StrCat("there is no account '", command.name, "'"));
  }
  Account account = *found;
  if (account.state == command.state) return account;
  account.state = command.state;
  account.rejections_in_a_row = 0;
  std::optional<AddressReceipt> waits_again;
  if (account.state == AccountState::kActive && account.next_address) {
    // Its owner could not take it back meanwhile.
    account.next_address->time =
        std::max(account.next_address->time,
                 step.now + absl::Trunc(step.policy.payout_address_wait,
                                        absl::Microseconds(1)));
    waits_again = AddressReceipt{account.next_address->address, "waiting",
                                 account.next_address->time};
  }
  step.state.Put(account);
  if (waits_again) step.state.Hand(account.id, *waits_again);
  NoteAct(step, command.by,
          account.state == AccountState::kSuspended ? "suspend" : "reinstate",
          account.name, "");
  if (account.state == AccountState::kSuspended) {
    step.facts.push_back(AccountSuspended{account.id});
  }
  return account;
}

absl::StatusOr<SetVisibility::Reply> Execute(Step& step,
                                             const SetVisibility& command) {
  Account account = *step.state.Find(command.caller);
  if (account.is_public == command.is_public) return account;
  account.is_public = command.is_public;
  step.state.Put(account);
  return account;
}

absl::StatusOr<SetQuotas::Reply> Execute(Step& step, const SetQuotas& command) {
  const Account* found = step.state.accounts().Find(command.name);
  if (found == nullptr) {
    return NotFound("ACCOUNT_UNKNOWN",
                    absl::StrCat("there is no account '", command.name, "'"));
  }
  Account account = *found;
  AccountQuotas& quotas = account.quotas;
  quotas.open_tasks = command.open_tasks.value_or(quotas.open_tasks);
  quotas.leases = command.leases.value_or(quotas.leases);
  quotas.sessions = command.sessions.value_or(quotas.sessions);
  quotas.stored_bytes = command.stored_bytes.value_or(quotas.stored_bytes);
  account.group = command.group.value_or(account.group);
  if (account != *found) {
    step.state.Put(account);
    NoteAct(step, command.by, "set_quotas", account.name, WordsOf(command));
  }
  return SetQuotas::Reply{
      .account = account,
      .open_tasks = {OpenTasksOf(step.state, account.id),
                     OpenTasksMax(step.state, step.policy, account)},
      .leases = {step.state.leases().CountOf(account.id),
                 LeasesMax(step.state, step.policy, account)},
      .sessions = {step.state.sessions().CountOf(account.id),
                   SessionsMax(step.state, step.policy, account)},
      .stored_bytes = {StoredBytesOf(step.state, account.id),
                       StoredBytesMax(step.state, step.policy, account)},
      .subspaces_opened = {OpenedBy(step.memory.boxes_opened, account.id,
                                    step.now),
                           BoxesOpenedMax(step.state, step.memory, step.policy,
                                          account, step.now)},
      .sessions_opened = {OpenedBy(step.memory.sessions_opened, account.id,
                                   step.now),
                          SessionsOpenedMax(step.state, step.memory, account,
                                            step.now)},
      .pause_left = PauseLeft(step.state, step.policy, account, step.now),
      .is_proven = IsProven(account)};
}

absl::StatusOr<AskForRoom::Reply> Execute(Step& step,
                                          const AskForRoom& command) {
  if (command.file &&
      step.state.files().contains({command.caller, *command.file})) {
    return AskForRoom::Reply();
  }
  ARCHPOOL_RETURN_IF_ERROR(CheckRoom(step.state, step.policy,
                                     *step.state.Find(command.caller),
                                     command.bytes));
  return AskForRoom::Reply();
}

absl::StatusOr<ConfirmFile::Reply> Execute(Step& step,
                                           const ConfirmFile& command) {
  const StoredFile file{.account = command.caller,
                        .digest = command.digest,
                        .size_bytes = command.size_bytes,
                        .create_time = step.now};
  if (const auto found = step.state.files().find(KeyOf(file));
      found != step.state.files().end()) {
    // A client that sends it again is about to use it.
    if (step.now >= found->second.create_time + kFileUseNoted) {
      step.state.Put(file);
    }
    return ConfirmFile::Reply();
  }
  step.state.Put(file);
  AddStored(step.state, command.caller, CountedBytes(command.size_bytes), 0);
  return ConfirmFile::Reply();
}

}  // namespace archpool::accounts
