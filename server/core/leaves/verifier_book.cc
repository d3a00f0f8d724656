// SPDX-License-Identifier: Apache-2.0
#include "server/core/leaves/verifier_book.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace archpool {
namespace {

// Longer unheard than anything hangs on it.
constexpr absl::Duration kForgetTerm = absl::Hours(48);
// For a verifier whose pace was not seen yet: units are microseconds of a core
// that most beat, but files come before any examination.
constexpr int64_t kUnseenSlowness = 4;
// What weighs in a verifier's pace: so much, then it counts half.
constexpr absl::Duration kPaceSpan = absl::Minutes(10);

}  // namespace

absl::Duration VerifierStanding::TimeFor(WorkUnits units) const {
  if (examined_units == 0) return kUnseenSlowness * absl::Microseconds(units);
  return examined_time * units / examined_units;
}

void VerifierBook::Restore(
    const absl::btree_map<VerifierKey, VerifierRecord>& records) {
  for (auto& [key, standing] : verifiers_) standing.record = {.key = key};
  for (const auto& [key, record] : records) verifiers_[key].record = record;
  for (auto& [key, standing] : verifiers_) {
    if (standing.record.WasTried()) continue;
    standing.record.planted_owed = OwedBy(key.account);
  }
}

VerifierStanding& VerifierBook::StandingOf(const VerifierKey& key) {
  const auto found = verifiers_.find(key);
  if (found != verifiers_.end()) return found->second;
  const VerifierRecord record = {.key = key,
                                 .planted_owed = OwedBy(key.account)};
  VerifierStanding& standing = verifiers_[key];
  standing.record = record;
  return standing;
}

int64_t VerifierBook::OwedBy(AccountId account) const {
  int64_t owed = 0;
  for (auto one = verifiers_.lower_bound({account, ""});
       one != verifiers_.end() && one->first.account == account; ++one) {
    owed = std::max(owed, one->second.record.planted_owed);
  }
  return owed;
}

void VerifierBook::Hear(const VerifierKey& key, absl::Time now) {
  if (!verifiers_.contains(key)) {
    absl::erase_if(verifiers_, [&](const auto& one) {
      const VerifierRecord& record = one.second.record;
      return now - one.second.heard_time > kForgetTerm && !record.WasTried() &&
             record.agreed + record.outvoted == 0;
    });
  }
  StandingOf(key).heard_time = now;
}

void VerifierBook::HearAgain(const VerifierKey& key, absl::Time now) {
  const auto found = verifiers_.find(key);
  if (found != verifiers_.end()) found->second.heard_time = now;
}

void VerifierBook::NoteFinding(const VerifierKey& key, AccountId miner,
                               absl::Duration took, WorkUnits units,
                               absl::Time now) {
  VerifierStanding& standing = StandingOf(key);
  standing.failures_in_a_row = 0;
  standing.failed_on.clear();
  standing.rest_until = absl::InfinitePast();
  if (miner != standing.found_about) {
    standing.found_time_of_others = standing.found_time;
    standing.found_about = miner;
  }
  standing.found_time = now;
  standing.examined_time += took;
  standing.examined_units += std::max<WorkUnits>(units, 1);
  if (standing.examined_time > kPaceSpan) {
    standing.examined_time /= 2;
    standing.examined_units =
        std::max<WorkUnits>(standing.examined_units / 2, 1);
  }
}

void VerifierBook::NoteFailure(const PoolPolicy& policy, const VerifierKey& key,
                               AccountId miner, absl::Time now) {
  VerifierStanding& standing = StandingOf(key);
  standing.failed_on.insert(miner);
  standing.rest_until = now + PauseAfter(policy, ++standing.failures_in_a_row);
}

VerifierRecord VerifierBook::NoteVote(const VerifierKey& key, bool was_right) {
  VerifierRecord& record = StandingOf(key).record;
  ++(was_right ? record.agreed : record.outvoted);
  return record;
}

VerifierRecord VerifierBook::NotePlanted(const PoolPolicy& policy,
                                         const VerifierKey& key,
                                         bool has_passed) {
  VerifierRecord& record = StandingOf(key).record;
  if (has_passed) {
    ++record.planted_passed;
    record.planted_owed = std::max<int64_t>(0, record.planted_owed - 1);
  } else {
    ++record.planted_failed;
    record.planted_owed = policy.planted_passes_min;
  }
  return record;
}

const VerifierStanding* VerifierBook::Find(const VerifierKey& key) const {
  const auto found = verifiers_.find(key);
  return found == verifiers_.end() ? nullptr : &found->second;
}

bool VerifierBook::Works(const VerifierStanding& standing,
                         const PoolPolicy& policy, absl::Time now) const {
  return now - standing.heard_time <= policy.verifier_term &&
         std::ssize(standing.failed_on) < policy.verifier_failures_max;
}

std::vector<VerifierKey> VerifierBook::Working(const PoolPolicy& policy,
                                               absl::Time now) const {
  std::vector<VerifierKey> trusted;
  std::vector<VerifierKey> doubted;
  for (const auto& [key, standing] : verifiers_) {
    if (!Works(standing, policy, now)) continue;
    (standing.IsDoubted(policy) ? doubted : trusted).push_back(key);
  }
  return trusted.empty() ? doubted : trusted;
}

int64_t VerifierBook::MemoryMaxBytes(const PoolPolicy& policy,
                                     absl::Time now) const {
  int64_t most = 0;
  for (const VerifierKey& key : Working(policy, now)) {
    most = std::max(most, Find(key)->MemoryBytes(policy));
  }
  return most == 0 ? policy.memory_max_bytes : most;
}

bool VerifierBook::HasFoundSince(const VerifierKey& key, AccountId miner,
                                 absl::Time time) const {
  const VerifierStanding* standing = Find(key);
  if (standing == nullptr) return false;
  return (standing->found_about == miner ? standing->found_time_of_others
                                         : standing->found_time) > time;
}

bool VerifierBook::HasClearedSince(const VerifierKey& key,
                                   absl::Time time) const {
  const VerifierStanding* standing = Find(key);
  return standing != nullptr && standing->cleared_time > time;
}

}  // namespace archpool
