// SPDX-License-Identifier: Apache-2.0
#include "server/storage/postgres/ledger_check.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "server/storage/ledger_sums.h"
#include "server/storage/postgres/load.h"
#include "server/storage/postgres/query.h"
#include "server/storage/postgres/rows.h"
#include "server/storage/postgres/sql_words.h"

namespace archpool::postgres {
namespace {

// $1 is the last transfer that was examined before, in all of these. {ended}
// stands for the states in which what is asked for has ended.
//
// What looks at everything where $1 is 0 says so in a branch of its own: joined
// by OR, the planner would go through the whole table in both cases.

// Sums are numeric: they may pass 64 bits.
constexpr char kTotalsSql[] = R"sql(
SELECT count(*), coalesce(sum(amount), 0)::text, coalesce(max(id), $1::bigint)
FROM transfer WHERE id > $1::bigint)sql";

constexpr char kMovedSql[] = R"sql(
SELECT kind, place_id, sum(amount)::text FROM (
  SELECT credit_kind AS kind, credit_id AS place_id, amount FROM transfer
  WHERE id > $1::bigint
  UNION ALL
  SELECT debit_kind, debit_id, -amount FROM transfer WHERE id > $1::bigint
) AS movement
GROUP BY kind, place_id)sql";

constexpr char kUnsettledEscrowsSql[] = R"sql(
SELECT kind, place_id, balance.amount::text
FROM balance JOIN task ON task.id = place_id
WHERE kind = 'escrow' AND balance.amount <> 0
  AND task.state IN {ended}
ORDER BY place_id)sql";

// Each payout was set aside once, and its end moved the money once: those that
// are open, and those whose money moved.
constexpr char kWrongPayoutsSql[] = R"sql(
WITH looked_at AS (
  SELECT id, state FROM payout WHERE $1::bigint = 0
  UNION SELECT id, state FROM payout WHERE state NOT IN {ended}
  UNION SELECT id, state FROM payout WHERE id IN (
    SELECT payout_id FROM transfer
    WHERE id > $1::bigint AND payout_id IS NOT NULL)
)
SELECT id, state, begun, ended FROM looked_at CROSS JOIN LATERAL (
  SELECT (SELECT count(*) FROM transfer
          WHERE payout_id = looked_at.id AND kind = 'payout') AS begun,
         (SELECT count(*) FROM transfer
          WHERE payout_id = looked_at.id AND kind IN ('settle', 'return'))
         AS ended
) AS moved
WHERE begun <> 1 OR ended <> (state IN {ended})::int
ORDER BY id)sql";

// What an ended task paid each miner is what its accepted trials, by verdicts
// that rest on something, came to. Through a window (account 0) all miners
// together: the next statement tells them apart. A settlement that is under way
// moves the money last.
constexpr char kUnearnedSql[] = R"sql(
WITH of_task AS (
  SELECT id, reward_rule = 'pplns' AS by_window,
    state = 'finishing' OR reward_rule = 'pplns' AND state = 'active' AS waits
  FROM (
    SELECT id, reward_rule, state FROM task WHERE $1::bigint = 0
    UNION ALL SELECT id, reward_rule, state FROM task
    WHERE $1::bigint <> 0 AND id IN (
      SELECT task_id FROM transfer
      WHERE id > $1::bigint AND task_id IS NOT NULL)
  ) AS looked_at
), paid AS (
  SELECT task_id, kind, sum(amount) AS amount,
    CASE WHEN by_window AND kind = 'pay' THEN 0 ELSE credit_id END
    AS account_id
  FROM transfer JOIN of_task ON of_task.id = task_id
  WHERE kind IN ('pay', 'finders_bonus')
  GROUP BY task_id, kind, 4
), earned AS (
  SELECT task_id, part.kind, sum(part.amount) AS amount,
    CASE WHEN by_window AND part.kind = 'pay' THEN 0 ELSE account_id END
    AS account_id
  FROM trial JOIN of_task ON of_task.id = task_id CROSS JOIN LATERAL
    (VALUES ('pay', pay), ('finders_bonus', finders_bonus))
    AS part (kind, amount)
  WHERE (state = 'rejected'
      OR state = 'accepted' AND basis <> 'none'
        AND coalesce(matured, is_matured = 1))
    AND part.amount > 0 AND NOT waits
  GROUP BY task_id, part.kind, 4
)
SELECT task_id, account_id, kind, coalesce(paid.amount, 0)::text,
       coalesce(earned.amount, 0)::text
FROM paid FULL JOIN earned USING (task_id, account_id, kind)
WHERE coalesce(paid.amount, 0) <> coalesce(earned.amount, 0)
ORDER BY task_id, account_id, kind)sql";

