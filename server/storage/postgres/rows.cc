// SPDX-License-Identifier: Apache-2.0
#include "server/storage/postgres/rows.h"

#include <memory>
#include <utility>

#include "common/base/check.h"
#include "common/wire/task_spec_wire.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "server/storage/postgres/optional_columns.h"
#include "server/storage/postgres/table_impl.h"

namespace archpool::postgres {
namespace {

// Equal specs make equal bytes.
std::string SpecBytes(const TaskSpec& spec) {
  const v1::TaskSpec proto = wire::ToProto(spec);
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    proto.SerializeToCodedStream(&coded);
  }
  return bytes;
}

}  // namespace

TaskRow RowOf(const Task& task) {
  ARCHPOOL_CHECK(task.spec != nullptr);
  TaskRow row{.task = task,
              .spec_bytes = SpecBytes(*task.spec),
              .name = task.spec->name,
              .dataset = task.spec->dataset,
              .reward = task.spec->terms.reward};
  row.task.spec = nullptr;
  return row;
}

absl::StatusOr<Task> TaskOf(const TaskRow& row) {
  v1::TaskSpec proto;
  if (!proto.ParseFromString(row.spec_bytes)) {
    return Internal(
        "STORE_CORRUPT",
        absl::StrCat("the database holds a spec of ", row.task.id.ToString(),
                     " that is no archpool.v1.TaskSpec"));
  }
  absl::StatusOr<TaskSpec> spec = wire::StoredTaskSpecFromProto(proto);
  if (!spec.ok()) return Corrupt(row.task.id.ToString(), spec.status());
  Task task = row.task;
  task.spec = std::make_shared<const TaskSpec>(*std::move(spec));
  return task;
}

SubspaceRow RowOf(const SubspaceRecord& record) {
  SubspaceRow row{.record = record, .allowed = record.box.allowed()};
  row.record.box = Subspace();
  if (record.split_off) {
    row.split_choices = static_cast<int64_t>(record.split_off->choices);
  }
  return row;
}

absl::StatusOr<SubspaceRecord> SubspaceOf(const SubspaceRow& row,
                                          const SearchSpace& space) {
  absl::StatusOr<Subspace> box = Subspace::Create(space, row.allowed);
  if (!box.ok()) return Corrupt(row.record.id.ToString(), box.status());
  SubspaceRecord record = row.record;
  record.box = *std::move(box);
  if (record.split_off) {
    record.split_off->choices = static_cast<uint64_t>(row.split_choices);
  }
  return record;
}

RankingRow RowOf(const Ranking& ranking) {
  RankingRow row{.task = ranking.task, .verdicts_seen = ranking.verdicts_seen};
  for (const Architecture& one : ranking.candidates) {
    row.candidates.choices.insert(row.candidates.choices.end(),
                                  one.choices.begin(), one.choices.end());
  }
  return row;
}

absl::StatusOr<Ranking> RankingOf(const RankingRow& row,
                                  const SearchSpace& space) {
  Ranking ranking{.task = row.task, .verdicts_seen = row.verdicts_seen};
  const std::vector<uint8_t>& bytes = row.candidates.choices;
  const size_t dimensions = space.dimensions().size();
  for (size_t i = 0; i + dimensions <= bytes.size(); i += dimensions) {
    const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(i);
    Architecture one{
        .choices = {begin, begin + static_cast<std::ptrdiff_t>(dimensions)}};
    if (!space.IsValid(one)) break;
    ranking.candidates.push_back(std::move(one));
  }
  if (ranking.candidates.size() * dimensions != bytes.size()) {
    return Internal("STORE_CORRUPT",
                    absl::StrCat("the database holds a ranking of ",
                                 row.task.ToString(), " of another space"));
  }
  return ranking;
}

namespace {

// An account's and a session's: of the same names.
template <typename R>
std::vector<Column<R>> WithPerformance(std::vector<Column<R>> columns) {
  std::vector<Column<R>> performance = {
      Field<R>("pace_count", ARCHPOOL_FIELD(performance.pace_permille.count)),
      Field<R>("pace_sum_permille",
               ARCHPOOL_FIELD(performance.pace_permille.sum)),
      Field<R>("pace_sum_of_squares",
               ARCHPOOL_FIELD(performance.pace_permille.sum_of_squares)),
      Field<R>("leases_completed",
               ARCHPOOL_FIELD(performance.leases_completed)),
      Field<R>("leases_lost", ARCHPOOL_FIELD(performance.leases_lost)),
      Field<R>("lease_time_ns", ARCHPOOL_FIELD(performance.lease_time)),
      Optional<R>("last_commit_time",
                  ARCHPOOL_FIELD(performance.last_commit_time))};
  columns.insert(columns.end(), performance.begin(), performance.end());
  return columns;
}

}  // namespace

