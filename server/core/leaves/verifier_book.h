// SPDX-License-Identifier: Apache-2.0
// What the pool has seen of its verifiers: who was heard, who fails, and who
// was outvoted. What a VerifierRecord says of them is stored; the rest fills
// again after a start, while the pool holds back what hangs on it
// (grace_until).
//
// Value type; thread-compatible. Iteration is in the order of keys.
#ifndef ARCHPOOL_SERVER_CORE_LEAVES_VERIFIER_BOOK_H_
#define ARCHPOOL_SERVER_CORE_LEAVES_VERIFIER_BOOK_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/time/time.h"
#include "common/model/ids.h"
#include "server/core/records/audit_records.h"
#include "server/core/records/verifier_records.h"
#include "server/core/rules/policy.h"

namespace archpool {

inline VerifierKey KeyOf(const AuditLook& look) {
  return {look.verifier, look.verifier_name};
}

// Who has the audit, or had it last.
inline VerifierKey HolderOf(const Audit& audit) {
  return {audit.verifier, audit.verifier_name};
}

struct VerifierStanding {
  absl::Time heard_time = absl::InfinitePast();
  // Since it last came to a finding: how often, and on whose trials, it failed.
  int64_t failures_in_a_row = 0;
  absl::btree_set<AccountId> failed_on;
  absl::Time rest_until = absl::InfinitePast();
  // Its latest finding, and the latest about another miner than that one's.
  AccountId found_about;
  absl::Time found_time = absl::InfinitePast();
  absl::Time found_time_of_others = absl::InfinitePast();
  // When it last found a trial true.
  absl::Time cleared_time = absl::InfinitePast();
  // How often it said that the pool's own two evaluations differ, of which
  // trial it did last, and how often another came to a finding where it had
  // said so.
  int64_t alarms = 0;
  TrialId alarmed_about;
  int64_t alarms_alone = 0;
  VerifierRecord record;
  // What examining takes it, of late.
  absl::Duration examined_time;
  WorkUnits examined_units = 0;
  int64_t memory_bytes = 0;  // as it said last; 0: not said

  // Outvoted more often than is chance, or it does not look at what it finds
  // true: its work is left to others.
  bool IsDoubted(const PoolPolicy& policy) const {
    return record.outvoted - record.agreed >= policy.outvoted_max ||
           record.planted_owed > 0;
  }
  // What it has for an examination, at most the pool's bound.
  int64_t MemoryBytes(const PoolPolicy& policy) const {
    return memory_bytes == 0 ? policy.memory_max_bytes
                             : std::min(memory_bytes, policy.memory_max_bytes);
  }
  // What examining `units` should take it.
  absl::Duration TimeFor(WorkUnits units) const;
};

class VerifierBook {
 public:
  // Its records are these, and no others.
  void Restore(const absl::btree_map<VerifierKey, VerifierRecord>& records);
  void Hear(const VerifierKey& key, absl::Time now);
  // A sign of life; nothing where it is not known.
  void HearAgain(const VerifierKey& key, absl::Time now);
  void NoteMemory(const VerifierKey& key, int64_t memory_bytes) {
    StandingOf(key).memory_bytes = memory_bytes;
  }
  // It came to a finding about a trial of `miner`.
  void NoteFinding(const VerifierKey& key, AccountId miner, absl::Duration took,
                   WorkUnits units, absl::Time now);
  // It found a trial true.
  void NoteCleared(const VerifierKey& key, absl::Time now) {
    StandingOf(key).cleared_time = now;
  }
  // It came to none: it rests, longer each time.
  void NoteFailure(const PoolPolicy& policy, const VerifierKey& key,
                   AccountId miner, absl::Time now);
  // It said that the pool's own two evaluations of the trial differ. That is no
  // failure: it does not rest.
  void NoteAlarm(const VerifierKey& key, TrialId trial) {
    VerifierStanding& standing = StandingOf(key);
    ++standing.alarms;
    standing.alarmed_about = trial;
  }
  // Another came to a finding about a trial of which it had said so.
  void NoteAlarmAlone(const VerifierKey& key) {
    ++StandingOf(key).alarms_alone;
  }
  // A disagreement was decided; returns what is to be stored.
  VerifierRecord NoteVote(const VerifierKey& key, bool was_right);
  // It was tried; returns what is to be stored.
  VerifierRecord NotePlanted(const PoolPolicy& policy, const VerifierKey& key,
                             bool has_passed);
  // An audit of the miner was handed out; returns its turn from now on
  // (server/core/leaves/waiting_audits.h).
  int64_t NoteServed(AccountId miner) {
    return served_[miner] = ++served_count_;
  }
  // The turns of all that were served.
  const absl::btree_map<AccountId, int64_t>& served() const { return served_; }

  // nullptr where it was never heard.
  const VerifierStanding* Find(const VerifierKey& key) const;
  const absl::btree_map<VerifierKey, VerifierStanding>& all() const {
    return verifiers_;
  }
  // Whether it was heard of late, and comes to findings.
  bool Works(const VerifierStanding& standing, const PoolPolicy& policy,
             absl::Time now) const;
  // All that do; the doubted ones where there are no others.
  std::vector<VerifierKey> Working(const PoolPolicy& policy,
                                   absl::Time now) const;
  // What the one of them that has most has for an examination; the pool's bound
  // where none works.
  int64_t MemoryMaxBytes(const PoolPolicy& policy, absl::Time now) const;
  // Whether it came to a finding about another miner than `miner` after `time`:
  // then it was well for once.
  bool HasFoundSince(const VerifierKey& key, AccountId miner,
                     absl::Time time) const;
  // Whether it found any trial true after `time`: then what it finds false is
  // not what it finds of everything.
  bool HasClearedSince(const VerifierKey& key, absl::Time time) const;

  // Until when verifiers may not have had the time to be heard.
  absl::Time grace_until() const { return grace_until_; }
  void GiveGrace(absl::Time until) { grace_until_ = until; }

 private:
  VerifierStanding& StandingOf(const VerifierKey& key);
  // Another name is no other verifier.
  int64_t OwedBy(AccountId account) const;

  absl::btree_map<VerifierKey, VerifierStanding> verifiers_;
  absl::btree_map<AccountId, int64_t> served_;
  int64_t served_count_ = 0;
  absl::Time grace_until_ = absl::InfinitePast();
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_LEAVES_VERIFIER_BOOK_H_