// What an account earned in tasks that pay through the window, it was paid or
// is owed. Only where everything is examined.
constexpr char kWrongOwedSql[] = R"sql(
WITH by_window AS (
  SELECT id FROM task WHERE reward_rule = 'pplns'
), part AS (
  SELECT credit_id AS account_id, amount AS got, 0 AS earned FROM transfer
  WHERE kind = 'pay' AND task_id IN (SELECT id FROM by_window)
  UNION ALL SELECT account_id, amount, 0 FROM owed
  UNION ALL SELECT account_id, 0, pay FROM trial
  WHERE (state = 'rejected'
      OR state = 'accepted' AND basis <> 'none'
        AND coalesce(matured, is_matured = 1))
    AND task_id IN (SELECT id FROM by_window)
)
SELECT account_id, sum(got)::text, sum(earned)::text FROM part
GROUP BY account_id HAVING sum(got) <> sum(earned) ORDER BY account_id)sql";

constexpr char kSetAsideSql[] = R"sql(
SELECT open::text, aside::text FROM
  (SELECT coalesce(sum(amount), 0) AS open FROM payout
   WHERE state NOT IN {ended}) AS payouts,
  (SELECT coalesce(sum(amount), 0) AS aside FROM balance
   WHERE kind = 'payouts') AS place
WHERE open <> aside)sql";

template <typename State>
std::string WithEnds(absl::string_view sql) {
  return absl::StrReplaceAll(sql, {{"{ended}", EndedWords<State>()}});
}

absl::StatusOr<Place> PlaceOf(const pqxx::row& row) {
  Place place;
  ARCHPOOL_RETURN_IF_ERROR(Read(TextOf(row[0]), place.kind));
  ARCHPOOL_RETURN_IF_ERROR(Read(TextOf(row[1]), place.id));
  return place;
}

absl::StatusOr<LedgerSum> SumOf(absl::string_view digits) {
  LedgerSum sum = 0;
  const bool is_negative = absl::ConsumePrefix(&digits, "-");
  for (const char digit : digits) {
    if (digit < '0' || digit > '9') {
      return Internal("STORE_CORRUPT", "a sum of amounts is no number");
    }
    sum = 10 * sum + (digit - '0');
  }
  return is_negative ? -sum : sum;
}

}  // namespace

absl::StatusOr<LedgerCheck> CheckLedger(pqxx::transaction_base& transaction,
                                        LedgerMark& mark) {
  LedgerCheck check;
  const Parameters since = {absl::StrCat(mark.transfer.value)};
  const bool is_whole = !mark.transfer.IsSet();
  const pqxx::result totals = Execute(transaction, kTotalsSql, since);
  check.transfers = totals.at(0).at(0).as<int64_t>();
  // A transfer is one row with one amount: what leaves is what enters.
  check.debits = totals.at(0).at(1).c_str();
  check.credits = check.debits;
  LedgerMark reached = mark;
  reached.transfer = TransferId{totals.at(0).at(2).as<int64_t>()};
  for (const auto& row : Execute(transaction, kMovedSql, since)) {
    ARCHPOOL_ASSIGN_OR_RETURN(const Place place, PlaceOf(row));
    ARCHPOOL_ASSIGN_OR_RETURN(const LedgerSum moved, SumOf(TextOf(row[2])));
    reached.sums[place] += moved;
  }
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<Balance> balances,
                            Select(transaction, BalanceTable(), "", {}));
  CheckBalances(reached.sums, balances, check);
  for (const auto& row :
       transaction.exec(WithEnds<TaskState>(kUnsettledEscrowsSql))) {
    ARCHPOOL_ASSIGN_OR_RETURN(const Place place, PlaceOf(row));
    check.violations.push_back(absl::StrCat("the task has ended, and ",
                                            ToString(place), " still holds ",
                                            row[2].c_str()));
  }
  for (const auto& row : Execute(transaction, kUnearnedSql, since)) {
    check.violations.push_back(absl::StrCat(
        TaskId{row[0].as<int64_t>()}.ToString(), " moved ", row[3].c_str(),
        " to ", ToString(Place::Of(AccountId{row[1].as<int64_t>()})), " as ",
        row[2].c_str(), ", its accepted trials earned ", row[4].c_str()));
  }
  const pqxx::result wrong_owed =
      is_whole ? transaction.exec(kWrongOwedSql) : pqxx::result();
  for (const auto& row : wrong_owed) {
    check.violations.push_back(
        absl::StrCat(ToString(Place::Of(AccountId{row[0].as<int64_t>()})),
                     " was paid through the window, and is owed, ",
                     row[1].c_str(), ", and earned ", row[2].c_str()));
  }
  for (const auto& row :
       Execute(transaction, WithEnds<PayoutState>(kWrongPayoutsSql), since)) {
    check.violations.push_back(absl::StrCat(
        PayoutId{row[0].as<int64_t>()}.ToString(), " is ", row[1].c_str(),
        ", and has ", row[2].c_str(), " + ", row[3].c_str(), " transfers"));
  }
  for (const auto& row :
       transaction.exec(WithEnds<PayoutState>(kSetAsideSql))) {
    check.violations.push_back(absl::StrCat("the open payouts come to ",
                                            row[0].c_str(), ", and ",
                                            row[1].c_str(), " is set aside"));
  }
  if (check.violations.empty()) mark = std::move(reached);
  return check;
}

}  // namespace archpool::postgres
