// SPDX-License-Identifier: Apache-2.0
// The Pareto front of a task's measured results, of verified accuracy against
// multiply-accumulates, from one result at a time. Of one architecture the
// trial of the furthest rung counts, and of several there (a primary's and its
// backup's) the one committed first; the others, and what is at chance, are
// paid as work alone. A value; thread-compatible.
#ifndef ARCHPOOL_SERVER_CORE_LEAVES_FRONT_BUILDER_H_
#define ARCHPOOL_SERVER_CORE_LEAVES_FRONT_BUILDER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/time/time.h"
#include "common/nas/pareto.h"
#include "server/core/records/trial_records.h"

namespace archpool {

class FrontBuilder {
 public:
  // An accepted trial, in any order; what was not measured or is no result adds
  // nothing.
  void Add(const Trial& trial);

  // By multiply-accumulates, the cheapest first: accuracies rise along with
  // them, so the last is the task's best. Of equal ones the earliest trial.
  std::vector<TrialId> Finalists() const;

 private:
  struct Result {
    TrialId trial;
    int64_t rung = 0;
    absl::Time commit_time;
    bool counts = true;
    ParetoPoint point;
  };
  std::vector<Result> results_;
  absl::btree_map<Digest, size_t> counting_;  // by architecture
};

// What a task with these accepted trials ends with, by multiply-accumulates.
std::vector<Trial> FinalistsOf(absl::Span<const Trial> accepted);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_LEAVES_FRONT_BUILDER_H_
