// SPDX-License-Identifier: Apache-2.0
#include "server/core/books/network_index.h"

namespace archpool {

bool HoldsNetwork(TrialState state) {
  return state != TrialState::kRejected && state != TrialState::kAbandoned;
}

NetworkIndex::NetworkIndex(const Recipe& recipe)
    : rungs(static_cast<size_t>(recipe.last_rung()),
            RungBoard(recipe.promoted_one_in)) {}

void NetworkIndex::Add(const Trial& trial) {
  if (trial.resumes.IsSet()) grown[trial.resumes].push_back(trial.id);
}

void NetworkIndex::Count(const Trial& trial, int64_t ppm, int64_t sign) {
  if (trial.state == TrialState::kRejected ||
      (trial.state == TrialState::kAbandoned && trial.reason == kImpossible)) {
    const std::tuple place(trial.account, trial.architecture_id, trial.rung);
    if (sign > 0) {
      rejected.insert(place);
    } else {
      rejected.erase(place);
    }
  }
  if (trial.rung > 0) {
    CountAbove(trial, sign);
  } else {
    if (trial.state == TrialState::kAbandoned && trial.reason != kSuperseded) {
      SetIn(abandoned, trial.account, trial.id, sign > 0);
    }
    if (HoldsNetwork(trial.state)) AddTo(taken, trial.architecture_id, sign);
  }
  if (IsResult(trial)) CountOnBoard(trial, ppm, sign);
}

void NetworkIndex::CountAbove(const Trial& trial, int64_t sign) {
  if (trial.state == TrialState::kAbandoned && trial.resumes.IsSet() &&
      trial.reason != kSuperseded) {
    resumptions_given_up[trial.resumes] += sign;
  }
  if (!HoldsNetwork(trial.state)) return;
  AddTo(promoted, {trial.architecture_id, trial.rung}, sign);
  rungs[static_cast<size_t>(trial.rung - 1)].SetPromoted(
      trial.architecture_id, IsTaken(trial.architecture_id, trial.rung));
}

void NetworkIndex::CountOnBoard(const Trial& trial, int64_t ppm, int64_t sign) {
  if (trial.rung >= std::ssize(rungs)) return;
  RungBoard& board = rungs[static_cast<size_t>(trial.rung)];
  const RungBoard::Result result{ppm, trial.id, trial.architecture_id,
                                 trial.account};
  sign > 0 ? board.Insert(result) : board.Erase(result);
}

bool NetworkIndex::IsTaken(const Digest& architecture, int64_t rung) const {
  return rung == 0 ? taken.contains(architecture)
                   : promoted.contains({architecture, rung});
}

}  // namespace archpool
