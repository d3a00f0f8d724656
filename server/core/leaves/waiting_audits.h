// SPDX-License-Identifier: Apache-2.0
// The audits that wait for verifiers, in the order in which these take them:
// the miner that was served longest ago comes first, even if others have more;
// of those that were never served, the audit that came first. So a verifier
// asks for its next one without a look at every miner that waits.
//
// Value type; thread-compatible.
#ifndef ARCHPOOL_SERVER_CORE_LEAVES_WAITING_AUDITS_H_
#define ARCHPOOL_SERVER_CORE_LEAVES_WAITING_AUDITS_H_

#include <cstdint>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "common/model/ids.h"

namespace archpool {

class WaitingAudits {
 public:
  void Insert(AccountId miner, AuditId id);
  // Nothing where it does not wait.
  void Erase(AccountId miner, AuditId id);
  // The miner comes after all with a lower turn. REQUIRES: turn > 0; nobody
  // else has it.
  void SetTurn(AccountId miner, int64_t turn);
  // As if nobody had been served.
  void ForgetTurns();

  const absl::btree_map<AccountId, absl::btree_set<AuditId>>& miners() const {
    return miners_;
  }
  // The first that `may_take` says true of; unset where there is none.
  template <typename Predicate>
  AuditId First(Predicate may_take) const;

 private:
  int64_t TurnOf(AccountId miner) const;

  absl::btree_map<AccountId, absl::btree_set<AuditId>> miners_;
  // The same: of miners without a turn, all audits; and the others' turns.
  absl::btree_set<AuditId> unserved_;
  absl::btree_set<std::pair<int64_t, AccountId>> served_;
  absl::btree_map<AccountId, int64_t> turns_;  // 0: not in it
};

template <typename Predicate>
AuditId WaitingAudits::First(Predicate may_take) const {
  for (const AuditId id : unserved_) {
    if (may_take(id)) return id;
  }
  for (const auto& [turn, miner] : served_) {
    for (const AuditId id : miners_.at(miner)) {
      if (may_take(id)) return id;
    }
  }
  return {};
}

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_LEAVES_WAITING_AUDITS_H_
