// SPDX-License-Identifier: Apache-2.0
// What a simulation came to, read off the events that its pool committed. Not
// thread-safe.
#ifndef ARCHPOOL_SIMULATOR_TALLY_H_
#define ARCHPOOL_SIMULATOR_TALLY_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/time/time.h"
#include "server/core/records/entities.h"
#include "simulator/simulation.h"

namespace archpool {

// Examples of the simulated validation split; what a share of them comes to.
inline constexpr int64_t kExamples = 1'000'000;
int64_t CorrectOf(double share);

class Tally {
 public:
  // `options` outlives this.
  explicit Tally(const SimulationOptions& options) : options_(options) {}

  // Times count from here.
  void Begin(absl::Time now) { begin_ = now; }
  // An event that was committed at `now`.
  void Note(const Event& event, absl::Time now);
  // The trial's result, should it come to be accepted, is a copy.
  void NoteCopy(TrialId trial) { copies_.insert(trial); }
  // Adds up what the task in progress came to, and forgets it.
  void CloseTask(absl::Time now);
  // An accepted result has reached options.target.
  bool is_target_met() const { return result_.trials_to_target.has_value(); }
  // Without the seed, and what the host knows.
  const SimulationResult& result() const { return result_; }

 private:
  struct KnownLease {
    std::optional<LeaseId> primary;
    LeaseRole role = LeaseRole::kPrimary;
  };
  struct Watched {
    absl::Time deadline;
    std::vector<Digest> architectures;
  };

  void NoteLease(const Lease& lease);
  void NoteTrial(const Trial& trial, absl::Time now);
  void NoteCommit(const Trial& trial);
  void NoteAccepted(const Trial& trial, absl::Time now);
  LeaseId PrimaryOf(LeaseId id) const;

  const SimulationOptions& options_;
  absl::Time begin_;
  SimulationResult result_;
  absl::btree_map<LeaseId, KnownLease> leases_;
  absl::btree_map<TrialId, Digest> architecture_of_;
  absl::btree_map<Digest, absl::Time> commit_time_;
  absl::btree_map<Digest, LeaseId> accepted_primary_;
  absl::btree_set<TrialId> committed_;
  absl::btree_set<TrialId> accepted_;
  absl::btree_set<TrialId> copies_;
  absl::btree_set<TrialId> false_claims_;  // accepted, so far
  std::vector<Watched> watched_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SIMULATOR_TALLY_H_
