// SPDX-License-Identifier: Apache-2.0
// A verifier as it meets the world: it dies with an audit in hand, finds
// everything false or nothing at all, raises alarms, or stands still. Not
// thread-safe.
#ifndef ARCHPOOL_SIMULATOR_TROUBLED_VERIFIER_H_
#define ARCHPOOL_SIMULATOR_TROUBLED_VERIFIER_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "server/core/commands/commands.h"
#include "simulator/troubled_pool.h"

namespace archpool {

class TroubledVerifier {
 public:
  enum class Health {
    kWell,
    kDead,     // with what it had in hand
    kFailing,  // comes to no finding
    kAccuses,  // finds everything false
    kFrozen,   // renews its audit, and never ends
    kAlarms,   // replays, and then finds that its two evaluations differ
  };

  // `pool` outlives it. Begins at once.
  TroubledVerifier(AccountId account, const std::string& name, double pace,
                   TroubledPool& pool);

  void SetHealth(Health health);
  Health health() const { return health_; }

 private:
  void Poll();
  void Renew();
  void Report();
  absl::Duration ExamTime(const AuditGrant& grant) const;

  const VerifierKey key_;
  const double pace_;
  TroubledPool& pool_;
  Health health_ = Health::kWell;
  std::optional<AuditGrant> grant_;
  int64_t life_ = 0;  // counts its starts and its audits
};

}  // namespace archpool

#endif  // ARCHPOOL_SIMULATOR_TROUBLED_VERIFIER_H_
