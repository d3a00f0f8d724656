#include "server/storage/postgres/ledger_check.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "server/storage/postgres/columns.h"
#include "server/storage/postgres/query.h"

namespace archpool::postgres {
namespace {

// Sums are numeric: they may pass 64 bits.
constexpr char kTotalsSql[] = R"sql(
SELECT count(*),
       coalesce(sum(amount), 0)::text,
       (SELECT coalesce(sum(amount), 0)::text FROM balance)
FROM transfer)sql";

constexpr char kWrongBalancesSql[] = R"sql(
WITH movement AS (
  SELECT credit_kind AS kind, credit_id AS place_id, amount FROM transfer
  UNION ALL
  SELECT debit_kind, debit_id, -amount FROM transfer
), recomputed AS (
  SELECT kind, place_id, sum(amount) AS amount FROM movement
  GROUP BY kind, place_id
)
SELECT kind, place_id, coalesce(balance.amount, 0)::text,
       coalesce(recomputed.amount, 0)::text
FROM balance FULL JOIN recomputed USING (kind, place_id)
WHERE coalesce(balance.amount, 0) <> coalesce(recomputed.amount, 0)
ORDER BY kind, place_id)sql";

constexpr char kNegativeBalancesSql[] = R"sql(
SELECT kind, place_id, amount::text FROM balance
WHERE amount < 0 AND kind <> 'outside' ORDER BY kind, place_id)sql";

constexpr char kUnsettledEscrowsSql[] = R"sql(
SELECT kind, place_id, balance.amount::text
FROM balance JOIN task ON task.id = place_id
WHERE kind = 'escrow' AND balance.amount <> 0
  AND task.state IN ('succeeded', 'failed', 'cancelled')
ORDER BY place_id)sql";

// Each payout was set aside once, and its end moved the money once.
constexpr char kWrongPayoutsSql[] = R"sql(
WITH moved AS (
  SELECT payout_id, count(*) FILTER (WHERE kind = 'payout') AS begun,
         count(*) FILTER (WHERE kind <> 'payout') AS ended
  FROM transfer WHERE payout_id IS NOT NULL GROUP BY payout_id
)
SELECT payout.id, state, coalesce(begun, 0), coalesce(ended, 0)
FROM payout LEFT JOIN moved ON moved.payout_id = payout.id
WHERE coalesce(begun, 0) <> 1
  OR coalesce(ended, 0) <> (state IN ('settled', 'refused'))::int
ORDER BY payout.id)sql";

// What an ended task paid each miner is what its accepted trials, by verdicts
// that rest on something, came to. Through a window (account 0) all miners
// together: the next statement tells them apart.
constexpr char kUnearnedSql[] = R"sql(
WITH of_task AS (
  SELECT id, reward_rule = 'pplns' AS by_window,
    reward_rule = 'pplns' AND state IN ('active', 'finishing') AS waits
  FROM task
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
  WHERE state = 'accepted' AND basis <> 'none' AND is_matured = 1
    AND part.amount > 0 AND NOT waits
  GROUP BY task_id, part.kind, 4
)
SELECT task_id, account_id, kind, coalesce(paid.amount, 0)::text,
       coalesce(earned.amount, 0)::text
FROM paid FULL JOIN earned USING (task_id, account_id, kind)
WHERE coalesce(paid.amount, 0) <> coalesce(earned.amount, 0)
ORDER BY task_id, account_id, kind)sql";

// What an account earned in tasks that pay through the window, it was paid or
// is owed.
constexpr char kWrongOwedSql[] = R"sql(
WITH by_window AS (
  SELECT id FROM task WHERE reward_rule = 'pplns'
), part AS (
  SELECT credit_id AS account_id, amount AS got, 0 AS earned FROM transfer
  WHERE kind = 'pay' AND task_id IN (SELECT id FROM by_window)
  UNION ALL SELECT account_id, amount, 0 FROM owed
  UNION ALL SELECT account_id, 0, pay FROM trial
  WHERE state = 'accepted' AND basis <> 'none' AND is_matured = 1
    AND task_id IN (SELECT id FROM by_window)
)
SELECT account_id, sum(got)::text, sum(earned)::text FROM part
GROUP BY account_id HAVING sum(got) <> sum(earned) ORDER BY account_id)sql";

