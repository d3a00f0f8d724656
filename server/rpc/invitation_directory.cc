// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/invitation_directory.h"

#include <algorithm>
#include <iterator>

namespace archpool::rpc {

void InvitationDirectory::Update(const Invitation& invitation) {
  absl::MutexLock lock(&mutex_);
  invitations_[invitation.key] = invitation;
}

std::vector<Invitation> InvitationDirectory::After(const InvitationKey& after,
                                                   AccountId inviter,
                                                   int64_t limit) const {
  const InvitationKey begin =
      inviter.IsSet() ? std::max(after, InvitationKey{inviter, 0}) : after;
  absl::MutexLock lock(&mutex_);
  std::vector<Invitation> some;
  for (auto it = invitations_.upper_bound(begin);
       it != invitations_.end() && std::ssize(some) < limit; ++it) {
    if (inviter.IsSet() && it->first.inviter != inviter) break;
    some.push_back(it->second);
  }
  return some;
}

}  // namespace archpool::rpc
