// SPDX-License-Identifier: Apache-2.0
// Tasks as the wire shows them, to each what is its business.
#include <optional>

#include "common/model/bonus_region.h"
#include "common/model/chance.h"
#include "common/wire/fields.h"
#include "common/wire/task_spec_wire.h"
#include "common/wire/words.h"
#include "server/rpc/records_to_proto.h"

namespace archpool::rpc {
namespace {

// How far the task is: a miner that looks for work wants to know.
void FillProgress(const TaskSummary& summary, v1::Task* proto) {
  proto->set_trials_assigned(summary.trials_assigned);
  proto->set_trials_pending(summary.trials_pending);
  proto->set_trials_abandoned(summary.trials_abandoned);
}

// What was found, and by what work: the client's.
void FillFindings(const TaskSummary& summary, v1::Task* proto) {
  proto->set_trials_at_chance(summary.trials_at_chance);
  proto->set_trials_diverged(summary.trials_diverged);
  for (const auto& [reason, count] : summary.rejected_by_reason) {
    v1::ReasonCount* to = proto->add_rejected_by_reason();
    to->set_reason(reason);
    to->set_count(count);
  }
  proto->set_trials_known(summary.trials_known);
  proto->set_subspaces_explored(summary.subspaces_explored);
  *proto->mutable_training_time() = wire::ToProto(summary.training_time);
  *proto->mutable_audit_time() = wire::ToProto(summary.audit_time);
}

bool IsMiner(const Names& names) { return names.viewer().role == Role::kMiner; }

// Whether an account's share or backup is the viewer's business.
bool MaySee(const Names& names, AccountId account) {
  return !IsMiner(names) || account == names.viewer().id;
}

void FillShares(const TaskSummary& summary, const Names& names,
                v1::Task* proto) {
  for (const MinerShare& share : summary.shares) {
    if (!MaySee(names, share.account)) continue;
    v1::MinerShare* to = proto->add_shares();
    to->set_account_name(names.Of(share.account));
    to->set_trials_accepted(share.trials_accepted);
    to->set_trials_rejected(share.trials_rejected);
    to->set_work_units(share.work_units);
    to->set_paid_micros(share.payout);
    to->set_trials_audited(share.trials_audited);
    to->set_work_units_matured(share.work_units_matured);
    to->set_detection_ppm(share.detection_ppm);
  }
}

void FillBars(const TaskView& view, v1::Task* proto) {
  const DatasetManifest& manifest = view.manifest;
  const BonusRegion region =
      BonusRegionOf(*view.task.spec, manifest.held_out_count, manifest.classes);
  proto->set_bonus_accuracy_min_ppm(region.accuracy_min_ppm);
  if (region.macs_max != 0) proto->set_bonus_macs_max(region.macs_max);
  proto->set_above_chance_ppm(
      AccuracyAboveChancePpm(manifest.validation_count, manifest.classes));
}

// What a task and its summary both have.
template <typename Proto>
void FillTask(const Task& task, const TaskSums& sums, const Names& names,
              Proto* proto) {
  proto->set_task_id(task.id.value);
  proto->set_state(wire::ToProto<v1::TaskState>(task.state));
  proto->set_end_reason(wire::ToProto<v1::EndReason>(task.end_reason));
  proto->set_client_name(names.Of(task.client));
  proto->set_trials_accepted(sums.trials_accepted);
  proto->set_trials_rejected(sums.trials_rejected);
  proto->set_work_units_accepted(sums.work_units_accepted);
  *proto->mutable_create_time() = wire::ToProto(task.create_time);
  *proto->mutable_deadline_time() =
      wire::ToProto(task.deadline + task.time_away);
  if (task.end_time) {
    *proto->mutable_end_time() = wire::ToProto(*task.end_time);
  }
}

// What it is trained on is told with a lease: by its id and digests nobody can
// read it, and nobody else needs them.
void HideData(v1::Task* proto) {
  proto->mutable_spec()->clear_dataset_id();
  proto->mutable_manifest()->clear_train_digest();
  proto->mutable_manifest()->clear_validation_digest();
}

v1::TaskSummary InShort(const Task& task, const TaskSums& sums,
                        const Names& names) {
  v1::TaskSummary proto;
  FillTask(task, sums, names, &proto);
  const TaskSpec& spec = *task.spec;
  proto.set_name(spec.name);
  proto.set_reward_micros(spec.terms.reward);
  proto.set_budget_work_units(spec.budget.work_units);
  return proto;
}

void FillBest(TrialId best, std::optional<int64_t> accuracy_ppm,
              v1::TaskSummary& proto) {
  proto.set_best_trial_id(best.value);
  if (accuracy_ppm) proto.set_best_verified_accuracy_ppm(*accuracy_ppm);
}

}  // namespace

bool SeesResults(const Account& viewer, const Task& task) {
  if (viewer.role != Role::kMiner) return true;
  return IsEnded(task.state) &&
         task.spec->results_visible_to_miners == ResultSight::kAfterEnd;
}

v1::TaskSummary ToSummary(const TaskView& view, const Names& names) {
  v1::TaskSummary proto = InShort(view.task, view.summary, names);
  const std::optional<Trial>& best = view.summary.best;
  if (best && SeesResults(names.viewer(), view.task)) {
    FillBest(best->id, VerifiedAccuracyPpm(*best), proto);
  }
  return proto;
}

v1::TaskSummary ToSummary(const Task& task, const SummaryRecord& stored,
                          const Names& names) {
  v1::TaskSummary proto = InShort(task, stored.sums, names);
  if (!stored.front.empty() && SeesResults(names.viewer(), task)) {
    FillBest(stored.front.back(), stored.best_accuracy_ppm, proto);
  }
  return proto;
}

v1::Task ToProto(const TaskView& view, const Names& names) {
  const Task& task = view.task;
  v1::Task proto;
  FillTask(task, view.summary, names, &proto);
  *proto.mutable_spec() = wire::ToProto(*task.spec);
  *proto.mutable_manifest() = wire::ToProto(view.manifest);
  proto.set_space_size(task.spec->space.size());
  proto.set_subspaces(view.subspaces);
  proto.set_fee_micros(task.fee);
  FillProgress(view.summary, &proto);
  FillBars(view, &proto);
  FillShares(view.summary, names, &proto);
  for (const Lease& backup : view.backups) {
    if (MaySee(names, backup.account)) {
      *proto.add_backups() = ToProto(backup, names);
    }
  }
  if (SeesResults(names.viewer(), task)) {
    const auto show = [&](const Trial& trial) {
      return ToProto(trial, *task.spec, view.manifest, names);
    };
    if (view.summary.best) *proto.mutable_best() = show(*view.summary.best);
    for (const Trial& trial : view.summary.front) {
      *proto.add_front() = show(trial);
    }
  }
  if (IsMiner(names)) {
    proto.set_is_partial(true);
    HideData(&proto);
  } else {
    FillFindings(view.summary, &proto);
    proto.set_refund_micros(task.refund);
  }
  return proto;
}

}  // namespace archpool::rpc
