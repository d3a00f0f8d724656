// SPDX-License-Identifier: Apache-2.0
// What a pool has seen that no record says. Value type; thread-compatible.
#ifndef ARCHPOOL_SERVER_CORE_STATE_MEMORY_H_
#define ARCHPOOL_SERVER_CORE_STATE_MEMORY_H_

#include <cstdint>
#include <optional>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/time/time.h"
#include "common/model/ids.h"
#include "server/core/leaves/heirs.h"
#include "server/core/leaves/lease_shares.h"
#include "server/core/leaves/looks.h"
#include "server/core/leaves/verifier_book.h"
#include "server/core/rules/expiry_hold.h"
#include "server/core/rules/worker_means.h"

namespace archpool {

// What an account opened in the present hour: sessions; subspaces of tasks.
inline constexpr absl::Duration kOpeningsTerm = absl::Hours(1);
struct Openings {
  absl::Time begin;
  int64_t count = 0;

  bool IsOver(absl::Time now) const { return now - begin >= kOpeningsTerm; }
};

// Whether all that is left is too large for the workers that are there. Begins
// again whenever one of them is given something, or hears another reason.
struct TooLargeForAll {
  std::optional<absl::Time> since;
  absl::btree_set<SessionId> told;  // that it is for them

  void Note(SessionId session, absl::Time now) {
    if (!since) since = now;
    told.insert(session);
  }
};

// A restart forgets it, but for what is stored of verifiers (VerifierRecord);
// after a failed commit the engine hands on the hold and the verifiers. It says
// who is given what, and who is heard; what follows is recorded at once. That
// none of it is stored, and that nothing else in memory decides:
// docs/adr/0035-what-a-load-forgets.md.
struct Memory {
  explicit Memory(int64_t equal_share_ppm) : shares(equal_share_ppm) {}

  ExpiryHold expiry_hold;
  VerifierBook verifiers;
  Heirs heirs;
  MeansBook means;
  LeaseShares shares;
  SearchTurns searching;
  absl::btree_map<TaskId, TooLargeForAll> too_large;
  absl::btree_map<AccountId, Openings> sessions_opened;
  absl::btree_map<AccountId, Openings> boxes_opened;
  // Suspended accounts of which leases may be left: a load puts all there are.
  absl::btree_set<AccountId> revoking;
  bool is_loaded = true;  // and no tick came since
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_STATE_MEMORY_H_
