// SPDX-License-Identifier: Apache-2.0
// What random records hold.
#include <iterator>
#include <optional>

#include "tests/support/random_records.h"

namespace archpool {

int64_t RandomRecords::Below(int64_t bound) {
  return static_cast<int64_t>(rng_.Below64(static_cast<uint64_t>(bound)));
}

Digest RandomRecords::RandomDigest() {
  Digest digest;
  for (uint8_t& byte : digest.bytes) byte = static_cast<uint8_t>(Below(256));
  return digest;
}

absl::Time RandomRecords::RandomTime() {
  return absl::UnixEpoch() + absl::Microseconds(Below(int64_t{1} << 52));
}

std::string RandomRecords::RandomText() {
  static constexpr const char* kPieces[] = {
      "a",  "\"", "\\", "'",  "{",  "}",  ",",        "NULL",
      "\n", "\t", " ",  "$1", ";",  "--", "\xc3\xa9", "\\x",
      "%s", "Z",  "0",  "()", "::", "\r", "\x01",     "\xf0\x9f\x8d\x80"};
  std::string text;
  for (int64_t i = Below(8); i > 0; --i) {
    text += kPieces[Below(std::size(kPieces))];
  }
  return text;
}

Place RandomRecords::RandomPlace() {
  const auto kind = static_cast<PlaceKind>(Below(4));
  return {kind, IsNumbered(kind) ? 1 + Below(20) : 0};
}

Moments RandomRecords::RandomMoments() {
  return {.count = Large(), .sum = Large(), .sum_of_squares = Large()};
}

Performance RandomRecords::RandomPerformance() {
  return {
      .pace_permille = RandomMoments(),
      .leases_completed = Large(),
      .leases_lost = Large(),
      .lease_time = absl::Nanoseconds(Large()),
      .last_commit_time = Coin() ? std::optional(RandomTime()) : std::nullopt};
}

// With something in every field, made of what the task is.
SummaryRecord RandomRecords::SummaryOf(const Task& task) {
  const int64_t count = task.cost_table_version / 2;
  SummaryRecord summary{.task = task.id, .subspaces = count};
  TaskSums& sums = summary.sums;
  int64_t next = count;
  for (int64_t* const field :
       {&sums.trials_known, &sums.trials_assigned, &sums.trials_pending,
        &sums.trials_accepted, &sums.trials_at_chance, &sums.trials_diverged,
        &sums.trials_rejected, &sums.trials_abandoned, &sums.trials_redundant,
        &sums.work_units_accepted, &sums.subspaces_explored}) {
    *field = ++next;
  }
  sums.training_time = absl::Nanoseconds(++next);
  sums.audit_time = absl::Nanoseconds(++next);
  if (task.fee % 2 == 0) {
    sums.rejected_by_reason = {{task.request_id, ++next}, {"", 1}};
    sums.shares = {{.account = task.client,
                    .trials_accepted = 1,
                    .trials_rejected = 2,
                    .work_units = 3,
                    .payout = task.refund,
                    .trials_audited = 5,
                    .work_units_matured = 6,
                    .detection_ppm = 7},
                   {.account = {INT64_MAX}}};
    summary.front = {TrialId{++next}, TrialId{1}};
    summary.best_accuracy_ppm = count;
  }
  return summary;
}

}  // namespace archpool
