// SPDX-License-Identifier: Apache-2.0
#include "server/core/books/invitation_codes.h"

namespace archpool {

void InvitationCodes::Put(const Invitation* before, const Invitation& after) {
  if (before != nullptr) {
    hashes_.erase({before->code_hash.Prefix64(), before->key});
  }
  hashes_[{after.code_hash.Prefix64(), after.key}] = after.code_hash;
}

std::optional<InvitationKey> InvitationCodes::Find(
    const Digest& code_hash) const {
  const uint64_t prefix = code_hash.Prefix64();
  std::optional<InvitationKey> found;
  for (auto it = hashes_.lower_bound({prefix, InvitationKey()});
       it != hashes_.end() && it->first.first == prefix; ++it) {
    if (AreEqualInConstantTime(it->second, code_hash)) found = it->first.second;
  }
  return found;
}

}  // namespace archpool