constexpr char kSetAsideSql[] = R"sql(
SELECT open::text, aside::text FROM
  (SELECT coalesce(sum(amount), 0) AS open FROM payout
   WHERE state NOT IN ('settled', 'refused')) AS payouts,
  (SELECT coalesce(sum(amount), 0) AS aside FROM balance
   WHERE kind = 'payouts') AS place
WHERE open <> aside)sql";

absl::StatusOr<std::string> PlaceOf(const pqxx::row& row) {
  Place place;
  ARCHPOOL_RETURN_IF_ERROR(Read(TextOf(row[0]), place.kind));
  ARCHPOOL_RETURN_IF_ERROR(Read(TextOf(row[1]), place.id));
  return ToString(place);
}

}  // namespace

absl::StatusOr<LedgerCheck> CheckLedger(pqxx::transaction_base& transaction) {
  LedgerCheck check;
  const pqxx::result totals = transaction.exec(kTotalsSql);
  check.transfers = totals.at(0).at(0).as<int64_t>();
  // A transfer is one row with one amount: its debit is its credit.
  check.debits = totals.at(0).at(1).c_str();
  check.credits = check.debits;
  if (TextOf(totals.at(0).at(2)) != "0") {
    check.violations.push_back(absl::StrCat(
        "the balances add up to ", totals.at(0).at(2).c_str(), ", not to 0"));
  }
  for (const auto& row : transaction.exec(kWrongBalancesSql)) {
    ARCHPOOL_ASSIGN_OR_RETURN(const std::string place, PlaceOf(row));
    check.violations.push_back(
        absl::StrCat("the balance of ", place, " is ", row[2].c_str(),
                     ", its transfers make ", row[3].c_str()));
  }
  for (const auto& row : transaction.exec(kNegativeBalancesSql)) {
    ARCHPOOL_ASSIGN_OR_RETURN(const std::string place, PlaceOf(row));
    check.violations.push_back(absl::StrCat("the balance of ", place, " is ",
                                            row[2].c_str(), ", below 0"));
  }
  for (const auto& row : transaction.exec(kUnsettledEscrowsSql)) {
    ARCHPOOL_ASSIGN_OR_RETURN(const std::string place, PlaceOf(row));
    check.violations.push_back(absl::StrCat("the task has ended, and ", place,
                                            " still holds ", row[2].c_str()));
  }
  for (const auto& row : transaction.exec(kUnearnedSql)) {
    check.violations.push_back(absl::StrCat(
        TaskId{row[0].as<int64_t>()}.ToString(), " moved ", row[3].c_str(),
        " to ", ToString(Place::Of(AccountId{row[1].as<int64_t>()})), " as ",
        row[2].c_str(), ", its accepted trials earned ", row[4].c_str()));
  }
  for (const auto& row : transaction.exec(kWrongOwedSql)) {
    check.violations.push_back(
        absl::StrCat(ToString(Place::Of(AccountId{row[0].as<int64_t>()})),
                     " was paid through the window, and is owed, ",
                     row[1].c_str(), ", and earned ", row[2].c_str()));
  }
  for (const auto& row : transaction.exec(kWrongPayoutsSql)) {
    check.violations.push_back(absl::StrCat(
        PayoutId{row[0].as<int64_t>()}.ToString(), " is ", row[1].c_str(),
        ", and has ", row[2].c_str(), " + ", row[3].c_str(), " transfers"));
  }
  for (const auto& row : transaction.exec(kSetAsideSql)) {
    check.violations.push_back(absl::StrCat("the open payouts come to ",
                                            row[0].c_str(), ", and ",
                                            row[1].c_str(), " is set aside"));
  }
  return check;
}

}  // namespace archpool::postgres
