// SPDX-License-Identifier: Apache-2.0
#include "server/core/rules/retention.h"

#include <algorithm>
#include <optional>

namespace archpool {
namespace {

// Since when nothing has been done with it; nullopt: nobody noted that.
std::optional<absl::Time> UnusedSince(const DatasetClaim& claim) {
  const std::optional<absl::Time>& registered = claim.dataset.register_time;
  if (!registered || !claim.last_end_time) {
    return registered ? registered : claim.last_end_time;
  }
  return std::max(*registered, *claim.last_end_time);
}

}  // namespace

bool IsOver(const RetentionPolicy& policy, const StoredFile& file,
            absl::Time now) {
  // Once it was cut, only that counts: however old it was then, its sender may
  // cut it otherwise, and an operator may keep such files for longer.
  if (file.cut_time) return now >= *file.cut_time + policy.cut_files;
  return now >= file.create_time + policy.uncut_files;
}

bool IsOver(const RetentionPolicy& policy, const DatasetClaim& claim,
            absl::Time now) {
  if (claim.dataset.drop_time) return true;
  if (claim.has_open_task) return false;
  const std::optional<absl::Time> since = UnusedSince(claim);
  return since && now >= *since + policy.unused_datasets;
}

bool IsOver(const RetentionPolicy& policy, const WeightsClaim& claim,
            absl::Time now) {
  if (!claim.task_end_time) return false;
  const absl::Duration kept = claim.state == TrialState::kAccepted
                                  ? policy.results
                                  : policy.other_weights;
  return now >= *claim.task_end_time + kept;
}

bool IsWantedByTrials(const RetentionPolicy& policy, const BlobClaims& claims,
                      absl::Time now) {
  return std::any_of(
      claims.trials.begin(), claims.trials.end(),
      [&](const WeightsClaim& claim) { return !IsOver(policy, claim, now); });
}

bool HasEnded(const RetentionPolicy& policy, const BlobClaims& claims,
              absl::Time now) {
  bool is_wanted = false;
  bool has_ended = false;
  for (const StoredFile& file : claims.files) {
    const bool is_over = IsOver(policy, file, now);
    has_ended |= is_over;
    is_wanted |= !is_over;
  }
  for (const DatasetClaim& claim : claims.datasets) {
    const bool is_over = IsOver(policy, claim, now);
    has_ended |= is_over && !claim.dataset.drop_time;
    has_ended |= !claim.has_open_task && !UnusedSince(claim);
    is_wanted |= !is_over;
  }
  const bool trials_want = IsWantedByTrials(policy, claims, now);
  has_ended |= !trials_want && !claims.weights.empty();
  return has_ended || (!is_wanted && !trials_want);
}

}  // namespace archpool
