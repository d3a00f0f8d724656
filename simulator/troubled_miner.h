// SPDX-License-Identifier: Apache-2.0
// A miner's worker as it meets the world: it crashes, is cut off, loses its
// disk, has a slow line and a wrong clock, or goes away for good. What it does
// of its own accord is honest, or all made up. Not thread-safe.
#ifndef ARCHPOOL_SIMULATOR_TROUBLED_MINER_H_
#define ARCHPOOL_SIMULATOR_TROUBLED_MINER_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "absl/time/time.h"
#include "common/base/status.h"
#include "server/core/commands/commands.h"
#include "simulator/troubled_pool.h"

namespace archpool {

class TroubledMiner {
 public:
  struct Traits {
    std::string name;
    double pace = 1;
    double line_rate = 1 << 20;  // bytes a second
    bool cheats = false;
    // Its clock: how fast it goes, and how much it is set by at each look.
    double clock_rate = 1;
    absl::Duration clock_step;
  };
  // `pool` outlives it. Begins at once.
  TroubledMiner(const Traits& traits, TroubledPool& pool);

  // The machine goes down: what was being trained is lost; files are kept.
  void Crash(absl::Duration duration);
  // It keeps training, and is not heard.
  void CutOff(absl::Duration duration);
  // What it has committed to can be trained again, and that is all.
  void LoseFiles();
  // One answer that is on its way never arrives.
  void LoseAnswer();
  void Vanish();
  bool has_vanished() const { return has_vanished_; }
  bool is_suspended() const { return is_suspended_; }
  bool cheats() const { return traits_.cheats; }
  // What it trained, in work units: parts of trainings, and in vain, included.
  double units_trained() const { return units_trained_; }

 private:
  struct Job {
    Assignment assignment;
    LeaseId lease;
    int64_t attempt = 0;
    std::shared_ptr<const TaskSpec> spec;
    bool is_again = false;  // for an answer, whose files were lost
    int64_t segment = 0;    // of that answer
  };
  struct Answer {
    TrialId trial;
    Digest weights;
    std::optional<int64_t> segment;  // none: the weights alone
    double bytes_left = 0;
    bool is_lost = false;
  };

  bool CanReach() const { return is_up_ && !is_cut_off_; }
  // A late message may have closed the session: then it is opened again.
  template <typename Command>
  absl::StatusOr<typename Command::Reply> Call(Command command) {
    if (!CanReach()) return Unreachable();
    auto reply = pool_.Do(command);
    if (GetReason(reply.status()) == "SESSION_UNKNOWN" && OpenAgain()) {
      command.session = session_;
      reply = pool_.Do(command);
    }
    return reply;
  }
  static absl::Status Unreachable() {
    return MakeError(absl::StatusCode::kUnavailable, "SIMULATED_FAULT",
                     "there is no way to the pool");
  }
  bool OpenAgain();
  void NoteMachine();
  void NoteLost(TrialId trial);
  void Begin();
  void Beat();
  void Renew();
  void Review();
  void Drop(LeaseId lease);
  void Withdraw(TrialId trial);
  void Next();
  bool Acquire();
  void Train(Job job);
  void StopTraining();
  void Finish();
  void Flush();
  void Ask(TrialId trial, const AuditRequest& request);
  void Enqueue(Answer answer, int64_t files);
  void Send();
  bool Deliver(const Answer& answer);
  absl::Duration TimeOf(const Job& job) const;
  // By its own clock.
  absl::Duration Own(absl::Duration duration) const {
    return traits_.clock_rate * duration;
  }

  const Traits traits_;
  TroubledPool& pool_;
  AccountId account_;
  SessionId session_;
  bool is_up_ = true;
  bool is_cut_off_ = false;
  bool has_vanished_ = false;
  bool is_suspended_ = false;
  int64_t life_ = 0;  // counts its starts: what was to come before is void
  PayOracle::Machine machine_;
  std::set<LeaseId> leases_;
  std::deque<Job> list_;
  std::deque<Job> again_;
  std::optional<Job> training_;
  absl::Time training_since_;
  int64_t trainings_ = 0;  // counts their beginnings and ends
  std::deque<Job> reports_;
  std::set<TrialId> trained_;  // and refused
  std::set<TrialId> kept_;
  std::set<TrialId> lost_;       // whose files are
  std::set<TrialId> answering_;  // what is trained again, or on the line
  std::deque<Answer> line_;
  double units_trained_ = 0;
};

}  // namespace archpool

#endif  // ARCHPOOL_SIMULATOR_TROUBLED_MINER_H_
