// SPDX-License-Identifier: Apache-2.0
#include "server/observability/verifier_watch.h"

#include <algorithm>
#include <utility>

#include "common/base/stop.h"
#include "common/log/log.h"

namespace archpool {
namespace {

LogRecord DifferAlarm(const VerifierStanding& standing) {
  return {.event = "evaluations_differ",
          .sentence =
              "a verifier finds that the pool's own two evaluations of one "
              "network differ; nobody loses by it",
          .advice = standing.alarms_alone == 0
                        ? "one of the two evaluations is wrong, or the "
                          "verifier's machine is: report it, with the numbers "
                          "in the verifier's log"
                        : "another verifier reached a finding about some of "
                          "them, so suspect its machine or its build first; "
                          "the verifier's log has the numbers",
          .fields = {{"reason", "EVALUATIONS_DIFFER"},
                     {"alarms", standing.alarms},
                     {"alarms_alone", standing.alarms_alone},
                     {"last_trial_id", standing.alarmed_about}}};
}

std::vector<LogRecord> AlarmsAbout(const ReviewVerifiers::Verifier& one) {
  std::vector<LogRecord> alarms;
  if (one.standing.record.planted_owed > 0) {
    alarms.push_back(
        {.event = "verifier_accepts_false",
         .sentence = "a verifier is set aside: it accepted a training that the "
                     "pool had falsified to test it",
         .advice = "stop that verifier; revoke findings of its that you doubt "
                   "with: archpool trial void"});
  } else if (one.is_set_aside) {
    alarms.push_back(
        {.event = "verifier_contradicted",
         .sentence = "a verifier is set aside: others accepted trainings that "
                     "it had found false",
         .advice = "check its machine (memory) and its build"});
  }
  if (one.standing.alarms > 0) alarms.push_back(DifferAlarm(one.standing));
  if (one.is_heard && one.is_failing) {
    alarms.push_back(
        {.event = "verifier_fails",
         .sentence = "a verifier fails on every audit that it takes, and the "
                     "pool does not count on it",
         .advice = "look at its log (memory, disk, sandbox)"});
  }
  for (LogRecord& alarm : alarms) {
    alarm.fields.push_back({"verifier", one.key.name});
    alarm.fields.push_back({"account_id", one.key.account});
  }
  return alarms;
}

}  // namespace

VerifierWatch::~VerifierWatch() { Stop(); }

void VerifierWatch::Start() {
  thread_ = std::jthread([this](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      Round();
      WaitOrStop(stop, interval_);
    }
  });
}

void VerifierWatch::Stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void VerifierWatch::NoteEngine() {
  // Heartbeats wait behind whatever the engine is at.
  constexpr absl::Duration kLong = absl::Milliseconds(20);
  const EngineStats stats = engine_.stats();
  metrics_.NoteLongestCommand(stats.longest_command);
  for (const auto& [kind, count] : stats.held) metrics_.NoteHeld(kind, count);
  if (stats.longest_command > std::max(kLong, longest_said_)) {
    longest_said_ = stats.longest_command;
    LogWarn("command_slow", "one command held up all others",
            "heartbeats wait behind it; give the server a faster core if it "
            "grows, and report the command",
            {{"command", stats.longest_command_name},
             {"took_s", stats.longest_command}});
  }
}

void VerifierWatch::Round() {
  NoteEngine();
  const absl::StatusOr<ReviewVerifiers::Reply> review =
      engine_.Call(ReviewVerifiers{});
  if (!review.ok()) return;  // the engine says so itself
  Metrics::Verifiers seen{.working = review->working,
                          .audits_waiting = review->waiting,
                          .oldest_wait = review->oldest};
  for (const ReviewVerifiers::Verifier& one : review->verifiers) {
    if (!one.is_heard) continue;
    seen.failing += one.is_failing ? 1 : 0;
    seen.set_aside += one.is_set_aside ? 1 : 0;
  }
  for (const ReviewVerifiers::Verifier& one : review->verifiers) {
    seen.evaluation_alarms += one.standing.alarms;
  }
  metrics_.NoteVerifiers(seen);
  for (LogRecord& alarm : Alarms(*review)) Log(std::move(alarm));
}

std::vector<LogRecord> VerifierWatch::Alarms(
    const ReviewVerifiers::Reply& review) {
  std::set<std::string> now;
  std::vector<LogRecord> alarms;
  const auto say = [&](LogRecord alarm) {
    alarm.level = LogLevel::kError;
    std::string what = RenderText(alarm);
    if (!said_.contains(what)) alarms.push_back(std::move(alarm));
    now.insert(std::move(what));
  };
  for (const ReviewVerifiers::Verifier& one : review.verifiers) {
    for (LogRecord& alarm : AlarmsAbout(one)) say(std::move(alarm));
  }
  if (review.waiting > 0 && review.working == 0) {
    say({.event = "no_verifier_works",
         .sentence = "audits wait for a verifier, and none that works is heard",
         .advice = "start an archpool-verifier"});
  }
  said_ = std::move(now);
  return alarms;
}

}  // namespace archpool
