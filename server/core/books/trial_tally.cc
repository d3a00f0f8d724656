// SPDX-License-Identifier: Apache-2.0
#include "server/core/books/trial_tally.h"

#include "common/model/chance.h"

namespace archpool {
namespace {

// For a result above chance on the validation split.
bool ShowsLearning(const Trial& trial, const DatasetManifest& manifest) {
  if (trial.known_from.IsSet() && !trial.measured) return true;
  return trial.measured &&
         IsAboveChance(trial.measured->held_out_correct,
                       manifest.held_out_count, manifest.classes);
}

}  // namespace

int64_t HeldOutGapPpm(const DatasetManifest& manifest,
                      int64_t validation_correct, int64_t held_out_correct) {
  return validation_correct * 1'000'000 / manifest.validation_count -
         held_out_correct * 1'000'000 / manifest.held_out_count;
}

void TrialTally::Count(const Trial& trial, const DatasetManifest& manifest,
                       int64_t sign) {
  CountResult(trial, manifest, sign);
  CountGap(trial, manifest, sign);
  if (trial.known_from.IsSet()) return;
  const bool claims =
      IsPending(trial.state) || trial.state == TrialState::kAccepted;
  if (claims && !IsMatured(trial)) {
    SetIn(immature, trial.account, {CommitTimeOf(trial), trial.id}, sign > 0);
  }
  CountState(trial, sign);
}

void TrialTally::CountResult(const Trial& trial,
                             const DatasetManifest& manifest, int64_t sign) {
  if (trial.state != TrialState::kAccepted) return;
  if (!trial.is_at_chance) {
    above_chance += sign;
    if (ShowsLearning(trial, manifest)) learnt += sign;
  } else if (trial.measured && !trial.known_from.IsSet()) {
    at_chance += sign;
    AddTo(at_chance_by, trial.account, sign);
  }
}

void TrialTally::CountGap(const Trial& trial, const DatasetManifest& manifest,
                          int64_t sign) {
  if (BasisOf(trial) != TrialBasis::kReplayed || !trial.measured) return;
  const int64_t gap_ppm =
      HeldOutGapPpm(manifest, trial.measured->validation_correct,
                    trial.measured->held_out_correct);
  if (sign > 0) {
    replayed_gaps_ppm.insert(gap_ppm);
    return;
  }
  const auto found = replayed_gaps_ppm.find(gap_ppm);
  if (found != replayed_gaps_ppm.end()) replayed_gaps_ppm.erase(found);
}

void TrialTally::CountState(const Trial& trial, int64_t sign) {
  const WorkUnits units = sign * trial.work_units;
  const auto reserve = [&] {
    reserved_units += units;
    AddTo(reserved_units_by, trial.account, units);
  };
  switch (trial.state) {
    case TrialState::kAssigned:
      assigned += sign;
      reserve();
      break;
    case TrialState::kCommitted:
    case TrialState::kUploaded:
      pending += sign;
      if (trial.is_at_chance) pending_at_chance += sign;
      reserve();
      break;
    case TrialState::kAccepted:
      accepted += sign;
      accepted_units += units;
      break;
    case TrialState::kRejected:
      // What was paid for in vain is spent.
      if (SettlementOf(trial).pay > 0) accepted_units += units;
      break;
    case TrialState::kAbandoned:
      break;
  }
}

}  // namespace archpool
