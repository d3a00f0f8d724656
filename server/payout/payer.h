// SPDX-License-Identifier: Apache-2.0
// The payer takes payouts to the rail and the rail's words back to the core.
//
//   BeginSends (durable) → Rail::Send → ReportPayout (durable)
//
// Wherever it is cut off, the next one asks the rail (Rail::LookUp) before
// anything is sent again. Thread-safe.
#ifndef ARCHPOOL_SERVER_PAYOUT_PAYER_H_
#define ARCHPOOL_SERVER_PAYOUT_PAYER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "server/engine/engine.h"
#include "server/payout/rail.h"

namespace archpool {

struct PayerOptions {
  int64_t batch_max = 50;  // payouts handed to the rail at once
  absl::Duration interval = absl::Seconds(1);
  // Between two look-ups of one payout: doubled from the first to the last.
  absl::Duration look_up_min = absl::Seconds(1);
  absl::Duration look_up_max = absl::Minutes(5);
  // Asked at the beginning of each round until it answers true: before that
  // nothing is sent, and nothing asked after.
  std::function<bool()> may_begin = [] { return true; };
  // Called between the steps, by their names: where tests kill the process.
  std::function<void(const std::string& step)> at = [](const std::string&) {};
};

class Payer {
 public:
  // All outlive this. REQUIRES: the engine runs until this has stopped.
  Payer(const Clock& clock, Engine& engine, Rail& rail, PayerOptions options);
  ~Payer();  // stops

  void Start();
  // Waits for the call under way. Idempotent.
  void Stop();

  // One round, for tests. The engine's errors: nothing is lost, the next round
  // continues.
  absl::Status Round();

 private:
  struct LookUps {
    absl::Time next_time = absl::InfinitePast();
    absl::Duration pause;
  };

  absl::Status Send();
  absl::Status AskAfterOpen();
  absl::Status Report(const Payout& payout, const RailAnswer& answer);

  const Clock& clock_;
  Engine& engine_;
  Rail& rail_;
  const PayerOptions options_;
  // Sends may be in the core's books that nobody carries out: at first, and
  // after a call to the engine failed in between.
  bool is_in_doubt_ = true;
  bool has_begun_ = false;
  std::map<PayoutId, LookUps> look_ups_;
  std::stop_source stop_;
  std::jthread thread_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_PAYOUT_PAYER_H_
