// SPDX-License-Identifier: Apache-2.0
#include "server/core/leaves/waiting_audits.h"

namespace archpool {

int64_t WaitingAudits::TurnOf(AccountId miner) const {
  const auto found = turns_.find(miner);
  return found == turns_.end() ? 0 : found->second;
}

void WaitingAudits::Insert(AccountId miner, AuditId id) {
  miners_[miner].insert(id);
  const int64_t turn = TurnOf(miner);
  if (turn == 0) {
    unserved_.insert(id);
  } else {
    served_.insert({turn, miner});
  }
}

void WaitingAudits::Erase(AccountId miner, AuditId id) {
  const auto audits = miners_.find(miner);
  if (audits == miners_.end()) return;
  audits->second.erase(id);
  unserved_.erase(id);
  if (!audits->second.empty()) return;
  miners_.erase(audits);
  served_.erase({TurnOf(miner), miner});
}

void WaitingAudits::SetTurn(AccountId miner, int64_t turn) {
  int64_t& known = turns_[miner];
  const auto audits = miners_.find(miner);
  if (audits != miners_.end()) {
    if (known == 0) {
      for (const AuditId id : audits->second) unserved_.erase(id);
    }
    served_.erase({known, miner});
    served_.insert({turn, miner});
  }
  known = turn;
}

void WaitingAudits::ForgetTurns() {
  turns_.clear();
  served_.clear();
  for (const auto& [miner, audits] : miners_) {
    unserved_.insert(audits.begin(), audits.end());
  }
}

}  // namespace archpool
