// SPDX-License-Identifier: Apache-2.0
#include "server/storage/postgres/pool_restore.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "server/storage/postgres/load.h"
#include "server/storage/postgres/query.h"

namespace archpool {
namespace {

using postgres::Execute;

// Far beyond the generations that a pool's failures bring it to.
constexpr int64_t kGenerationsSkipped = 1'000'000;

constexpr char kNoteSql[] =
    "INSERT INTO pool_restore (number, backup, snapshot_time, restore_time)"
    " SELECT coalesce(max(number), 0) + 1, $1::text,"
    " to_timestamp($2::bigint / 1e6), to_timestamp($3::bigint / 1e6)"
    " FROM pool_restore RETURNING number";

constexpr char kFloorSql[] =
    "INSERT INTO id_floor (record, last_id) VALUES ($1::text, $2::bigint)"
    " ON CONFLICT (record) DO UPDATE SET last_id = EXCLUDED.last_id";

// Their money stays set aside; the rail says how they ended.
constexpr char kDoubtSql[] =
    "UPDATE payout SET state = 'unknown', reason = 'POOL_RESTORED',"
    " attempt = greatest(attempt, 1) WHERE state IN ('waiting', 'sending')";

// As after an update to another arithmetic: sessions end, and what was
// committed is judged by its weights, or paid without.
constexpr char kSessionsSql[] =
    "UPDATE session SET arithmetic = $1::text, hardware_class = NULL"
    " WHERE state = 'open'";
constexpr char kTrialsSql[] =
    "UPDATE trial SET arithmetic = $1::text, hardware_class = NULL"
    " FROM task WHERE task.id = trial.task_id"
    " AND task.state IN ('active', 'finishing')"
    " AND trial.weights_digest IS NOT NULL";

int64_t SkippedIn(const std::string& table, absl::Duration lost) {
  if (table == "account") {
    return kAccountsSkippedMin +
           kAccountsSkippedPerMinute * absl::ToInt64Minutes(lost);
  }
  return kIdsSkippedMin + kIdsSkippedPerSecond * absl::ToInt64Seconds(lost);
}

absl::Time TimeAt(const pqxx::field& micros) {
  return absl::FromUnixMicros(micros.as<int64_t>());
}

}  // namespace

absl::StatusOr<int64_t> NoteRestore(const std::string& connection_string,
                                    const RestoreNote& note) {
  int64_t number = 0;
  const absl::Duration lost =
      std::max(absl::ZeroDuration(), note.restore_time - note.snapshot_time);
  ARCHPOOL_RETURN_IF_ERROR(postgres::RunGuarded([&]() -> absl::Status {
    const auto connection = postgres::Connect(connection_string);
    pqxx::work transaction(*connection);
    number = Execute(transaction, kNoteSql,
                     {note.backup,
                      absl::StrCat(absl::ToUnixMicros(note.snapshot_time)),
                      absl::StrCat(absl::ToUnixMicros(note.restore_time))})
                 .at(0)
                 .at(0)
                 .as<int64_t>();
    for (const std::string& table : postgres::NumberedTables()) {
      const int64_t last =
          postgres::LastIdOf(transaction, table) + SkippedIn(table, lost);
      Execute(transaction, kFloorSql, {table, absl::StrCat(last)});
    }
    transaction.exec(absl::StrCat("UPDATE pool_head SET epoch = epoch + ",
                                  kGenerationsSkipped));
    transaction.exec(kDoubtSql);
    Execute(transaction, kSessionsSql, {kArithmeticBeforeRestore});
    Execute(transaction, kTrialsSql, {kArithmeticBeforeRestore});
    transaction.commit();
    return absl::OkStatus();
  }));
  return number;
}

absl::StatusOr<std::optional<RestoreNote>> FindPayoutHold(
    const std::string& connection_string) {
  std::optional<RestoreNote> held;
  ARCHPOOL_RETURN_IF_ERROR(postgres::RunGuarded([&]() -> absl::Status {
    held.reset();
    const auto connection = postgres::Connect(connection_string);
    pqxx::nontransaction transaction(*connection);
    // The earliest that is held: a backup of a pool whose payouts were held is
    // restored with that.
    const pqxx::result rows = transaction.exec(
        "SELECT number, backup,"
        " (extract(epoch FROM snapshot_time) * 1000000)::bigint,"
        " (extract(epoch FROM restore_time) * 1000000)::bigint"
        " FROM pool_restore WHERE payouts_time IS NULL"
        " ORDER BY number LIMIT 1");
    if (rows.empty()) return absl::OkStatus();
    held = RestoreNote{.number = rows[0][0].as<int64_t>(),
                       .backup = rows[0][1].c_str(),
                       .snapshot_time = TimeAt(rows[0][2]),
                       .restore_time = TimeAt(rows[0][3])};
    return absl::OkStatus();
  }));
  return held;
}

absl::Status EndPayoutHold(const std::string& connection_string,
                           absl::Time now) {
  const absl::Status status = postgres::RunGuarded([&]() -> absl::Status {
    const auto connection = postgres::Connect(connection_string);
    pqxx::work transaction(*connection);
    Execute(transaction,
            "UPDATE pool_restore SET payouts_time ="
            " to_timestamp($1::bigint / 1e6) WHERE payouts_time IS NULL",
            {absl::StrCat(absl::ToUnixMicros(now))});
    transaction.commit();
    return absl::OkStatus();
  });
  // It is asked and said again.
  if (absl::IsUnknown(status)) {
    return Unavailable("STORE_UNREACHABLE", status.message());
  }
  return status;
}

absl::StatusOr<std::set<Digest>> FindPayoutKeys(
    const std::string& connection_string, const std::vector<Digest>& keys) {
  std::set<Digest> known;
  const auto add = [](std::string* list, const Digest& key) {
    absl::StrAppend(list, key.ToString());
  };
  const std::string list =
      absl::StrCat("{", absl::StrJoin(keys, ",", add), "}");
  ARCHPOOL_RETURN_IF_ERROR(postgres::RunGuarded([&]() -> absl::Status {
    const auto connection = postgres::Connect(connection_string);
    pqxx::nontransaction transaction(*connection);
    const pqxx::result rows = Execute(
        transaction,
        "SELECT key FROM unnest($1::text[]) AS key WHERE EXISTS (SELECT FROM"
        " payout WHERE rail_key = decode(key, 'hex')) UNION SELECT key FROM"
        " unnest($1::text[]) AS key JOIN payout"
        " ON reason = 'BY_HAND_' || upper(left(key, 32))",
        {list});
    for (const auto& row : rows) {
      ARCHPOOL_ASSIGN_OR_RETURN(const Digest key,
                                Digest::Parse(postgres::TextOf(row[0])));
      known.insert(key);
    }
    return absl::OkStatus();
  }));
  return known;
}

}  // namespace archpool