template struct Table<Account>;
const Table<Account>& AccountTable() {
  using R = Account;
  using N = NextAddress;
  const auto next = ARCHPOOL_FIELD(next_address);
  static const auto* const kTable = new Table<R>{
      "account", "id",
      WithPerformance<R>(
          {Field<R>("id", ARCHPOOL_FIELD(id)),
           Field<R>("name", ARCHPOOL_FIELD(name)),
           Field<R>("role", ARCHPOOL_FIELD(role)),
           Field<R>("token_hash", ARCHPOOL_FIELD(token_hash)),
           Field<R>("state", ARCHPOOL_FIELD(state)),
           Field<R>("trials_accepted", ARCHPOOL_FIELD(trials_accepted)),
           Field<R>("trials_within_group", ARCHPOOL_FIELD(trials_within_group)),
           Field<R>("trials_rejected", ARCHPOOL_FIELD(trials_rejected)),
           Field<R>("trials_abandoned", ARCHPOOL_FIELD(trials_abandoned)),
           Field<R>("rejections_in_a_row", ARCHPOOL_FIELD(rejections_in_a_row)),
           Field<R>("claims_too_low", ARCHPOOL_FIELD(claims_too_low)),
           Field<R>("audit_rate_ppm", ARCHPOOL_FIELD(audit_rate_ppm)),
           Nullable<R>("payout_address", ARCHPOOL_FIELD(payout_address),
                       std::string()),
           Field<R>("payout_threshold", ARCHPOOL_FIELD(payout_threshold)),
           Field<R>("revenue_split", ARCHPOOL_FIELD(split)),
           Field<R>("units_credited", ARCHPOOL_FIELD(units_credited)),
           Field<R>("quota_open_tasks", ARCHPOOL_FIELD(quotas.open_tasks)),
           Field<R>("quota_leases", ARCHPOOL_FIELD(quotas.leases)),
           Field<R>("quota_sessions", ARCHPOOL_FIELD(quotas.sessions)),
           Field<R>("quota_stored_bytes", ARCHPOOL_FIELD(quotas.stored_bytes)),
           Nullable<R>("group_name", ARCHPOOL_FIELD(group), std::string()),
           Nullable<R>("invited_by", ARCHPOOL_FIELD(invited_by), AccountId{}),
           Field<R>("shares_from", ARCHPOOL_FIELD(shares_from)),
           InPlaceOf("is_public",
                     Field<R>("shows_name", ARCHPOOL_FIELD(is_public))),
           Field<R>("give_ups", ARCHPOOL_FIELD(give_ups)),
           Optional<R>("give_up_time", ARCHPOOL_FIELD(give_up_time)),
           Optional<R>("void_until", ARCHPOOL_FIELD(void_until)),
           Optional<R>("examine_until", ARCHPOOL_FIELD(examine_until)),
           KeyOfPart<R>(next,
                        Field<N>("next_address", ARCHPOOL_FIELD(address))),
           InPart<R>(next, Field<N>("next_address_time", ARCHPOOL_FIELD(time))),
           Optional<R>("address_wait_time", ARCHPOOL_FIELD(address_wait_time)),
           Field<R>("accuracy_count", ARCHPOOL_FIELD(accuracy_ppm.count)),
           Field<R>("accuracy_sum_ppm", ARCHPOOL_FIELD(accuracy_ppm.sum)),
           Field<R>("accuracy_sum_of_squares",
                    ARCHPOOL_FIELD(accuracy_ppm.sum_of_squares))})};
  return *kTable;
}

