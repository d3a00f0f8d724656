// SPDX-License-Identifier: Apache-2.0
// Which verifier takes which audit, what their findings add up to, and what is
// not leased because none can take it on. Decides, and changes nothing.
// Thread-compatible; a view: what it looks at outlives it.
#ifndef ARCHPOOL_SERVER_CORE_STATE_VERIFIER_DESK_H_
#define ARCHPOOL_SERVER_CORE_STATE_VERIFIER_DESK_H_

#include <optional>

#include "absl/time/time.h"
#include "server/core/commands/commands.h"
#include "server/core/leaves/verifier_book.h"
#include "server/core/rules/audit_cost.h"
#include "server/core/rules/policy.h"
#include "server/core/state/pool_state.h"

namespace archpool {

class VerifierDesk {
 public:
  VerifierDesk(const PoolState& state, const PoolPolicy& policy,
               const VerifierBook& verifiers)
      : state_(state), policy_(policy), verifiers_(verifiers) {}

  // The audit that the verifier is to take; an unset id where there is none.
  AuditId NextAudit(const AcquireAudit& command, absl::Time now) const;
  // Whether the verifier may take it now, or others are to look first.
  bool MayTake(const Audit& audit, const VerifierKey& verifier,
               absl::Time now) const;
  // Whether it has the memory that the audit's training takes.
  bool Holds(const VerifierStanding& verifier, const Audit& audit) const;
  // By when the examination of a leased audit must have ended.
  absl::Time EndOf(const Audit& audit) const;
  AuditCost CostOfAudit(const Audit& audit) const;
  // The training is to be done again from its key alone.
  void MakeWhole(Audit& audit, absl::Time now) const;
  // There is time for another's look, and for a recomputation.
  void WaitForAnother(Audit& audit, absl::Time now) const;
  // Until when the decision about an audit whose time is over is put off, since
  // verifiers work and none has come to it yet; nullopt where it is not.
  std::optional<absl::Time> PutOff(const Audit& audit, absl::Time now) const;

  // Whether a verifier works that can take the audit on and has not found
  // anything about it, nor another of its account, where that matters.
  enum class Fresh { kName, kAccount };
  bool HasFreshVerifier(const Audit& audit, Fresh fresh, absl::Time now) const;
  // What the votes on the audit come to with its holder's latest.
  enum class Vote { kOpen, kTrue, kFalse, kDoubt };
  Vote CountVotes(const Audit& audit, LookKind latest, absl::Time now) const;

  // Why nothing is leased to the account now, if so.
  std::optional<AcquireLease::Reply> WhyNotVerifiable(AccountId miner,
                                                      absl::Time now) const;
  ReviewVerifiers::Reply Review(absl::Time now) const;

 private:
  // How long the open audits keep the verifiers busy; forever where none
  // works.
  absl::Duration Backlog(absl::Time now) const;

  const PoolState& state_;
  const PoolPolicy& policy_;
  const VerifierBook& verifiers_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_STATE_VERIFIER_DESK_H_
