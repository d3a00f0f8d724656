// SPDX-License-Identifier: Apache-2.0
// Work in progress: leases and trials.
#include <vector>

#include "server/storage/postgres/optional_columns.h"
#include "server/storage/postgres/rows.h"
#include "server/storage/postgres/table_impl.h"

namespace archpool::postgres {

template struct Table<Lease>;
const Table<Lease>& LeaseTable() {
  using R = Lease;
  const auto need = ARCHPOOL_FIELD(backup_need);
  static const auto* const kTable = new Table<R>{
      "lease",
      "id",
      {Field<R>("id", ARCHPOOL_FIELD(id)),
       Field<R>("task_id", ARCHPOOL_FIELD(task)),
       Field<R>("subspace_id", ARCHPOOL_FIELD(subspace)),
       Field<R>("session_id", ARCHPOOL_FIELD(session)),
       Field<R>("account_id", ARCHPOOL_FIELD(account)),
       Field<R>("attempt", ARCHPOOL_FIELD(attempt)),
       Field<R>("role", ARCHPOOL_FIELD(role)),
       Field<R>("state", ARCHPOOL_FIELD(state)),
       Field<R>("trial_ids", ARCHPOOL_FIELD(trials)),
       Field<R>("create_time", ARCHPOOL_FIELD(create_time)),
       Field<R>("expire_time", ARCHPOOL_FIELD(expire_time)),
       Field<R>("trials_target", ARCHPOOL_FIELD(trials_target)),
       Field<R>("deadline", ARCHPOOL_FIELD(deadline)),
       InPlaceOf("high_reward",
                 Field<R>("has_high_reward", ARCHPOOL_FIELD(has_high_reward))),
       Optional<R>("primary_id", ARCHPOOL_FIELD(primary)),
       OrNone<BackupReason>(KeyOfPart<R>(
           need, Field<BackupNeed>("backup_reason", ARCHPOOL_FIELD(reason)))),
       InPart<R>(need,
                 Field<BackupNeed>("backups_wanted", ARCHPOOL_FIELD(wanted))),
       InPart<R>(need, Field<BackupNeed>("miss_ppm", ARCHPOOL_FIELD(miss_ppm))),
       Optional<R>("check_time", ARCHPOOL_FIELD(check_time))}};
  return *kTable;
}

namespace {

// Servers from before there was a column left it NULL, or its default.
std::vector<Column<Trial>> CommitmentColumns() {
  using R = Trial;
  using P = Commitment;
  const auto part = ARCHPOOL_FIELD(commitment);
  return {
      KeyOfPart<R>(part,
                   Field<P>("weights_digest", ARCHPOOL_FIELD(weights_digest))),
      InPart<R>(part, Nullable<P>("checkpoint_root",
                                  ARCHPOOL_FIELD(checkpoint_root), Digest{})),
      InPart<R>(part, Nullable<P>("signature", ARCHPOOL_FIELD(signature),
                                  Signature{})),
      InPart<R>(part, Nullable<P>("session_id", ARCHPOOL_FIELD(session),
                                  SessionId{})),
      InPart<R>(part, Field<P>("draw_ppm", ARCHPOOL_FIELD(draw_ppm))),
      InPart<R>(part, Optional<P>("diverged_at_step",
                                  ARCHPOOL_FIELD(diverged_at_step))),
      InPart<R>(part, Field<P>("weights_size_bytes",
                               ARCHPOOL_FIELD(weights_size_bytes))),
      InPart<R>(part,
                Field<P>("claimed_correct", ARCHPOOL_FIELD(claimed_correct))),
      InPart<R>(part, Field<P>("train_time_ns", ARCHPOOL_FIELD(train_time))),
      InPart<R>(part, Optional<P>("commit_time", ARCHPOOL_FIELD(commit_time)))};
}

std::vector<Column<Trial>> MeasuredColumns() {
  using R = Trial;
  using P = Measured;
  const auto part = ARCHPOOL_FIELD(measured);
  return {KeyOfPart<R>(part, Field<P>("measured_correct",
                                      ARCHPOOL_FIELD(validation_correct))),
          InPart<R>(part, Field<P>("held_out_correct",
                                   ARCHPOOL_FIELD(held_out_correct)))};
}

// Where there is a verdict, the state says: its column comes before these.
std::vector<Column<Trial>> VerdictColumns() {
  using R = Trial;
  using P = Verdict;
  const auto part = ARCHPOOL_FIELD(verdict);
  Column<R> state = Field<R>("state", ARCHPOOL_FIELD(state));
  state.read = [read = state.read](absl::string_view text,
                                   R& trial) -> absl::Status {
    ARCHPOOL_RETURN_IF_ERROR(read(text, trial));
    if (HasVerdict(trial.state)) trial.verdict.emplace();
    return absl::OkStatus();
  };
  return {state,
          OrNone<TrialBasis>(
              InPart<R>(part, Optional<P>("basis", ARCHPOOL_FIELD(basis)))),
          InPart<R>(part, Optional<P>("verified_accuracy_ppm",
                                      ARCHPOOL_FIELD(verified_accuracy_ppm))),
          InPlaceOf("is_matured",
                    InPartOrDefault<R>(
                        part, Field<P>("matured", ARCHPOOL_FIELD(is_matured)))),
          InPlaceOf("is_barred",
                    InPartOrDefault<R>(
                        part, Field<P>("barred", ARCHPOOL_FIELD(is_barred))))};
}

std::vector<Column<Trial>> SettlementColumns() {
  using R = Trial;
  using P = TrialSettlement;
  const auto part = ARCHPOOL_FIELD(settlement);
  return {InPartOrDefault<R>(part, Field<P>("pay", ARCHPOOL_FIELD(pay))),
          InPartOrDefault<R>(
              part, Field<P>("finders_bonus", ARCHPOOL_FIELD(finders_bonus)))};
}

std::vector<Column<Trial>> TrialColumns() {
  using R = Trial;
  std::vector<Column<R>> columns = {
      Field<R>("id", ARCHPOOL_FIELD(id)),
      Field<R>("task_id", ARCHPOOL_FIELD(task)),
      Field<R>("subspace_id", ARCHPOOL_FIELD(subspace)),
      Field<R>("lease_id", ARCHPOOL_FIELD(lease)),
      Field<R>("account_id", ARCHPOOL_FIELD(account)),
      Field<R>("architecture", ARCHPOOL_FIELD(architecture)),
      Field<R>("architecture_id", ARCHPOOL_FIELD(architecture_id)),
      Field<R>("parameters", ARCHPOOL_FIELD(parameters)),
      Field<R>("macs", ARCHPOOL_FIELD(macs)),
      Field<R>("work_units", ARCHPOOL_FIELD(work_units)),
      Field<R>("rung", ARCHPOOL_FIELD(rung)),
      Nullable<R>("resumes_trial_id", ARCHPOOL_FIELD(resumes), TrialId{}),
      Nullable<R>("known_from_trial_id", ARCHPOOL_FIELD(known_from), TrialId{}),
      Field<R>("create_time", ARCHPOOL_FIELD(create_time)),
      InPlaceOf(
          "hardware_class",
          Nullable<R>("arithmetic", ARCHPOOL_FIELD(arithmetic), std::string())),
      InPlaceOf("is_at_chance",
                Field<R>("at_chance", ARCHPOOL_FIELD(is_at_chance))),
      Field<R>("audit_time_ns", ARCHPOOL_FIELD(audit_time)),
      Optional<R>("upload_deadline", ARCHPOOL_FIELD(upload_deadline)),
      Nullable<R>("reason", ARCHPOOL_FIELD(reason), std::string())};
  for (const auto& part : {CommitmentColumns(), MeasuredColumns(),
                           VerdictColumns(), SettlementColumns()}) {
    columns.insert(columns.end(), part.begin(), part.end());
  }
  return columns;
}

}  // namespace

template struct Table<Trial>;
const Table<Trial>& TrialTable() {
  static const auto* const kTable =
      new Table<Trial>{"trial", "id", TrialColumns()};
  return *kTable;
}

template struct Table<SummaryRecord>;
const Table<SummaryRecord>& TaskSummaryTable() {
  using R = SummaryRecord;
  static const auto* const kTable = new Table<R>{
      "task_summary",
      "task_id",
      {Field<R>("task_id", ARCHPOOL_FIELD(task)),
       Field<R>("subspaces", ARCHPOOL_FIELD(subspaces)),
       Field<R>("subspaces_explored", ARCHPOOL_FIELD(sums.subspaces_explored)),
       Field<R>("trials_known", ARCHPOOL_FIELD(sums.trials_known)),
       Field<R>("trials_assigned", ARCHPOOL_FIELD(sums.trials_assigned)),
       Field<R>("trials_pending", ARCHPOOL_FIELD(sums.trials_pending)),
       Field<R>("trials_accepted", ARCHPOOL_FIELD(sums.trials_accepted)),
       Field<R>("trials_at_chance", ARCHPOOL_FIELD(sums.trials_at_chance)),
       Field<R>("trials_diverged", ARCHPOOL_FIELD(sums.trials_diverged)),
       Field<R>("trials_rejected", ARCHPOOL_FIELD(sums.trials_rejected)),
       Field<R>("trials_abandoned", ARCHPOOL_FIELD(sums.trials_abandoned)),
       Field<R>("trials_redundant", ARCHPOOL_FIELD(sums.trials_redundant)),
       Field<R>("rejected_by_reason", ARCHPOOL_FIELD(sums.rejected_by_reason)),
       Field<R>("work_units_accepted",
                ARCHPOOL_FIELD(sums.work_units_accepted)),
       Field<R>("training_time_ns", ARCHPOOL_FIELD(sums.training_time)),
       Field<R>("audit_time_ns", ARCHPOOL_FIELD(sums.audit_time)),
       Field<R>("shares", ARCHPOOL_FIELD(sums.shares)),
       Field<R>("front", ARCHPOOL_FIELD(front)),
       Optional<R>("best_accuracy_ppm", ARCHPOOL_FIELD(best_accuracy_ppm))}};
  return *kTable;
}

}  // namespace archpool::postgres