template struct Table<DatasetRecord>;
const Table<DatasetRecord>& DatasetTable() {
  using R = DatasetRecord;
  static const auto* const kTable = new Table<R>{
      "dataset",
      "id",
      {Field<R>("id", ARCHPOOL_FIELD(id)),
       Field<R>("owner_id", ARCHPOOL_FIELD(owner)),
       Field<R>("channels", ARCHPOOL_FIELD(manifest.shape.channels)),
       Field<R>("height", ARCHPOOL_FIELD(manifest.shape.height)),
       Field<R>("width", ARCHPOOL_FIELD(manifest.shape.width)),
       Field<R>("classes", ARCHPOOL_FIELD(manifest.classes)),
       Field<R>("train_count", ARCHPOOL_FIELD(manifest.train_count)),
       Field<R>("validation_count", ARCHPOOL_FIELD(manifest.validation_count)),
       Field<R>("held_out_count", ARCHPOOL_FIELD(manifest.held_out_count)),
       Field<R>("train_digest", ARCHPOOL_FIELD(manifest.train)),
       Field<R>("validation_digest", ARCHPOOL_FIELD(manifest.validation)),
       Field<R>("held_out_digest", ARCHPOOL_FIELD(held_out)),
       Field<R>("mean_ppm", ARCHPOOL_FIELD(manifest.mean_ppm)),
       Field<R>("deviation_ppm", ARCHPOOL_FIELD(manifest.deviation_ppm)),
       Optional<R>("register_time", ARCHPOOL_FIELD(register_time)),
       Field<R>("stored_bytes", ARCHPOOL_FIELD(stored_bytes)),
       Optional<R>("drop_time", ARCHPOOL_FIELD(drop_time)),
       Optional<R>("split_key", ARCHPOOL_FIELD(split_key))}};
  return *kTable;
}

template struct Table<StoredFile>;
const Table<StoredFile>& StoredFileTable() {
  using R = StoredFile;
  static const auto* const kTable =
      new Table<R>{"stored_file",
                   "account_id, digest",
                   {Field<R>("account_id", ARCHPOOL_FIELD(account)),
                    Field<R>("digest", ARCHPOOL_FIELD(digest)),
                    Field<R>("size_bytes", ARCHPOOL_FIELD(size_bytes)),
                    Field<R>("create_time", ARCHPOOL_FIELD(create_time)),
                    Optional<R>("cut_time", ARCHPOOL_FIELD(cut_time))}};
  return *kTable;
}

template struct Table<StoredWeights>;
const Table<StoredWeights>& StoredWeightsTable() {
  using R = StoredWeights;
  static const auto* const kTable =
      new Table<R>{"stored_weights",
                   "trial_id",
                   {Field<R>("trial_id", ARCHPOOL_FIELD(trial)),
                    Field<R>("account_id", ARCHPOOL_FIELD(account)),
                    Field<R>("digest", ARCHPOOL_FIELD(digest)),
                    Field<R>("size_bytes", ARCHPOOL_FIELD(size_bytes))}};
  return *kTable;
}

template struct Table<StorageUse>;
const Table<StorageUse>& StorageUseTable() {
  using R = StorageUse;
  static const auto* const kTable =
      new Table<R>{"storage_use",
                   "account_id",
                   {Field<R>("account_id", ARCHPOOL_FIELD(account)),
                    Field<R>("file_bytes", ARCHPOOL_FIELD(file_bytes)),
                    Field<R>("weight_bytes", ARCHPOOL_FIELD(weight_bytes))}};
  return *kTable;
}

template struct Table<TaskRow>;
const Table<TaskRow>& TaskTable() {
  using R = TaskRow;
  static const auto* const kTable = new Table<R>{
      "task",
      "id",
      {Field<R>("id", ARCHPOOL_FIELD(task.id)),
       Field<R>("client_id", ARCHPOOL_FIELD(task.client)),
       Field<R>("request_id", ARCHPOOL_FIELD(task.request_id)),
       BytesField<R>("spec", ARCHPOOL_FIELD(spec_bytes)),
       Field<R>("name", ARCHPOOL_FIELD(name)),
       Field<R>("dataset_id", ARCHPOOL_FIELD(dataset)),
       Field<R>("reward", ARCHPOOL_FIELD(reward)),
       Field<R>("secret", ARCHPOOL_FIELD(task.secret)),
       Field<R>("cost_table_version", ARCHPOOL_FIELD(task.cost_table_version)),
       Field<R>("reward_rule", ARCHPOOL_FIELD(task.rule)),
       Field<R>("state", ARCHPOOL_FIELD(task.state)),
       OrNone<EndReason>(
           Optional<R>("end_reason", ARCHPOOL_FIELD(task.end_reason))),
       Field<R>("create_time", ARCHPOOL_FIELD(task.create_time)),
       Field<R>("deadline", ARCHPOOL_FIELD(task.deadline)),
       Field<R>("time_away_ns", ARCHPOOL_FIELD(task.time_away)),
       Optional<R>("end_time", ARCHPOOL_FIELD(task.end_time)),
       Field<R>("fee_pot", ARCHPOOL_FIELD(task.fee_pot)),
       Field<R>("bonus_pot", ARCHPOOL_FIELD(task.bonus_pot)),
       Field<R>("work_pot", ARCHPOOL_FIELD(task.work_pot)),
       Field<R>("fee", ARCHPOOL_FIELD(task.fee)),
       Field<R>("refund", ARCHPOOL_FIELD(task.refund))}};
  return *kTable;
}

