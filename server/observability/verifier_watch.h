// SPDX-License-Identifier: Apache-2.0
// Looks at the pool's verifiers while the server runs, and at how long commands
// hold up the engine: who fails or was set aside is logged once, and all of it
// is counted (server/observability/metrics.h). Start and Stop are for one
// thread.
#ifndef ARCHPOOL_SERVER_OBSERVABILITY_VERIFIER_WATCH_H_
#define ARCHPOOL_SERVER_OBSERVABILITY_VERIFIER_WATCH_H_

#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "common/log/log.h"
#include "server/core/commands/audit_commands.h"
#include "server/engine/engine.h"
#include "server/observability/metrics.h"

namespace archpool {

class VerifierWatch {
 public:
  // All outlive this.
  VerifierWatch(Engine& engine, Metrics& metrics,
                absl::Duration interval = absl::Seconds(15))
      : engine_(engine), metrics_(metrics), interval_(interval) {}
  ~VerifierWatch();  // stops

  void Start();
  // Waits for the look under way. Idempotent.
  void Stop();

  // One look; what it has to say, worst first: each once, until it is over.
  std::vector<LogRecord> Alarms(const ReviewVerifiers::Reply& review);

 private:
  void Round();
  void NoteEngine();

  Engine& engine_;
  Metrics& metrics_;
  const absl::Duration interval_;
  std::set<std::string> said_;
  absl::Duration longest_said_;
  std::jthread thread_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_OBSERVABILITY_VERIFIER_WATCH_H_
