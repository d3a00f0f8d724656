#include "server/core/leaves/waiting_audits.h"

namespace archpool {

int64_t WaitingAudits::TurnOf(AccountId miner) const {
  const auto found = turns_.find(miner);
  return found == turns_.end() ? 0 : found->second;
}

void WaitingAudits::Insert(const std::string& arithmetic, AccountId miner,
                           AuditId id) {
  Line& line = lines_[arithmetic];
  line.miners_[miner].insert(id);
  const int64_t turn = TurnOf(miner);
  if (turn == 0) {
    line.unserved_.insert(id);
  } else {
    line.turns_.insert({turn, miner});
  }
}

void WaitingAudits::Erase(const std::string& arithmetic, AccountId miner,
                          AuditId id) {
  const auto line = lines_.find(arithmetic);
  if (line == lines_.end()) return;
  auto& [miners, unserved, turns] = line->second;
  const auto audits = miners.find(miner);
  if (audits == miners.end()) return;
  audits->second.erase(id);
  unserved.erase(id);
  if (!audits->second.empty()) return;
  miners.erase(audits);
  turns.erase({TurnOf(miner), miner});
  if (miners.empty()) lines_.erase(line);
}

void WaitingAudits::SetTurn(AccountId miner, int64_t turn) {
  int64_t& known = turns_[miner];
  for (auto& [arithmetic, line] : lines_) {
    const auto audits = line.miners_.find(miner);
    if (audits == line.miners_.end()) continue;
    if (known == 0) {
      for (const AuditId id : audits->second) line.unserved_.erase(id);
    }
    line.turns_.erase({known, miner});
    line.turns_.insert({turn, miner});
  }
  known = turn;
}

}  // namespace archpool
