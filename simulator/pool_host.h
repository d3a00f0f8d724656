// SPDX-License-Identifier: Apache-2.0
// The real core under virtual time, with an engine around it that may fail: a
// commit fails before it happened, or after, or nobody knows; replies get lost;
// commands come twice. Whatever happens, the oracle watches what is committed.
#ifndef ARCHPOOL_SIMULATOR_POOL_HOST_H_
#define ARCHPOOL_SIMULATOR_POOL_HOST_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/counter_rng.h"
#include "common/base/status.h"
#include "server/core/pool.h"
#include "server/core/state/look_up.h"
#include "server/search/search_desk.h"
#include "simulator/event_archive.h"
#include "simulator/oracle_thread.h"

namespace archpool {

class PoolHost {
 public:
  struct Options {
    PoolPolicy policy;
    SearchPolicySpec search;
    int64_t faults_ppm = 0;              // of commands that meet one
    int64_t commits_to_full_check = 64;  // OracleThread's
    uint64_t seed = 0;
  };
  PoolHost(const Options& options, std::function<void(const Event&)> listener);

  // UNAVAILABLE (SIMULATED_FAULT): the caller cannot know whether it happened.
  template <typename Command>
  absl::StatusOr<typename Command::Reply> Do(const Command& command) {
    if (!is_up_) return Unavailable();
    const Fault fault = NextFault();
    DeliverLate();
    if (fault == Fault::kLostBefore) return Unavailable();
    if (fault == Fault::kLate) {
      late_.push_back({.due = commands_ + 1 + rng_.Below(kLateByMax),
                       .deliver = [this, command] {
                         (void)Execute(command);
                         Commit();
                       }});
      return Unavailable();
    }
    if (fault == Fault::kTwice) {
      (void)Execute(command);
      Commit();
    }
    auto reply = Execute(command);
    if (fault == Fault::kCommitFails) {
      Restart();
      return Unavailable();
    }
    Commit();
    if (fault == Fault::kInDoubt) {
      Restart();
      return Unavailable();
    }
    return reply;
  }

  // Gives the search policies' new rankings to the core.
  void Rank();
  // The process loads again what was committed, as after a commit that failed.
  void Restart();
  // The process ends. Until another one starts, commands fail.
  void Stop();
  // Knows nothing but what was committed. REQUIRES: `now` no earlier than the
  // time that was noted last, and NoteInterval.
  void Start();
  bool is_up() const { return is_up_; }

  const Pool& pool() const { return pool_; }
  OracleThread& oracle() { return oracle_; }
  int64_t commands() const { return commands_; }

  absl::Time now = absl::UnixEpoch();  // never goes back

 private:
  enum class Fault {
    kNone,
    kLostBefore,
    kCommitFails,
    kInDoubt,
    kTwice,
    kLate,  // overtaken by others, its sender long gone
  };
  static constexpr int kFaults = 5;
  static constexpr uint32_t kLateByMax = 40;  // commands
  struct Late {
    int64_t due = 0;  // a count of commands
    std::function<void()> deliver;
  };
  // As an engine does, with what was committed for its store.
  template <typename Command>
  absl::StatusOr<typename Command::Reply> Execute(Command command) {
    ARCHPOOL_RETURN_IF_ERROR(LookUp(pool_.state(), archive_, command));
    return pool_.Execute(command, now);
  }
  void DeliverLate();
  Fault NextFault();
  void Commit();
  static absl::Status Unavailable() {
    return MakeError(absl::StatusCode::kUnavailable, "SIMULATED_FAULT",
                     "the reply is lost");
  }

  Options options_;
  std::function<void(const Event&)> listener_;
  CounterRng rng_;
  Pool pool_;
  bool is_up_ = true;
  SearchDesk desk_;
  int64_t commands_ = 0;
  std::vector<Late> late_;
  OracleThread oracle_;
  EventArchive archive_;  // of what was committed
};

}  // namespace archpool

#endif  // ARCHPOOL_SIMULATOR_POOL_HOST_H_
