// SPDX-License-Identifier: Apache-2.0
// Says what the pool's database does: that it refuses, that it is silent, and
// that it is back (docs/logs.md), with metrics of the same
// (server/observability/metrics.h). Start and Stop are for one thread.
#ifndef ARCHPOOL_SERVER_OBSERVABILITY_DATABASE_WATCH_H_
#define ARCHPOOL_SERVER_OBSERVABILITY_DATABASE_WATCH_H_

#include <cstdint>
#include <optional>
#include <string>
#include <thread>

#include "absl/time/time.h"
#include "common/base/countdown.h"
#include "server/engine/engine.h"
#include "server/observability/metrics.h"

namespace archpool {

class DatabaseWatch {
 public:
  // All outlive this.
  DatabaseWatch(const Engine& engine, Metrics& metrics)
      : engine_(engine), metrics_(metrics) {}
  ~DatabaseWatch();  // stops

  void Start();  // looks twice a second
  void Stop();   // idempotent

  // One look at what the engine says. Not while the thread runs.
  void Look(const EngineStats& seen);

 private:
  void NoteFailures(const EngineStats& seen);
  void NoteSilence(const EngineStats& seen);
  void SayFailing(const absl::Status& failure);

  const Engine& engine_;
  Metrics& metrics_;
  int64_t failures_ = 0;  // that were seen
  // Since when it fails, as was said; unset: it does not.
  std::optional<Stopwatch> failing_for_;
  std::string said_reason_;
  Countdown until_repeated_;
  bool has_said_silence_ = false;
  std::jthread thread_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_OBSERVABILITY_DATABASE_WATCH_H_
