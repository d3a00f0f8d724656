// SPDX-License-Identifier: Apache-2.0
#include "server/observability/ledger_watch.h"

#include <string>

#include "common/base/stop.h"
#include "common/log/log.h"

namespace archpool {

LedgerWatch::LedgerWatch(const Clock& clock, Reader& reader, Metrics& metrics,
                         const LedgerWatchOptions& options)
    : clock_(clock), reader_(reader), metrics_(metrics), options_(options) {}

LedgerWatch::~LedgerWatch() { Stop(); }

void LedgerWatch::Start() {
  thread_ = std::jthread([this](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      Round();
      WaitOrStop(stop, options_.interval);
    }
  });
}

void LedgerWatch::Stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void LedgerWatch::Round() {
  if (round_++ % options_.rounds_per_full_check == 0) mark_ = LedgerMark();
  const absl::Time start = clock_.Now();
  const absl::StatusOr<LedgerCheck> check = reader_.CheckLedgerFrom(mark_);
  if (!check.ok()) {
    metrics_.NoteLedgerCheckFailed();
    LogWarn("ledger_unchecked", "the ledger could not be checked",
            "the next round tries again; if it repeats, look at PostgreSQL",
            {{"error", check.status()}});
    return;
  }
  metrics_.NoteLedgerCheck(std::ssize(check->violations), check->transfers,
                           clock_.Now() - start);
  for (const std::string& violation : check->violations) {
    LogError("ledger_broken", "the ledger check failed: money is wrong",
             "stop payouts (--rail none), keep a copy of the database, and "
             "report it to archpool's developers",
             {{"violation", violation}});
  }
}

}  // namespace archpool
