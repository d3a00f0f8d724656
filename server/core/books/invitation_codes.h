// SPDX-License-Identifier: Apache-2.0
// Which invitation a code is of.
#ifndef ARCHPOOL_SERVER_CORE_BOOKS_INVITATION_CODES_H_
#define ARCHPOOL_SERVER_CORE_BOOKS_INVITATION_CODES_H_

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/container/btree_map.h"
#include "common/crypto/sha256.h"
#include "server/core/records/invitation_records.h"

namespace archpool {

// How long a look takes tells at most about the first eight bytes of a hash,
// which leave a code as unknown as it was: the rest is compared in constant
// time. Value type; thread-compatible.
class InvitationCodes {
 public:
  // `before` is the record of the same key that `after` replaces; nullptr:
  // there is none.
  void Put(const Invitation* before, const Invitation& after);

  // nullopt: no invitation has, or had last, this hash of its code.
  std::optional<InvitationKey> Find(const Digest& code_hash) const;

 private:
  // By the first eight bytes of the hash.
  absl::btree_map<std::pair<uint64_t, InvitationKey>, Digest> hashes_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_BOOKS_INVITATION_CODES_H_
