// SPDX-License-Identifier: Apache-2.0
#include "server/core/books/session_book.h"

#include "server/core/books/maps.h"

namespace archpool {

void SessionBook::Put(const Session& session) {
  const std::pair name(session.account, session.worker_name);
  if (session.state == SessionState::kOpen) {
    sessions_[session.id] = session;
    if (names_.insert_or_assign(name, session.id).second) {
      ++counts_[session.account];
    }
    return;
  }
  sessions_.erase(session.id);
  // A later session may bear the name by now.
  const auto named = names_.find(name);
  if (named != names_.end() && named->second == session.id) {
    names_.erase(named);
    const auto count = counts_.find(session.account);
    if (--count->second == 0) counts_.erase(count);
  }
}

const Session* SessionBook::Find(SessionId id) const {
  return FindIn(sessions_, id);
}

SessionId SessionBook::Named(AccountId account,
                             const std::string& worker) const {
  const SessionId* id = FindIn(names_, {account, worker});
  return id == nullptr ? SessionId{} : *id;
}

int64_t SessionBook::CountOf(AccountId account) const {
  const int64_t* count = FindIn(counts_, account);
  return count == nullptr ? 0 : *count;
}

std::vector<SessionId> SessionBook::Of(AccountId account) const {
  std::vector<SessionId> sessions;
  for (auto it = names_.lower_bound({account, ""});
       it != names_.end() && it->first.first == account; ++it) {
    sessions.push_back(it->second);
  }
  return sessions;
}

AccountId SessionBook::AccountAfter(AccountId account) const {
  const auto next = names_.lower_bound({{account.value + 1}, ""});
  return next == names_.end() ? AccountId{} : next->first.first;
}

}  // namespace archpool
