// SPDX-License-Identifier: Apache-2.0
#include "server/core/state/queries.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/crypto/canonical.h"
#include "common/model/chance.h"
#include "common/nas/sampling.h"
#include "server/core/rules/network_setup.h"

namespace archpool {

absl::StatusOr<Session> OwnSession(const PoolState& state, AccountId caller,
                                   SessionId id) {
  const Session* session = state.Find(id);
  if (session == nullptr || session->account != caller) {
    return NotFound("SESSION_UNKNOWN",
                    absl::StrCat(id.ToString(),
                                 " is not an open session of this account; "
                                 "open one again"));
  }
  return *session;
}

int64_t TrialsLeft(const Task& task, const TaskIndex& index) {
  const int64_t trials_max = task.spec->budget.trials_max;
  if (trials_max == 0) return INT64_MAX;
  return trials_max - index.tally.assigned - index.tally.pending -
         index.tally.accepted;
}

const DatasetManifest& ManifestOf(const PoolState& state, TaskId task) {
  return state.IndexOf(task).manifest;
}

bool IsAboveChance(const PoolState& state, const Trial& trial) {
  const DatasetManifest& manifest = ManifestOf(state, trial.task);
  return archpool::IsAboveChance(ValidationCorrect(trial),
                                 manifest.validation_count, manifest.classes);
}

TrainingSize SizeOf(const PoolState& state, const Trial& trial) {
  const Task& task = *state.Find(trial.task);
  const TaskSpec& spec = *task.spec;
  const absl::StatusOr<Candidate> candidate =
      MakeCandidate(spec.space, trial.architecture,
                    SetupOfKnown(task, ManifestOf(state, trial.task)));
  ARCHPOOL_CHECK(candidate.ok());
  return SizeOf(candidate->plan, spec.recipe);
}

Digest TrialKey(const Task& task, const Digest& architecture_id,
                AccountId account, int64_t rung) {
  CanonicalWriter writer("archpool/trial-key/v1");
  writer.Fixed(architecture_id).Int(account.value);
  if (rung > 0) writer.Int(rung);
  return HmacSha256(task.secret, writer.encoding());
}

Assignment AssignmentOf(const PoolState& state, const Task& task,
                        const Trial& trial) {
  Assignment assignment{.trial = trial.id,
                        .architecture = trial.architecture,
                        .architecture_id = trial.architecture_id,
                        .trial_key = TrialKey(task, trial.architecture_id,
                                              trial.account, trial.rung),
                        .rung = trial.rung,
                        .resumes = trial.resumes};
  if (trial.resumes.IsSet()) {
    const Commitment& below = CommitmentOf(*state.Find(trial.resumes));
    assignment.initial_weights = below.weights_digest;
    assignment.initial_weights_size_bytes = below.weights_size_bytes;
  }
  return assignment;
}

bool AwaitsMeasurements(const PoolState& state, const PoolPolicy& policy,
                        TaskId id) {
  const TaskIndex& index = state.IndexOf(id);
  return index.tally.learnt == 0 && index.tally.pending > 0 &&
         index.tally.at_chance + index.tally.pending_at_chance >=
             policy.nothing_learns_trials;
}

bool IsVoid(const PoolState& state, const Trial& trial) {
  if (state.accounts().judged().empty()) return false;
  if (IsMatured(trial) || trial.known_from.IsSet() ||
      (!IsPending(trial.state) && trial.state != TrialState::kAccepted)) {
    return false;
  }
  const std::optional<absl::Time>& until =
      state.Find(trial.account)->void_until;
  return until && CommitTimeOf(trial) <= *until;
}

namespace {

// Whether the account has claims in the task that were committed by `until`.
bool HasBy(const TaskIndex& index, AccountId account,
           const std::optional<absl::Time>& until) {
  if (!until) return false;
  const auto found = index.tally.immature.find(account);
  return found != index.tally.immature.end() &&
         found->second.begin()->first <= *until;
}

}  // namespace

bool HasVoid(const PoolState& state, TaskId id) {
  const auto& judged = state.accounts().judged();
  return std::any_of(judged.begin(), judged.end(), [&](AccountId account) {
    return HasBy(state.IndexOf(id), account, state.Find(account)->void_until);
  });
}

bool IsBeingJudged(const PoolState& state, TaskId id) {
  const auto& judged = state.accounts().judged();
  return HasVoid(state, id) ||
         std::any_of(judged.begin(), judged.end(), [&](AccountId account) {
           return HasBy(state.IndexOf(id), account,
                        state.Find(account)->examine_until);
         });
}

bool HasAway(const PoolState& state, TaskId id) {
  const auto& away = state.audits().away();
  if (away.empty()) return false;
  const auto& immature = state.IndexOf(id).tally.immature;
  return std::any_of(away.begin(), away.end(), [&](const auto& one) {
    return immature.contains(one.first);
  });
}

bool IsReadyToSettle(const PoolState& state, TaskId id) {
  const Task* task = state.Find(id);
  if (task == nullptr || task->state != TaskState::kFinishing) return false;
  const TaskIndex& index = state.IndexOf(id);
  return index.tally.pending == 0 && index.leases.empty() &&
         index.audits.empty() && !IsBeingJudged(state, id) &&
         !HasAway(state, id);
}

std::vector<TaskId> ReadyToSettle(const PoolState& state) {
  std::vector<TaskId> ready;
  for (const auto& [id, task] : state.tasks().all()) {
    if (IsReadyToSettle(state, id)) ready.push_back(id);
  }
  return ready;
}

absl::Status RequestIdReused(const std::string& made) {
  return AlreadyExists(
      "REQUEST_ID_REUSED",
      absl::StrCat("request_id was used for ", made,
                   ", which is another one; give a new request_id"));
}

}  // namespace archpool
