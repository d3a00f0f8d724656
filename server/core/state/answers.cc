// SPDX-License-Identifier: Apache-2.0
#include "server/core/state/answers.h"

#include <algorithm>
#include <optional>

#include "server/core/rules/answer_size.h"
#include "server/core/rules/retention.h"

namespace archpool {

namespace {

// Leases that show a worker's pace.
constexpr int64_t kPacesMin = 3;

// How long the trial's miner needs to train it once more: by the pace that was
// measured of it, with room for what else it does meanwhile.
absl::Duration TrainingAgain(const PoolState& state, const PoolPolicy& policy,
                             const Trial& trial) {
  const Commitment& commitment = CommitmentOf(trial);
  const Session* session = state.Find(commitment.session);
  const Moments& of_account =
      state.Find(trial.account)->performance.pace_permille;
  const Moments& pace =
      session != nullptr &&
              session->performance.pace_permille.count >= kPacesMin
          ? session->performance.pace_permille
          : of_account;
  const absl::Duration work = absl::Microseconds(trial.work_units);
  const absl::Duration slowest = policy.slowness_max * work;
  if (pace.count < kPacesMin) {
    // As it took the first time: a worker that trained nothing is not waited
    // for.
    const absl::Duration took = CommitTimeOf(trial) - trial.create_time;
    return std::min(slowest, kPaceRoom * std::max(work, took));
  }
  return std::clamp(kPaceRoom * pace.sum / pace.count * work / 1'000, work,
                    slowest);
}

}  // namespace

bool WantsWeights(const Recipe& recipe, const Trial& trial) {
  return trial.rung < recipe.last_rung();
}

bool WeightsWereHere(const RetentionPolicy& policy, const Task& task,
                     const Trial& trial, absl::Time now) {
  const std::optional<TrialBasis> basis = BasisOf(trial);
  if (basis == TrialBasis::kSampledOut) {
    // Nobody drew it: it was accepted at once, or, where the next rung may
    // continue from them, when they had come.
    return WantsWeights(task.spec->recipe, trial);
  }
  if (basis == TrialBasis::kUnverified) {
    // Some miners sent them, some did not: what would still be kept did not
    // come.
    return IsOver(policy,
                  WeightsClaim{.trial = trial.id,
                               .task = task.id,
                               .state = trial.state,
                               .task_end_time = task.end_time},
                  now);
  }
  return true;
}

absl::Duration AnswerTime(const PoolState& state, const PoolPolicy& policy,
                          const Trial& trial, int64_t parts,
                          const AskedLoad& before) {
  const int64_t size_bytes = AnswerSizeBytes(trial, parts) + before.bytes;
  const absl::Duration sending =
      absl::Microseconds(size_bytes * 1'000'000 / policy.upload_rate_min);
  return policy.upload_term + sending +
         before.answers * policy.answer_handling +
         TrainingAgain(state, policy, trial);
}

absl::Time AnswerDeadline(const PoolState& state, const PoolPolicy& policy,
                          const Trial& trial, int64_t parts, absl::Time now) {
  return now + AnswerTime(state, policy, trial, parts,
                          state.audits().AskedOf(CommitmentOf(trial).session));
}

}  // namespace archpool
