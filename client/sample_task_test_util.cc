// SPDX-License-Identifier: Apache-2.0
#include "client/sample_task_test_util.h"

#include <string>

namespace archpool::testing {
namespace {

void SetTime(absl::Time time, google::protobuf::Timestamp* proto) {
  proto->set_seconds(absl::ToUnixSeconds(time));
}

void AddDimension(v1::SearchSpace& space, const std::string& name) {
  v1::Dimension& dimension = *space.add_dimensions();
  dimension.set_name(name);
  dimension.add_choices()->set_number(8);
  dimension.add_choices()->set_number(16);
}

v1::TaskSpec SampleSpec() {
  v1::TaskSpec spec;
  spec.set_name("Fashion-MNIST, small and fast");
  spec.set_dataset_id(std::string(32, '\x11'));
  AddDimension(*spec.mutable_space(), "stem_width");
  AddDimension(*spec.mutable_space(), "width");
  v1::ChainTemplate& chain = *spec.mutable_space()->mutable_chain_template();
  chain.mutable_stem_width()->set_dimension("stem_width");
  chain.set_stem_kernel(3);
  chain.set_stem_stride(1);
  chain.mutable_stem_activation()->set_constant("relu");
  v1::ChainTemplate::Stage& stage = *chain.add_stages();
  stage.set_stride(2);
  v1::ChainTemplate::Block& block = *stage.add_blocks();
  block.mutable_operation()->set_constant("conv");
  block.mutable_kernel()->set_constant(3);
  block.mutable_width()->set_dimension("width");
  block.mutable_expansion()->set_constant(1);
  block.mutable_repeat()->set_constant(1);
  block.mutable_activation()->set_constant("relu");
  chain.mutable_head_width()->set_constant(0);
  chain.mutable_head_activation()->set_constant("relu");
  spec.mutable_recipe()->set_batch_size(128);
  spec.mutable_recipe()->set_epochs(2);
  spec.mutable_recipe()->set_learning_rate_ppm(100'000);
  spec.mutable_recipe()->set_momentum_ppm(900'000);
  spec.mutable_recipe()->set_segments(16);
  spec.set_budget_work_units(3'600'000'000);
  spec.set_trials_max(200);
  spec.mutable_time_limit()->set_seconds(3600);
  spec.set_target_accuracy_ppm(930'000);
  spec.set_reward_micros(1'000'000'000);
  spec.set_finders_bonus_ppm(100'000);
  spec.set_subspaces(16);
  spec.set_trials_per_lease(2);
  return spec;
}

void AddShare(v1::Task& task, const std::string& account, int64_t accepted,
              int64_t rejected, int64_t work_units, int64_t payout) {
  v1::MinerShare& share = *task.add_shares();
  share.set_account_name(account);
  share.set_trials_accepted(accepted);
  share.set_trials_rejected(rejected);
  share.set_work_units(work_units);
  share.set_paid_micros(payout);
  share.set_trials_audited(accepted / 2);
  share.set_detection_ppm(accepted == 0 ? 0 : 768'433);
}

}  // namespace

v1::Trial SampleTrial(int64_t trial_id, const std::string& account,
                      v1::TrialState state) {
  v1::Trial trial;
  trial.set_trial_id(trial_id);
  trial.set_task_id(1);
  trial.set_account_name(account);
  trial.set_state(state);
  trial.set_architecture_id(std::string(32, '\x22'));
  trial.add_choices(1);
  trial.add_choices(0);
  trial.set_description(
      "activation=hardswish stem_width=16 expansion=4 early.operation=conv "
      "early.kernel=3 early.width=24 middle.operation=bottleneck "
      "middle.width=48 late.operation=separable late.width=96 head_width=128");
  trial.set_parameters(41'274 + trial_id);
  trial.set_macs(3'141'592);
  trial.set_work_units(17'500'000);
  trial.set_claimed_accuracy_ppm(914'200);
  trial.set_measured_accuracy_ppm(914'000);
  trial.set_verified_accuracy_ppm(912'500);
  trial.set_basis(v1::TRIAL_BASIS_AUDITED);
  trial.set_weights_digest(std::string(32, '\x33'));
  trial.set_subspace_id(3);
  SetTime(SampleStart() + absl::Seconds(trial_id), trial.mutable_create_time());
  return trial;
}

v1::Lease SampleBackup() {
  v1::Lease backup;
  backup.set_lease_id(9);
  backup.set_task_id(1);
  backup.set_subspace_id(4);
  backup.set_account_name("bob");
  backup.set_role(v1::LEASE_ROLE_BACKUP);
  backup.set_state(v1::LEASE_STATE_ACTIVE);
  backup.set_trials(2);
  backup.set_trials_target(2);
  backup.set_is_high_reward(true);
  backup.set_primary_lease_id(7);
  backup.set_backup_reason(v1::BACKUP_REASON_SLOW);
  backup.set_miss_ppm(123'400);
  SetTime(SampleNow() + absl::Minutes(5), backup.mutable_deadline_time());
  return backup;
}

v1::Task RunningTask() {
  v1::Task task;
  task.set_task_id(1);
  *task.mutable_spec() = SampleSpec();
  task.set_state(v1::TASK_STATE_ACTIVE);
  task.set_client_name("acme");
  task.set_space_size(2'519'424);
  task.set_trials_assigned(4);
  task.set_trials_pending(2);
  task.set_trials_accepted(57);
  task.set_trials_rejected(3);
  task.set_trials_abandoned(1);
  *task.add_backups() = SampleBackup();
  v1::ReasonCount& count = *task.add_rejected_by_reason();
  count.set_reason("CLAIM_TOO_HIGH");
  count.set_count(3);
  task.set_work_units_accepted(997'500'000);
  task.mutable_training_time()->set_seconds(1'005);
  task.mutable_audit_time()->set_seconds(43);
  *task.mutable_best() = SampleTrial(42, "alice", v1::TRIAL_STATE_ACCEPTED);
  *task.add_front() = SampleTrial(42, "alice", v1::TRIAL_STATE_ACCEPTED);
  v1::Trial small = SampleTrial(17, "bob", v1::TRIAL_STATE_ACCEPTED);
  small.set_parameters(9'120);
  small.set_macs(812'345);
  small.set_verified_accuracy_ppm(887'600);
  *task.add_front() = small;
  task.set_subspaces(16);
  task.set_subspaces_explored(9);
  AddShare(task, "alice", 30, 0, 525'000'000, 0);
  AddShare(task, "bob", 27, 0, 472'500'000, 0);
  AddShare(task, "mallory", 0, 3, 0, 0);
  SetTime(SampleStart(), task.mutable_create_time());
  SetTime(SampleStart() + absl::Hours(1), task.mutable_deadline_time());
  return task;
}

v1::Task EndedTask() {
  v1::Task task = RunningTask();
  task.set_state(v1::TASK_STATE_SUCCEEDED);
  task.set_end_reason(v1::END_REASON_TARGET);
  task.set_trials_assigned(0);
  task.set_trials_pending(0);
  task.clear_shares();
  AddShare(task, "alice", 30, 0, 525'000'000, 190'500'000);
  AddShare(task, "bob", 27, 0, 472'500'000, 140'250'001);
  AddShare(task, "mallory", 0, 3, 0, 0);
  task.set_fee_micros(50'000'000);
  task.set_refund_micros(619'249'999);
  task.mutable_front(0)->set_finders_bonus_micros(60'000'000);
  task.mutable_front(1)->set_finders_bonus_micros(5'500'000);
  SetTime(SampleNow() - absl::Seconds(30), task.mutable_end_time());
  return task;
}

v1::TaskSummary SummaryOf(const v1::Task& task) {
  v1::TaskSummary summary;
  summary.set_task_id(task.task_id());
  summary.set_name(task.spec().name());
  summary.set_state(task.state());
  summary.set_end_reason(task.end_reason());
  summary.set_reward_micros(task.spec().reward_micros());
  summary.set_trials_accepted(task.trials_accepted());
  if (task.has_best()) {
    summary.set_best_trial_id(task.best().trial_id());
    summary.set_best_verified_accuracy_ppm(task.best().verified_accuracy_ppm());
  }
  *summary.mutable_create_time() = task.create_time();
  return summary;
}

v1::ListWorkersResponse SampleWorkers() {
  v1::ListWorkersResponse response;
  const auto add = [&response](const char* account, v1::WorkerActivity activity,
                               int64_t trial_id, int64_t step) {
    v1::WorkerStatus& worker = *response.add_workers();
    worker.set_session_id(response.workers_size());
    worker.set_account_name(account);
    worker.set_worker_name("desk-1");
    worker.set_activity(activity);
    if (trial_id != 0) worker.set_trial_id(trial_id);
    worker.set_step(step);
    worker.set_steps(trial_id == 0 ? 0 : 860);
    SetTime(SampleNow() - absl::Seconds(2), worker.mutable_last_seen_time());
  };
  add("alice", v1::WORKER_ACTIVITY_TRAINING, 61, 430);
  add("bob", v1::WORKER_ACTIVITY_TRAINING, 62, 859);
  add("carol", v1::WORKER_ACTIVITY_WAITING, 0, 0);
  add("mallory", v1::WORKER_ACTIVITY_SILENT, 0, 0);
  return response;
}

}  // namespace archpool::testing
