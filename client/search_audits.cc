// SPDX-License-Identifier: Apache-2.0
#include "client/search_audits.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "client/text.h"
#include "client/times.h"
#include "common/nas/pareto.h"

namespace archpool {
namespace {

// More than these are counted.
constexpr size_t kNamedMax = 12;

bool IsTrained(const v1::Trial& trial) {
  return trial.state() == v1::TRIAL_STATE_ACCEPTED &&
         !trial.has_known_from_trial_id();
}

// Which trials the front would have if all claims were true: of a network the
// one that was trained furthest, as the pool has it.
std::vector<const v1::Trial*> FrontByClaims(
    const std::vector<v1::Trial>& trials) {
  std::map<std::string, const v1::Trial*> furthest;
  for (const v1::Trial& trial : trials) {
    if (trial.state() != v1::TRIAL_STATE_ACCEPTED || trial.is_at_chance() ||
        trial.basis() == v1::TRIAL_BASIS_UNVERIFIED) {
      continue;
    }
    const v1::Trial*& known = furthest[trial.architecture_id()];
    if (known == nullptr || trial.rung() > known->rung()) known = &trial;
  }
  std::vector<const v1::Trial*> counted;
  std::vector<ParetoPoint> points;
  for (const auto& [id, trial] : furthest) {
    counted.push_back(trial);
    points.push_back({.accuracy_ppm = trial->has_measured_accuracy_ppm()
                                          ? trial->measured_accuracy_ppm()
                                          : trial->claimed_accuracy_ppm(),
                      .macs = trial->macs()});
  }
  std::vector<const v1::Trial*> front;
  for (const size_t index : ParetoFront(points)) {
    front.push_back(counted[index]);
  }
  return front;
}

// "trial-3, trial-7 and 2 more".
std::string NamesOf(const std::vector<int64_t>& trials) {
  const size_t named = std::min(trials.size(), kNamedMax);
  const std::string names = absl::StrJoin(
      trials.begin(), trials.begin() + static_cast<int64_t>(named), ", ",
      [](std::string* out, int64_t trial) {
        absl::StrAppend(out, "trial-", trial);
      });
  return named == trials.size()
             ? names
             : absl::StrCat(names, " and ", trials.size() - named, " more");
}

std::string Count(size_t count, const char* one, const char* many) {
  return absl::StrCat(count, " ", count == 1 ? one : many);
}

double Seconds(const google::protobuf::Duration& span) {
  return absl::ToDoubleSeconds(ToDuration(span));
}

}  // namespace

SearchAudits AuditsOf(const std::vector<v1::Trial>& trials) {
  SearchAudits audits;
  for (const v1::Trial& trial : trials) {
    if (trial.state() == v1::TRIAL_STATE_REJECTED) ++audits.found_false;
    if (!IsTrained(trial)) continue;
    ++audits.trained;
    Json replayed;
    if (trial.basis() == v1::TRIAL_BASIS_AUDITED) {
      audits.segments.push_back(trial.trial_id());
      replayed = "segment";
    } else if (trial.basis() == v1::TRIAL_BASIS_REPLAYED) {
      audits.replayed.push_back(trial.trial_id());
      replayed = "whole";
    }
    const bool is_evaluated = trial.has_verified_accuracy_ppm();
    if (is_evaluated) audits.evaluated.push_back(trial.trial_id());
    audits.trials.push_back({{"trial_id", trial.trial_id()},
                             {"work_units", absl::StrCat(trial.work_units())},
                             {"replayed", replayed},
                             {"is_evaluated", is_evaluated}});
  }
  for (const v1::Trial* trial : FrontByClaims(trials)) {
    if (IsTrained(*trial) && !trial->has_verified_accuracy_ppm()) {
      audits.left_out.push_back(trial->trial_id());
    }
  }
  std::sort(audits.left_out.begin(), audits.left_out.end());
  return audits;
}

std::string DescribeAudits(const SearchAudits& audits, const v1::Task& task) {
  const absl::Duration trained = ToDuration(task.training_time());
  const absl::Duration audited = ToDuration(task.audit_time());
  if (trained <= absl::ZeroDuration()) return "";
  std::string text = absl::StrCat(
      "Auditing took ", FormatSpan(audited), " beside ", FormatSpan(trained),
      " of training (",
      FormatPercent(
          static_cast<int64_t>(1e6 * absl::FDivDuration(audited, trained))),
      "). A segment was replayed of ", audits.segments.size(), " of ",
      Count(static_cast<size_t>(audits.trained), "training", "trainings"));
  if (!audits.replayed.empty()) {
    absl::StrAppend(&text, ", and ", audits.replayed.size(),
                    audits.replayed.size() == 1 ? " was" : " were",
                    " replayed whole");
  }
  if (audits.evaluated.empty()) {
    absl::StrAppend(&text, ". No network was evaluated.");
  } else {
    absl::StrAppend(&text, ". Evaluated on the held-out split: ",
                    NamesOf(audits.evaluated), ".");
  }
  if (!audits.left_out.empty()) {
    absl::StrAppend(
        &text, " Not evaluated, and so not on the front: ",
        Count(audits.left_out.size(), "network that is", "networks that are"),
        " among the best by what training said of it (",
        NamesOf(audits.left_out),
        "); audits of all would take too large a part of so short a search.");
  }
  if (audits.found_false > 0) {
    absl::StrAppend(
        &text, " Rejected: ",
        Count(static_cast<size_t>(audits.found_false), "training", "trainings"),
        "; since then all are audited as strangers' are.");
  }
  return text;
}

Json ToJson(const SearchAudits& audits, const v1::Task& task) {
  return {{"task_id", task.task_id()},
          {"trials", audits.trials},
          {"left_out", audits.left_out},
          {"trials_rejected", audits.found_false},
          {"training_time_s", Seconds(task.training_time())},
          {"audit_time_s", Seconds(task.audit_time())}};
}

}  // namespace archpool
