// SPDX-License-Identifier: Apache-2.0
// The invitations, in memory at the edge, for lists. Filled and kept current by
// the engine's listeners. Thread-safe.
#ifndef ARCHPOOL_SERVER_RPC_INVITATION_DIRECTORY_H_
#define ARCHPOOL_SERVER_RPC_INVITATION_DIRECTORY_H_

#include <cstdint>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/synchronization/mutex.h"
#include "server/core/records/invitation_records.h"

namespace archpool::rpc {

class InvitationDirectory {
 public:
  void Update(const Invitation& invitation) ABSL_LOCKS_EXCLUDED(mutex_);

  // By key, those after `after`, at most `limit`; of `inviter` alone where it
  // is set.
  std::vector<Invitation> After(const InvitationKey& after, AccountId inviter,
                                int64_t limit) const
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  mutable absl::Mutex mutex_;
  absl::btree_map<InvitationKey, Invitation> invitations_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_INVITATION_DIRECTORY_H_
