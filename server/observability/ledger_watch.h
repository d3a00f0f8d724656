// SPDX-License-Identifier: Apache-2.0
// Checks the ledger while the server runs: what is new every minute, all of it
// every hour. Violations are logged and counted
// (server/observability/metrics.h). Start and Stop are for one thread.
#ifndef ARCHPOOL_SERVER_OBSERVABILITY_LEDGER_WATCH_H_
#define ARCHPOOL_SERVER_OBSERVABILITY_LEDGER_WATCH_H_

#include <thread>

#include "absl/time/time.h"
#include "common/base/clock.h"
#include "server/observability/metrics.h"
#include "server/storage/store.h"

namespace archpool {

struct LedgerWatchOptions {
  absl::Duration interval = absl::Minutes(1);
  int rounds_per_full_check = 60;  // the first is a full one
};

class LedgerWatch {
 public:
  // All outlive this.
  LedgerWatch(const Clock& clock, Reader& reader, Metrics& metrics,
              const LedgerWatchOptions& options);
  ~LedgerWatch();  // stops

  void Start();
  // Waits for the check under way. Idempotent.
  void Stop();

  // One check, for tests.
  void Round();

 private:
  const Clock& clock_;
  Reader& reader_;
  Metrics& metrics_;
  const LedgerWatchOptions options_;
  int round_ = 0;
  LedgerMark mark_;
  std::jthread thread_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_OBSERVABILITY_LEDGER_WATCH_H_
