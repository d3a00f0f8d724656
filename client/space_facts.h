// SPDX-License-Identifier: Apache-2.0
// What a task's space comes to on its dataset, by drawing from it: what cannot
// be built at all, or bought, is found before anything is sent.
#ifndef ARCHPOOL_CLIENT_SPACE_FACTS_H_
#define ARCHPOOL_CLIENT_SPACE_FACTS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "client/dataset_files.h"
#include "common/model/task_spec.h"

namespace archpool {

struct SpaceFacts {
  int64_t drawn = 0;
  int64_t possible = 0;        // of those drawn
  int64_t networks = 0;        // different ones, of those
  bool is_whole = false;       // all of the space was drawn
  int64_t work_units_min = 0;  // of a whole training, of those
  int64_t work_units_max = 0;  // the same
  int64_t work_units_mean = 0;
  int64_t parameters_min = 0;  // of those that can be built, as are these
  int64_t parameters_max = 0;
  int64_t macs_min = 0;
  int64_t macs_max = 0;
  std::string why_impossible;  // of one that cannot be built; or ""

  // Sentences for people: how many can be built and why others cannot, and what
  // a training costs.
  std::string Describe() const;
};

// Draws the same from the same space. INVALID_ARGUMENT:
// NO_POSSIBLE_ARCHITECTURE, BUDGET_TOO_SMALL (for the cheapest that was drawn).
absl::StatusOr<SpaceFacts> LookAtSpace(const TaskSpec& spec,
                                       const DatasetFacts& dataset);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_SPACE_FACTS_H_
