// SPDX-License-Identifier: Apache-2.0
#include "server/core/state/presence.h"

#include <algorithm>
#include <vector>

namespace archpool {

void NoteSign(Step& step, AccountId account, SessionId session) {
  step.memory.heirs.Hear(session, step.now);
  const auto& due = step.state.audits().AwayOf(account);
  if (std::any_of(due.begin(), due.end(),
                  [&](AuditId id) { return step.state.Find(id)->is_away; })) {
    step.facts.push_back(AccountReturned{account});
  }
}

bool IsAway(const Step& step, AccountId account) {
  const std::vector<SessionId> sessions = step.state.sessions().Of(account);
  return std::none_of(sessions.begin(), sessions.end(), [&](SessionId id) {
    return step.memory.heirs.IsThere(id, step.policy.silence_term / 2,
                                     step.now);
  });
}

}  // namespace archpool
