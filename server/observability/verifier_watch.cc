// SPDX-License-Identifier: Apache-2.0
#include "server/observability/verifier_watch.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/stop.h"

namespace archpool {

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
  if (stats.longest_command > std::max(kLong, longest_said_)) {
    longest_said_ = stats.longest_command;
    spdlog::warn("one {} held up all other commands for {}",
                 stats.longest_command_name,
                 absl::FormatDuration(stats.longest_command));
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
  for (const std::string& alarm : Alarms(*review)) spdlog::error("{}", alarm);
}

std::vector<std::string> VerifierWatch::Alarms(
    const ReviewVerifiers::Reply& review) {
  std::set<std::string> now;
  std::vector<std::string> alarms;
  const auto say = [&](std::string what) {
    if (!said_.contains(what)) alarms.push_back(what);
    now.insert(std::move(what));
  };
  for (const ReviewVerifiers::Verifier& one : review.verifiers) {
    const std::string who = absl::StrCat("verifier ", one.key.name, " of ",
                                         one.key.account.ToString());
    if (one.standing.record.planted_owed > 0) {
      say(absl::StrCat(who,
                       " is set aside: it found a training true that the pool "
                       "had made false to try it, so it does not look at what "
                       "it finds true. End it; 'archpool trial void' "
                       "takes back what you doubt of its findings"));
    } else if (one.is_set_aside) {
      say(absl::StrCat(who,
                       " is set aside: others found otherwise where it found "
                       "trainings false; look at its machine (memory, build)"));
    }
    const VerifierStanding& standing = one.standing;
    if (standing.alarms > 0) {
      say(absl::StrCat(
          who,
          " finds that the pool's own two evaluations differ "
          "(EVALUATIONS_DIFFER): ",
          standing.alarms, " so far, the last of ",
          standing.alarmed_about.ToString(),
          "; nobody loses by it. Its log has the numbers",
          standing.alarms_alone == 0
              ? std::string(
                    ". One of the two is wrong, or its machine is: report it")
              : absl::StrCat("; at ", standing.alarms_alone,
                             " of them another verifier came to a finding, so "
                             "suspect its machine or its build first")));
    }
    if (one.is_heard && one.is_failing) {
      say(absl::StrCat(who,
                       " fails on whatever it takes and is not counted on; "
                       "look at its log (memory, disk, sandbox)"));
    }
  }
  if (review.waiting > 0 && review.working == 0) {
    say("audits wait for a verifier, and none that works was heard; start an "
        "archpool-verifier");
  }
  said_ = std::move(now);
  return alarms;
}

}  // namespace archpool
