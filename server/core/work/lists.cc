// SPDX-License-Identifier: Apache-2.0
// What a lease's list begins with, and how it grows.
#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/nas/cost_table.h"
#include "common/nas/sampling.h"
#include "server/core/leaves/completion.h"
#include "server/core/rules/network_setup.h"
#include "server/core/search/search.h"
#include "server/core/state/queries.h"
#include "server/core/work/parts.h"

namespace archpool::work {

void AddTrials(Step& step, Lease& lease, std::vector<Trial> trials) {
  step.memory.too_large.erase(lease.task);
  for (Trial& trial : trials) {
    // What an account left undone and takes up again is the same trial.
    if (!trial.id.IsSet()) trial.id = step.state.NextTrialId();
    trial.lease = lease.id;
    trial.account = lease.account;
    trial.create_time = step.now;
    lease.trials.push_back(trial.id);
    step.state.Put(trial);
  }
}

LeaseId Grant(Step& step, const Task& task, const Session& session,
              search::LeaseStart start) {
  SubspaceRecord box = *step.state.Find(start.box);
  ARCHPOOL_CHECK(box.state == SubspaceState::kOpen);
  const WorkUnits units = start.trials[0].work_units;
  const int64_t target =
      std::max<int64_t>(search::ListTarget(step, task, session, units),
                        static_cast<int64_t>(start.trials.size()));
  const Outlook outlook = OutlookOf(
      session.performance, step.state.Find(session.account)->performance,
      step.policy.lease_term);
  Lease lease{
      .id = step.state.NextLeaseId(),
      .task = task.id,
      .subspace = box.id,
      .session = session.id,
      .account = session.account,
      .attempt = box.attempt + 1,
      .trials_target = target,
      .create_time = step.now,
      .expire_time = step.now + step.policy.silence_term,
      .deadline = step.now + std::max(step.policy.lease_term,
                                      2 * outlook.pace *
                                          absl::Microseconds(units * target))};
  lease.has_high_reward =
      step.state.IndexOf(task.id).boxes.IsHighReward(box.id);
  if (step.policy.backups) {
    lease.check_time = step.now + (lease.deadline - step.now) / 4;
  }
  AddTrials(step, lease, std::move(start.trials));
  box.state = SubspaceState::kLeased;
  box.attempt = lease.attempt;
  step.state.Put(box);
  step.state.Put(lease);
  return lease.id;
}

std::vector<Assignment> Grow(Step& step, LeaseId id) {
  const Lease* found = step.state.Find(id);
  if (found == nullptr || found->role != LeaseRole::kPrimary) return {};
  const Task& task = *step.state.Find(found->task);
  if (task.state != TaskState::kActive) return {};
  Lease lease = *found;
  const int64_t ahead = std::count_if(
      lease.trials.begin(), lease.trials.end(), [&](TrialId trial) {
        return step.state.Find(trial)->state == TrialState::kAssigned;
      });
  const auto size = static_cast<int64_t>(lease.trials.size());
  const int64_t wanted =
      std::min({step.policy.list_ahead - ahead, lease.trials_target - size,
                TrialsLeft(task, step.state.IndexOf(task.id))});
  if (wanted <= 0 || !step.state.leases().BackupsOf(id).empty() ||
      AwaitsMeasurements(step.state, step.policy, task.id) ||
      DeskOf(step).WhyNotVerifiable(found->account, step.now)) {
    return {};
  }
  Looks looks;
  const Session& session = *step.state.Find(lease.session);
  search::Seeker seeker = search::SeekerFor(step, task, session);
  std::vector<Trial> more =
      search::Promotions(step, task, seeker, lease.subspace, wanted,
                         search::UnitsLeft(step, task, lease.account));
  if (!more.empty()) {
    // The next report asks for more.
  } else if (!step.state.IndexOf(task.id).memory.ranking.empty()) {
    more =
        search::RankedIn(step, task, lease.subspace, seeker, wanted,
                         search::UnitsLeft(step, task, lease.account), looks);
  } else {
    more = search::SampleTrials(step, task, *step.state.Find(lease.subspace),
                                seeker, wanted, looks)
               .trials;
  }
  CutToTime(step, task, session, id, more);
  if (more.empty()) return {};
  AddTrials(step, lease, std::move(more));
  step.state.Put(lease);
  std::vector<Assignment> appended;
  for (size_t i = static_cast<size_t>(size); i < lease.trials.size(); ++i) {
    appended.push_back(
        AssignmentOf(step.state, task, *step.state.Find(lease.trials[i])));
  }
  return appended;
}

namespace {

// What the worker is to train before it comes to the end of its lease `last`:
// workers go through their leases in the order in which they got them. Unset:
// of a lease that is yet to come.
WorkUnits UnitsAhead(const PoolState& state, const Session& session,
                     LeaseId last) {
  WorkUnits units = 0;
  for (const LeaseId id : state.leases().Of(session.id)) {
    if (last.IsSet() && id > last) break;
    for (const TrialId trial_id : state.Find(id)->trials) {
      const Trial& trial = *state.Find(trial_id);
      if (trial.state == TrialState::kAssigned) units += trial.work_units;
    }
  }
  return units;
}

}  // namespace

void CutToTime(const Step& step, const Task& task, const Session& session,
               LeaseId lease, std::vector<Trial>& trials) {
  const Outlook outlook = OutlookOf(
      session.performance, step.state.Find(session.account)->performance,
      step.policy.lease_term);
  WorkUnits units = UnitsAhead(step.state, session, lease);
  for (size_t i = 0; i < trials.size(); ++i) {
    units += trials[i].work_units;
    if (step.now + outlook.pace * absl::Microseconds(units) >
        task.deadline + task.time_away) {
      return trials.resize(i);
    }
  }
}

}  // namespace archpool::work
