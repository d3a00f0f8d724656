// SPDX-License-Identifier: Apache-2.0
// Logs and counts how the pool's own time goes: how long there was no pool, and
// since when an operator keeps it in maintenance. Called on the engine's
// threads (EngineListener).
#ifndef ARCHPOOL_SERVER_OBSERVABILITY_CLOCK_LOG_H_
#define ARCHPOOL_SERVER_OBSERVABILITY_CLOCK_LOG_H_

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/core/records/entities.h"
#include "server/engine/engine_listener.h"
#include "server/observability/metrics.h"

namespace archpool {

class ClockLog : public EngineListener {
 public:
  // The clock is noted every few seconds; a gap of `silence_term` / 3 or more
  // between two notes is time without a pool. `metrics` outlives this.
  ClockLog(absl::Duration silence_term, Metrics& metrics)
      : silence_term_(silence_term), metrics_(metrics) {}

  void OnCommit(absl::Span<const Event> events) override { NoteAll(events); }
  void OnLoad(const PoolSnapshot& snapshot) override {
    NoteAll(snapshot.records);
  }

 private:
  void NoteAll(absl::Span<const Event> events);
  void Note(const PoolClock& clock);
  void NoteMaintenance(const PoolClock& clock);

  const absl::Duration silence_term_;
  Metrics& metrics_;
  PoolClock noted_;  // of the latest note
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_OBSERVABILITY_CLOCK_LOG_H_
