// SPDX-License-Identifier: Apache-2.0
// A pool in a world of trouble: it goes down and comes back, its machine's
// clock is set while it is away, its operator closes it. Not thread-safe.
#ifndef ARCHPOOL_SIMULATOR_TROUBLED_POOL_H_
#define ARCHPOOL_SIMULATOR_TROUBLED_POOL_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <set>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/core/rules/expiry_hold.h"
#include "simulator/agenda.h"
#include "simulator/pay_oracle.h"
#include "simulator/pool_host.h"

namespace archpool {

// Examples of each split, and guesses among this many.
inline constexpr int64_t kTroubleExamples = 10'000;
inline constexpr int64_t kTroubleClasses = 10;
inline constexpr int64_t kTroubleSegments = 4;
// What the reference core takes for a training.
inline constexpr absl::Duration kTroubleTraining = absl::Minutes(3);
// The name of a task of which nothing is learnt.
inline constexpr char kNothingToLearn[] = "nothing to learn";

class TroubledPool {
 public:
  // `listener` hears each event, and hands it to the oracle.
  TroubledPool(const PoolHost::Options& options,
               std::function<void(const Event&)> listener)
      : policy(options.policy),
        oracle(options.policy),
        host_(options, std::move(listener)) {
    oracle.NotePool(true, agenda.now());
  }

  // UNAVAILABLE: it is down, or nobody knows.
  template <typename Command>
  absl::StatusOr<typename Command::Reply> Do(const Command& command) {
    host_.now = agenda.now() + shift_;
    auto reply = host_.Do(command);
    NoteMaintenance();
    return reply;
  }
  void Rank() {
    host_.now = agenda.now() + shift_;
    host_.Rank();
  }
  void Stop() {
    host_.Stop();
    oracle.NotePool(false, agenda.now());
  }
  // The system's clock is `ahead` of the true time by now. The pool's own goes
  // on from what it had noted where that is later.
  void Start(absl::Duration ahead) {
    const absl::Time noted = host_.pool().state().pool_clock().time;
    shift_ = std::max(agenda.now() + ahead,
                      std::max(noted + NoteInterval(policy), host_.now)) -
             agenda.now();
    host_.now = agenda.now() + shift_;
    host_.Start();
    (void)host_.Do(Tick{});
    NoteMaintenance();
  }
  bool is_up() const { return host_.is_up(); }
  const PoolState& state() const { return host_.pool().state(); }
  PoolHost& host() { return host_; }

  const PoolPolicy policy;
  Agenda agenda;
  PayOracle oracle;
  // Made up by miners that cheat: verifiers see it.
  std::set<TrialId> fakes;

 private:
  void NoteMaintenance() {
    const bool is_open = is_up() && !state().pool_clock().InMaintenance();
    if (is_open == is_open_) return;
    is_open_ = is_open;
    oracle.NotePool(is_open, agenda.now());
  }

  PoolHost host_;
  absl::Duration shift_;
  bool is_open_ = true;
};

// What training it gives, and a verifier measures.
int64_t TrueCorrect(const TaskSpec& spec, const Architecture& architecture);
// Every training's commitment: what is in it, verifiers know.
const CheckpointChain& TroubleChain();

}  // namespace archpool

#endif  // ARCHPOOL_SIMULATOR_TROUBLED_POOL_H_
