// SPDX-License-Identifier: Apache-2.0
#include "client/search/keeper.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace archpool::search {
namespace {

// The pause before a program that ended is started again, twice as long each
// time that it ends soon.
constexpr absl::Duration kPauseMin = absl::Seconds(1);
constexpr absl::Duration kPauseMax = absl::Seconds(30);
constexpr int kEndingsMax = 6;
// What ran for so long was no part of a row.
constexpr absl::Duration kLasting = absl::Minutes(5);

// The programs' own exit codes (common/channel/program.h): bad input, and a
// refusal. Both would be the same the next time.
constexpr int kBadInput = 2;
constexpr int kRefused = 3;
constexpr int kNotStarted = 127;

bool IsFinal(const Ending& ending) {
  return ending.signal == 0 &&
         (ending.exit_code == kBadInput || ending.exit_code == kRefused ||
          ending.exit_code == kNotStarted);
}

// Longer than each gives itself to end in.
absl::Duration EndsWithin(Part part) {
  switch (part) {
    case Part::kServer:
      return absl::Seconds(25);
    case Part::kVerifier:
      return absl::Seconds(15);
    case Part::kWorker:
      return absl::Seconds(20);
  }
  return absl::ZeroDuration();
}

absl::Duration PauseAfter(int endings) {
  absl::Duration pause = kPauseMin;
  for (int i = 1; i < endings && pause < kPauseMax; ++i) pause *= 2;
  return std::min(pause, kPauseMax);
}

}  // namespace

std::string Ending::Describe() const {
  return signal != 0 ? absl::StrCat("signal ", signal)
                     : absl::StrCat("exit code ", exit_code);
}

void Keeper::Want(Part part) { At(part).is_wanted = true; }

void Keeper::StopAll() { is_stopping_ = true; }

void Keeper::OnStarted(Part part, absl::Duration now) {
  State& state = At(part);
  state.is_running = true;
  state.was_asked = false;
  state.was_killed = false;
  state.since = now;
}

void Keeper::OnEnded(Part part, const Ending& ending, absl::Duration now) {
  State& state = At(part);
  const bool ran = state.is_running;
  state.is_running = false;
  if (is_stopping_) {
    if (ran && !state.was_asked) {
      notes_.push_back(absl::StrCat(ProgramOf(part), " ended (",
                                    ending.Describe(), ") as all stop"));
    }
    return;
  }
  if (ran && now - state.since >= kLasting) state.endings = 0;
  ++state.endings;
  if (ending.exit_code == kNotStarted && ending.signal == 0) {
    return Fail(part, "could not be started", ending);
  }
  if (part == Part::kServer && !was_ready_) {
    return Fail(part, "ended before it answered", ending);
  }
  if (IsFinal(ending)) {
    return Fail(part, "ended, and would end again", ending);
  }
  if (state.endings >= kEndingsMax) {
    return Fail(part, absl::StrCat("ended ", state.endings, " times in a row"),
                ending);
  }
  const absl::Duration pause = PauseAfter(state.endings);
  state.due = now + pause;
  notes_.push_back(absl::StrCat(ProgramOf(part), " ended (", ending.Describe(),
                                "); it is started again", " in ",
                                absl::FormatDuration(pause)));
}

void Keeper::Fail(Part part, const std::string& what, const Ending& ending) {
  is_stopping_ = true;
  if (failure_) return;
  failure_ = Failure{part, absl::StrCat(ProgramOf(part), " ", what, " (",
                                        ending.Describe(), ")")};
}

void Keeper::DecideStops(absl::Duration now, std::vector<Order>& orders) {
  for (size_t i = kPartCount; i-- > 0;) {
    const Part part = kParts[i];
    State& state = At(part);
    if (!state.is_running) continue;
    if (!state.was_asked) {
      state.was_asked = true;
      state.since = now;
      orders.push_back({part, Act::kTerminate});
    } else if (!state.was_killed && now - state.since >= EndsWithin(part)) {
      state.was_killed = true;
      notes_.push_back(absl::StrCat(ProgramOf(part),
                                    " did not end when it was asked to, and "
                                    "is killed; nothing is lost by that"));
      orders.push_back({part, Act::kKill});
    }
    return;  // the next one when this one has ended
  }
}

std::vector<Keeper::Order> Keeper::Decide(absl::Duration now) {
  std::vector<Order> orders;
  if (is_stopping_) {
    DecideStops(now, orders);
    return orders;
  }
  for (const Part part : kParts) {
    const State& state = At(part);
    if (state.is_wanted && !state.is_running && now >= state.due) {
      orders.push_back({part, Act::kStart});
    }
  }
  return orders;
}

bool Keeper::IsOver() const {
  return is_stopping_ &&
         std::none_of(states_.begin(), states_.end(),
                      [](const State& state) { return state.is_running; });
}

std::vector<std::string> Keeper::TakeNotes() {
  return std::exchange(notes_, {});
}

}  // namespace archpool::search
