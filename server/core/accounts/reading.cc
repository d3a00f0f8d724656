// SPDX-License-Identifier: Apache-2.0
// What an account's work gives it a reason to read.
#include <algorithm>
#include <vector>

#include "common/base/status.h"
#include "server/core/accounts/accounts.h"

namespace archpool::accounts {
namespace {

bool IsOn(const PoolState& state, TaskId id, const Digest& dataset) {
  const Task* task = state.Find(id);
  return task != nullptr && task->spec->dataset == dataset;
}

bool IsOn(const PoolState& state, AuditId id, const Digest& dataset) {
  const Audit* audit = state.audits().Find(id);
  return audit != nullptr && IsOn(state, audit->task, dataset);
}

bool HoldsLeaseOn(const PoolState& state, AccountId miner,
                  const Digest& dataset) {
  for (const SessionId session : state.sessions().Of(miner)) {
    for (const LeaseId lease : state.leases().Of(session)) {
      if (IsOn(state, state.leases().Find(lease)->task, dataset)) return true;
    }
  }
  return false;
}

bool IsAskedOn(const PoolState& state, AccountId miner, const Digest& dataset) {
  const auto is_on = [&](AuditId audit) { return IsOn(state, audit, dataset); };
  const auto& asked = state.audits().AskedOf(miner);
  const auto& away = state.audits().AwayOf(miner);
  return std::any_of(asked.begin(), asked.end(), is_on) ||
         std::any_of(away.begin(), away.end(), is_on);
}

AskToRead::Reply MinerMayRead(const PoolState& state,
                              const AskToRead& command) {
  if (command.dataset.IsZero()) return {};
  return {.may = HoldsLeaseOn(state, command.caller, command.dataset) ||
                 IsAskedOn(state, command.caller, command.dataset)};
}

AskToRead::Reply VerifierMayRead(const PoolState& state,
                                 const AskToRead& command) {
  AskToRead::Reply reply;
  for (const AuditId id : state.audits().HeldBy(command.caller)) {
    const Audit& audit = *state.audits().Find(id);
    if (!command.dataset.IsZero()) {
      reply.may = reply.may || IsOn(state, audit.task, command.dataset);
      continue;
    }
    const Trial* trial = state.Find(audit.trial);
    const bool is_audited = audit.trial == command.trial;
    reply.is_audited = reply.is_audited || is_audited;
    reply.may = reply.may || is_audited ||
                (trial != nullptr && trial->resumes == command.trial);
  }
  return reply;
}

}  // namespace

absl::StatusOr<CheckFiles::Reply> Execute(Step& step,
                                          const CheckFiles& command) {
  const bool are_own = std::all_of(
      command.files.begin(), command.files.end(), [&](const Digest& file) {
        return step.state.files().contains({command.caller, file});
      });
  if (are_own) return CheckFiles::Reply();
  return NotFound("BLOB_UNKNOWN",
                  "a file that the dataset names was not sent by this account; "
                  "send all of them first");
}

absl::StatusOr<AskToRead::Reply> Execute(Step& step, const AskToRead& command) {
  const Account* caller = step.state.Find(command.caller);
  if (caller == nullptr) return AskToRead::Reply();
  switch (caller->role) {
    case Role::kMiner:
      return MinerMayRead(step.state, command);
    case Role::kVerifier:
      return VerifierMayRead(step.state, command);
    case Role::kClient:
    case Role::kOperator:
      break;
  }
  return AskToRead::Reply();
}

}  // namespace archpool::accounts
