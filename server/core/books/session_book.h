// SPDX-License-Identifier: Apache-2.0
// The open sessions: which workers are registered, under which names.
#ifndef ARCHPOOL_SERVER_CORE_BOOKS_SESSION_BOOK_H_
#define ARCHPOOL_SERVER_CORE_BOOKS_SESSION_BOOK_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "server/core/records/entities.h"

namespace archpool {

// Value type; thread-compatible. Pointers hold until the next Put.
class SessionBook {
 public:
  // A closed one is forgotten.
  void Put(const Session& session);

  const Session* Find(SessionId id) const;  // nullptr where there is none
  const absl::btree_map<SessionId, Session>& all() const { return sessions_; }
  // The session of that name, or an unset id.
  SessionId Named(AccountId account, const std::string& worker) const;
  int64_t CountOf(AccountId account) const;
  std::vector<SessionId> Of(AccountId account) const;  // by name
  // The next account by id that has sessions, or an unset id.
  AccountId AccountAfter(AccountId account) const;

 private:
  absl::btree_map<SessionId, Session> sessions_;
  absl::btree_map<std::pair<AccountId, std::string>, SessionId> names_;
  absl::btree_map<AccountId, int64_t> counts_;  // of names
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_BOOKS_SESSION_BOOK_H_
