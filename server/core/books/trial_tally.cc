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

void TrialTally::Count(const Trial& trial, const DatasetManifest& manifest,
                       int64_t sign) {
  CountResult(trial, manifest, sign);
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