template struct Table<SubspaceRow>;
const Table<SubspaceRow>& SubspaceTable() {
  using R = SubspaceRow;
  using P = SplitOff;
  const auto part = ARCHPOOL_FIELD(record.split_off);
  static const auto* const kTable = new Table<R>{
      "subspace",
      "id",
      {Field<R>("id", ARCHPOOL_FIELD(record.id)),
       Field<R>("task_id", ARCHPOOL_FIELD(record.task)),
       Field<R>("allowed", ARCHPOOL_FIELD(allowed)),
       Field<R>("state", ARCHPOOL_FIELD(record.state)),
       Field<R>("attempt", ARCHPOOL_FIELD(record.attempt)),
       KeyOfPart<R>(part, Field<P>("parent_id", ARCHPOOL_FIELD(parent))),
       InPartOrDefault<R>(
           part, Field<P>("split_dimension", ARCHPOOL_FIELD(dimension))),
       Field<R>("split_choices", ARCHPOOL_FIELD(split_choices)),
       InPartOrDefault<R>(part,
                          Field<P>("prior_ppm", ARCHPOOL_FIELD(prior_ppm))),
       Nullable<R>("prune_reason", ARCHPOOL_FIELD(record.prune_reason),
                   std::string())}};
  return *kTable;
}

template struct Table<Session>;
const Table<Session>& SessionTable() {
  using R = Session;
  static const auto* const kTable = new Table<R>{
      "session", "id",
      WithPerformance<R>(
          {Field<R>("id", ARCHPOOL_FIELD(id)),
           Field<R>("account_id", ARCHPOOL_FIELD(account)),
           Field<R>("worker_name", ARCHPOOL_FIELD(worker_name)),
           Field<R>("threads", ARCHPOOL_FIELD(threads)),
           InPlaceOf("hardware_class",
                     Field<R>("arithmetic", ARCHPOOL_FIELD(arithmetic))),
           Nullable<R>("public_key", ARCHPOOL_FIELD(key), PublicKey{}),
           Field<R>("state", ARCHPOOL_FIELD(state)),
           Field<R>("create_time", ARCHPOOL_FIELD(create_time))})};
  return *kTable;
}

template struct Table<PoolClock>;
const Table<PoolClock>& ClockTable() {
  using R = PoolClock;
  // The key of a table with one row.
  static const Column<R> kId = {
      "id", kIntShape, [](const R&, ArrayText& array) { array.AddInt(1); },
      [](absl::string_view, R&) { return absl::OkStatus(); }};
  using P = AddedTime;
  const auto part = ARCHPOOL_FIELD(added);
  static const auto* const kTable = new Table<R>{
      "pool_clock",
      "id",
      {kId, Field<R>("time", ARCHPOOL_FIELD(time)),
       Optional<R>("maintenance_since", ARCHPOOL_FIELD(maintenance_since)),
       KeyOfPart<R>(part, Field<P>("away_since", ARCHPOOL_FIELD(begin))),
       InPart<R>(part, Field<P>("away_until", ARCHPOOL_FIELD(end))),
       InPart<R>(part, Field<P>("away_kind", ARCHPOOL_FIELD(kind))),
       InPart<R>(part, Field<P>("away_done_to", ARCHPOOL_FIELD(done_to)))}};
  return *kTable;
}

template struct Table<RankingRow>;
const Table<RankingRow>& RankingTable() {
  using R = RankingRow;
  static const auto* const kTable = new Table<R>{
      "ranking",
      "task_id",
      {Field<R>("task_id", ARCHPOOL_FIELD(task)),
       InPlaceOf("basis",
                 Field<R>("verdicts_seen", ARCHPOOL_FIELD(verdicts_seen))),
       Field<R>("candidates", ARCHPOOL_FIELD(candidates))}};
  return *kTable;
}

}  // namespace archpool::postgres
