// SPDX-License-Identifier: Apache-2.0
// What the trials of one open task add up to: in number, in work, and in what
// they show.
#ifndef ARCHPOOL_SERVER_CORE_BOOKS_TRIAL_TALLY_H_
#define ARCHPOOL_SERVER_CORE_BOOKS_TRIAL_TALLY_H_

#include <cstdint>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/time/time.h"
#include "common/model/dataset_manifest.h"
#include "server/core/books/maps.h"
#include "server/core/records/entities.h"

namespace archpool {

// By how many millionths the held-out split's accuracy lies lower.
int64_t HeldOutGapPpm(const DatasetManifest& manifest,
                      int64_t validation_correct, int64_t held_out_correct);

// Value type; thread-compatible. Changed by Count alone.
struct TrialTally {
  // One trial of the task more (+1) or less (−1). A trial that changes is
  // counted off as it was, and on as it is.
  void Count(const Trial& trial, const DatasetManifest& manifest, int64_t sign);

  // Assigned; committed or uploaded; accepted. Known results are none of them.
  int64_t assigned = 0;
  int64_t pending = 0;
  int64_t pending_at_chance = 0;  // of these, by their claims
  int64_t accepted = 0;
  WorkUnits reserved_units = 0;  // assigned and pending
  absl::btree_map<AccountId, WorkUnits> reserved_units_by;
  WorkUnits accepted_units = 0;  // and of rejected ones that had been paid
  // Pending and accepted ones whose credit has not matured, by account in the
  // order of their commitments.
  SetMap<AccountId, std::pair<absl::Time, TrialId>> immature;
  // Accepted results that are above chance, the client's earlier ones included.
  int64_t above_chance = 0;
  // How many of these show that something is learnt: they are measured, and
  // above it on the held-out split too. One guess in some 740 is above it on
  // one split; and the best claims are always measured.
  int64_t learnt = 0;
  // Measured results at chance, in all and by account.
  int64_t at_chance = 0;
  absl::btree_map<AccountId, int64_t> at_chance_by;
  // The gaps of those that were replayed whole: what is usual in the task.
  absl::btree_multiset<int64_t> replayed_gaps_ppm;

 private:
  void CountResult(const Trial& trial, const DatasetManifest& manifest,
                   int64_t sign);
  void CountGap(const Trial& trial, const DatasetManifest& manifest,
                int64_t sign);
  void CountState(const Trial& trial, int64_t sign);
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_BOOKS_TRIAL_TALLY_H_
