// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/random_commands.h"

#include <cstddef>
#include <string>
#include <utility>
#include <variant>

#include "absl/time/time.h"
#include "common/model/arithmetic.h"
#include "tests/support/pool_fixture.h"

namespace archpool {

TaskSpec RandomTinySpec(CounterRng& rng) {
  TaskSpec spec = TinySpec(static_cast<int>(1 + rng.Below(6)));
  spec.terms.reward = 1 + rng.Below(2'000'000);
  spec.subspaces = 1 + rng.Below(8);
  spec.trials_per_lease = 1 + rng.Below(4);
  spec.recipe.segments = kSegments;
  if (rng.Below(2) == 0) {
    spec.recipe.further_epochs = {1, 2};
    spec.recipe.promoted_one_in = 2;
  }
  spec.budget.work_units = 20'000 + rng.Below(2'000'000);
  spec.budget.trials_max = rng.Below(3) == 0 ? 1 + rng.Below(6) : 0;
  spec.budget.target_accuracy_ppm = rng.Below(2) == 0 ? 0 : 900'000;
  spec.budget.time_limit = absl::Seconds(60 + rng.Below(2000));
  return spec;
}

RankCandidates RandomRanking(CounterRng& rng, const Task& task) {
  const SearchSpace& space = task.spec->space;
  RankCandidates command{.task = task.id};
  for (uint32_t i = rng.Below(12); i > 0; --i) {
    command.candidates.push_back(space.ArchitectureAt(
        static_cast<int64_t>(rng.Below(uint32_t(space.size())))));
  }
  return command;
}

RankCandidates WholeRanking(CounterRng& rng, const Task& task) {
  const SearchSpace& space = task.spec->space;
  RankCandidates command{.task = task.id};
  for (int64_t i = 0; i < space.size(); ++i) {
    command.candidates.push_back(space.ArchitectureAt(i));
  }
  for (size_t i = 1; i < command.candidates.size(); ++i) {
    std::swap(command.candidates[i],
              command.candidates[rng.Below(uint32_t(i + 1))]);
  }
  return command;
}

AuditFinding RandomFinding(CounterRng& rng, const AuditGrant& grant) {
  const int64_t lie = rng.Below(6) == 0 ? 50 : 0;
  const int64_t claimed = CommitmentOf(grant.trial).claimed_correct;
  switch (rng.Below(10)) {
    case 0:
      return AuditInconclusive{"CRASH"};
    case 1:
      return WeightsUnusable{"WEIGHTS_NOT_FINITE"};
    case 2:
      return TrainingRefuted{"SEGMENT_FALSE"};
    default:
      return WeightsMeasured{
          claimed - lie, claimed - (rng.Below(16) == 0 ? 250 : 10),
          grant.audit.measures_all || lie != 0 || rng.Below(2) == 0};
  }
}

std::vector<Event> InOldArithmetic(const std::vector<Event>& records) {
  std::vector<Event> old;
  for (Event event : records) {
    auto* session = std::get_if<Session>(&event);
    auto* trial = std::get_if<Trial>(&event);
    std::string* arithmetic = session != nullptr ? &session->arithmetic
                              : trial != nullptr ? &trial->arithmetic
                                                 : nullptr;
    if (arithmetic == nullptr || *arithmetic != kArithmetic) continue;
    *arithmetic = "old/1";
    old.push_back(event);
  }
  return old;
}

}  // namespace archpool
