// SPDX-License-Identifier: Apache-2.0
#include "server/storage/postgres/schema_checks.h"

#include <algorithm>
#include <iterator>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "server/storage/postgres/query.h"
#include "server/storage/postgres/rows.h"
#include "server/storage/postgres/sql_words.h"

namespace archpool::postgres {
namespace {

// The words of places, which have a number or none, are checked with that.
bool NamesPlaces(absl::Span<const char* const> words) {
  return words.data() == std::data(kWordsOf<PlaceKind>);
}

template <typename Row>
void AddColumns(const Table<Row>& table, std::vector<SchemaCheck>& checks) {
  for (const auto& column : table.columns) {
    if (column.words.empty() || NamesPlaces(column.words)) continue;
    checks.push_back({table.name,
                      absl::StrCat(table.name, "_", column.name, "_known"),
                      absl::StrCat(column.name, " IN ('",
                                   absl::StrJoin(column.words, "', '"), "')")});
  }
}

std::string IsPlace(absl::string_view kind, absl::string_view id) {
  const std::string numbered = WordsWhere<PlaceKind>(IsNumbered);
  const std::string single =
      WordsWhere<PlaceKind>([](PlaceKind one) { return !IsNumbered(one); });
  return absl::StrCat("((", kind, " IN ", single, " AND ", id, " = 0) OR (",
                      kind, " IN ", numbered, " AND ", id, " > 0))");
}

// What the database has in a check's place.
struct Present {
  std::vector<std::string> words;
  bool is_there = false;
  bool is_valid = false;  // every row was examined
};

Present Find(pqxx::transaction_base& transaction, const SchemaCheck& check) {
  const pqxx::result found =
      Execute(transaction,
              "SELECT pg_get_constraintdef(oid), convalidated::int"
              " FROM pg_constraint WHERE contype = 'c'"
              " AND conrelid = to_regclass($1::text) AND conname = $2::text",
              {check.table, check.name});
  if (found.empty()) return {};
  return {.words = WordsIn(TextOf(found[0][0])),
          .is_there = true,
          .is_valid = found[0][1].as<int>() == 1};
}

// Those of `words` that are not among `known`.
std::vector<std::string> Without(const std::vector<std::string>& words,
                                 const std::vector<std::string>& known) {
  std::vector<std::string> left;
  std::copy_if(words.begin(), words.end(), std::back_inserter(left),
               [&known](const std::string& word) {
                 return std::find(known.begin(), known.end(), word) ==
                        known.end();
               });
  return left;
}

absl::Status TooNew(const SchemaCheck& check,
                    const std::vector<std::string>& words) {
  return FailedPrecondition(
      "DATABASE_TOO_NEW",
      absl::StrCat("the database's ", check.name, " names ",
                   absl::StrJoin(words, ", "),
                   ", of which this program knows nothing: start the newer "
                   "archpool-server, or restore the backup made before it "
                   "ran"));
}

absl::Status Change(pqxx::connection& connection, const SchemaCheck& check,
                    const std::string& action) {
  const absl::Status status = RunGuarded([&]() -> absl::Status {
    pqxx::work transaction(connection);
    transaction.exec(absl::StrCat("ALTER TABLE ", check.table, " ", action));
    transaction.commit();
    return absl::OkStatus();
  });
  if (status.ok() || absl::IsUnavailable(status) || absl::IsUnknown(status)) {
    return status;
  }
  return FailedPrecondition("MIGRATION_FAILED",
                            absl::StrCat("the constraint ", check.name,
                                         " was refused: ", status.message()));
}

}  // namespace

std::vector<SchemaCheck> SchemaChecks() {
  std::vector<SchemaCheck> checks;
  std::apply([&](const auto&... tables) { (AddColumns(tables, checks), ...); },
             EventTables());
  checks.push_back(
      {"balance", "balance_place_known", IsPlace("kind", "place_id")});
  checks.push_back({"transfer", "transfer_places_known",
                    absl::StrCat(IsPlace("debit_kind", "debit_id"), " AND ",
                                 IsPlace("credit_kind", "credit_id"))});
  const std::string has_task_ended =
      absl::StrCat("state IN ", EndedWords<TaskState>());
  checks.push_back(
      {"task", "task_end_time_iff_ended",
       absl::StrCat("(end_time IS NOT NULL) = (", has_task_ended, ")")});
  checks.push_back(
      {"task", "task_settled_iff_ended",
       absl::StrCat("(fee = 0 AND refund = 0) OR ", has_task_ended)});
  checks.push_back({"payout", "payout_end_time_iff_ended",
                    absl::StrCat("(end_time IS NOT NULL) = (state IN ",
                                 EndedWords<PayoutState>(), ")")});
  return checks;
}

std::vector<std::string> WordsIn(absl::string_view condition) {
  std::vector<std::string> words;
  for (size_t begin = condition.find('\''); begin != absl::string_view::npos;) {
    const size_t end = condition.find('\'', begin + 1);
    if (end == absl::string_view::npos) break;
    const std::string word(condition.substr(begin + 1, end - begin - 1));
    if (std::find(words.begin(), words.end(), word) == words.end()) {
      words.push_back(word);
    }
    begin = condition.find('\'', end + 1);
  }
  return words;
}

absl::Status WidenChecks(pqxx::connection& connection,
                         absl::Span<const SchemaCheck> checks) {
  std::vector<Present> present;
  const absl::Status status = RunGuarded([&]() -> absl::Status {
    pqxx::work transaction(connection);
    for (const SchemaCheck& check : checks) {
      present.push_back(Find(transaction, check));
      const std::vector<std::string> unknown =
          Without(present.back().words, WordsIn(check.condition));
      if (!unknown.empty()) return TooNew(check, unknown);
    }
    return absl::OkStatus();
  });
  ARCHPOOL_RETURN_IF_ERROR(status);
  for (size_t i = 0; i < checks.size(); ++i) {
    const SchemaCheck& check = checks[i];
    const bool is_whole =
        present[i].is_there &&
        Without(WordsIn(check.condition), present[i].words).empty();
    if (!is_whole) {
      ARCHPOOL_RETURN_IF_ERROR(
          Change(connection, check,
                 absl::StrCat("DROP CONSTRAINT IF EXISTS ", check.name,
                              ", ADD CONSTRAINT ", check.name, " CHECK (",
                              check.condition, ") NOT VALID")));
    }
    if (!is_whole || !present[i].is_valid) {
      ARCHPOOL_RETURN_IF_ERROR(Change(
          connection, check, absl::StrCat("VALIDATE CONSTRAINT ", check.name)));
    }
  }
  return absl::OkStatus();
}

}  // namespace archpool::postgres
