// SPDX-License-Identifier: Apache-2.0
// The tables of rows.h that say who examines what, and how well.
#include "server/storage/postgres/optional_columns.h"
#include "server/storage/postgres/rows.h"
#include "server/storage/postgres/table_impl.h"

namespace archpool::postgres {

template struct Table<Audit>;
const Table<Audit>& AuditTable() {
  using R = Audit;
  static const auto* const kTable = new Table<R>{
      "audit",
      "id",
      {Field<R>("id", ARCHPOOL_FIELD(id)),
       Field<R>("trial_id", ARCHPOOL_FIELD(trial)),
       Field<R>("task_id", ARCHPOOL_FIELD(task)),
       Field<R>("kind", ARCHPOOL_FIELD(kind)),
       Field<R>("state", ARCHPOOL_FIELD(state)),
       Field<R>("segment", ARCHPOOL_FIELD(segment)),
       InPlaceOf("measures_all", Field<R>("measures_whole_splits",
                                          ARCHPOOL_FIELD(measures_all))),
       Field<R>("missing", ARCHPOOL_FIELD(missing)),
       Nullable<R>("opening", ARCHPOOL_FIELD(opening), Opening()),
       Field<R>("looks", ARCHPOOL_FIELD(looks)),
       Optional<R>("lease_time", ARCHPOOL_FIELD(lease_time)),
       Optional<R>("wait_time", ARCHPOOL_FIELD(wait_time)),
       Optional<R>("decide_time", ARCHPOOL_FIELD(decide_time)),
       Field<R>("refused_time_ns", ARCHPOOL_FIELD(refused_time)),
       Optional<R>("away_until", ARCHPOOL_FIELD(away_until)),
       Field<R>("away", ARCHPOOL_FIELD(is_away)),
       InPlaceOf("is_planted", Field<R>("planted", ARCHPOOL_FIELD(is_planted))),
       Field<R>("planted_count", ARCHPOOL_FIELD(planted_count)),
       Field<R>("attempt", ARCHPOOL_FIELD(attempt)),
       Nullable<R>("verifier_id", ARCHPOOL_FIELD(verifier), AccountId{}),
       Nullable<R>("verifier_name", ARCHPOOL_FIELD(verifier_name),
                   std::string()),
       Optional<R>("expire_time", ARCHPOOL_FIELD(expire_time))}};
  return *kTable;
}

template struct Table<VerifierRecord>;
const Table<VerifierRecord>& VerifierTable() {
  using R = VerifierRecord;
  static const auto* const kTable =
      new Table<R>{"verifier",
                   "account_id, name",
                   {Field<R>("account_id", ARCHPOOL_FIELD(key.account)),
                    Field<R>("name", ARCHPOOL_FIELD(key.name)),
                    Field<R>("agreed", ARCHPOOL_FIELD(agreed)),
                    Field<R>("outvoted", ARCHPOOL_FIELD(outvoted)),
                    Field<R>("planted_passed", ARCHPOOL_FIELD(planted_passed)),
                    Field<R>("planted_failed", ARCHPOOL_FIELD(planted_failed)),
                    Field<R>("planted_owed", ARCHPOOL_FIELD(planted_owed))}};
  return *kTable;
}

}  // namespace archpool::postgres
