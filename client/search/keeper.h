// SPDX-License-Identifier: Apache-2.0
// Decides which of a search's programs are started, started again, asked to end
// and killed, and when there is no use in trying further. It does nothing
// itself: the supervisor tells it what happened, and does what it answers.
// Deterministic; thread-compatible.
#ifndef ARCHPOOL_CLIENT_SEARCH_KEEPER_H_
#define ARCHPOOL_CLIENT_SEARCH_KEEPER_H_

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/search/parts.h"

namespace archpool::search {

// How a program ended: its exit code, or the signal that ended it.
struct Ending {
  int exit_code = 0;
  int signal = 0;  // 0: it ended by itself

  // "exit code 3", "signal 9".
  std::string Describe() const;
};

// Points in time are spans since any one moment, by a clock that is not set.
class Keeper {
 public:
  enum class Act { kStart, kTerminate, kKill };
  struct Order {
    Part part;
    Act act;
    friend bool operator==(const Order&, const Order&) = default;
  };

  // From now on `part` is to run, until all stop. Idempotent.
  void Want(Part part);
  // Every program is asked to end, the worker first and the server last, each
  // once those before it have ended. Idempotent.
  void StopAll();

  // What the supervisor did and saw. A part that could not be started has
  // ended, with exit code 127.
  void OnStarted(Part part, absl::Duration now);
  // The server answers: from now on it is started again when it ends.
  void OnReady() { was_ready_ = true; }
  void OnEnded(Part part, const Ending& ending, absl::Duration now);

  // What is to be done now. Asked again, it answers the same until it hears
  // that a program was started or has ended; a program is asked to end once,
  // and killed where it does not.
  std::vector<Order> Decide(absl::Duration now);

  // Whether all are to stop, and have.
  bool IsOver() const;

  // The program that ends the search, and why in words:
  // "archpool-worker ended 6 times in a row (exit code 1)".
  struct Failure {
    Part part;
    std::string text;
  };
  const std::optional<Failure>& failure() const { return failure_; }

  // What happened and is worth a line, since it was last asked.
  std::vector<std::string> TakeNotes();

 private:
  struct State {
    bool is_wanted = false;
    bool is_running = false;
    bool was_asked = false;   // to end
    bool was_killed = false;  // because it did not
    absl::Duration since;     // runs, or was asked to end
    absl::Duration due;       // when it is started
    int endings = 0;          // in a row
  };
  State& At(Part part) { return states_[static_cast<size_t>(part)]; }
  const State& At(Part part) const {
    return states_[static_cast<size_t>(part)];
  }
  void Fail(Part part, const std::string& what, const Ending& ending);
  void DecideStops(absl::Duration now, std::vector<Order>& orders);

  std::array<State, kPartCount> states_;
  bool is_stopping_ = false;
  bool was_ready_ = false;
  std::optional<Failure> failure_;
  std::vector<std::string> notes_;
};

}  // namespace archpool::search

#endif  // ARCHPOOL_CLIENT_SEARCH_KEEPER_H_
