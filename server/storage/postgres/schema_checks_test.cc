// SPDX-License-Identifier: Apache-2.0
// The checks that follow from tables of words, against those that migrations
// made, and against programs that know more words or fewer.
#include "server/storage/postgres/schema_checks.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/storage/postgres/query.h"
#include "tests/support/status_matchers.h"
#include "tests/support/throwaway_postgres.h"

namespace archpool::postgres {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSubsetOf;
using ::testing::SizeIs;

class SchemaChecksTest : public testing::Test {
 protected:
  // The first column of what the statements give.
  std::vector<std::string> Ask(const std::string& sql) {
    const auto connection = Connect(database_);
    pqxx::work transaction(*connection);
    std::vector<std::string> first;
    for (const auto& row : transaction.exec(sql)) {
      first.emplace_back(row[0].c_str());
    }
    transaction.commit();
    return first;
  }

  absl::Status Insert(const std::string& word) {
    return RunGuarded([&]() -> absl::Status {
      Ask(absl::StrCat("INSERT INTO a VALUES ('", word, "')"));
      return absl::OkStatus();
    });
  }

  const std::string database_ = ThrowawayPostgres::EmptyDatabase();
};

std::string DefinitionSql(const SchemaCheck& check) {
  return absl::StrCat("SELECT pg_get_constraintdef(oid) FROM pg_constraint",
                      " WHERE conrelid = '", check.table,
                      "'::regclass AND conname = '", check.name, "'");
}

// A migration may name fewer words than there are by now, and no others.
TEST_F(SchemaChecksTest, TheyAreWhatMigrationsNameWordsIn) {
  ASSERT_THAT(Migrate(database_, EmbeddedMigrations()), IsOk());
  const std::vector<SchemaCheck> checks = SchemaChecks();
  for (const std::string& name : Ask("SELECT conname FROM pg_constraint WHERE "
                                     "conname LIKE '%\\_known'")) {
    const auto check =
        std::find_if(checks.begin(), checks.end(),
                     [&name](const SchemaCheck& c) { return c.name == name; });
    ASSERT_NE(check, checks.end()) << name << " follows from no table of words";
    EXPECT_THAT(WordsIn(Ask(DefinitionSql(*check)).at(0)),
                IsSubsetOf(WordsIn(check->condition)))
        << name;
  }
}

// More than the words: what a migration made is what would be made again.
TEST_F(SchemaChecksTest, TheDatabaseHasThemAsTheyWouldBeMadeAnew) {
  ASSERT_THAT(Migrate(database_), IsOk());
  for (const SchemaCheck& check : SchemaChecks()) {
    const std::vector<std::string> before = Ask(DefinitionSql(check));
    ASSERT_THAT(before, SizeIs(1)) << check.name;
    Ask(absl::StrCat("ALTER TABLE ", check.table, " DROP CONSTRAINT ",
                     check.name, ", ADD CONSTRAINT ", check.name, " CHECK (",
                     check.condition, ")"));
    EXPECT_EQ(Ask(DefinitionSql(check)), before) << check.name;
  }
}

TEST_F(SchemaChecksTest, NothingIsMadeAnewWhereNoWordIsNew) {
  constexpr char kAll[] = "SELECT oid FROM pg_constraint ORDER BY oid";
  ASSERT_THAT(Migrate(database_), IsOk());
  const std::vector<std::string> before = Ask(kAll);
  ASSERT_THAT(Migrate(database_), IsOk());
  EXPECT_EQ(Ask(kAll), before);
}

const Migration kMigration = {
    "V001__a.sql",
    "CREATE TABLE a (word text CONSTRAINT a_word_known CHECK (word IN ('x')));"
    "INSERT INTO a VALUES ('x')"};
const SchemaCheck kOld = {"a", "a_word_known", "word IN ('x')"};
const SchemaCheck kNew = {"a", "a_word_known", "word IN ('x', 'y')"};

// An older program, which cannot read what rows may hold by now, changes
// nothing and does not start.
TEST_F(SchemaChecksTest, ANewWordIsTakenAndNeverTakenBack) {
  ASSERT_THAT(Migrate(database_, {kMigration}, {kOld}), IsOk());
  EXPECT_THAT(Insert("y"), FailsWith("CONSTRAINT"));
  ASSERT_THAT(Migrate(database_, {kMigration}, {kNew}), IsOk());
  EXPECT_THAT(Insert("y"), IsOk());
  EXPECT_THAT(Insert("z"), FailsWith("CONSTRAINT"));
  const absl::Status older = Migrate(database_, {kMigration}, {kOld});
  EXPECT_THAT(older, FailsWith("DATABASE_TOO_NEW"));
  EXPECT_THAT(std::string(older.message()), HasSubstr("a_word_known names y"));
  EXPECT_THAT(Insert("y"), IsOk());
}

TEST_F(SchemaChecksTest, RowsThatAreThereAreLookedAt) {
  const std::string unlooked =
      "SELECT conname FROM pg_constraint WHERE NOT convalidated";
  ASSERT_THAT(Migrate(database_, {kMigration}), IsOk());
  Ask("ALTER TABLE a DROP CONSTRAINT a_word_known");
  ASSERT_THAT(Insert("unheard-of"), IsOk());
  const absl::Status refused = Migrate(database_, {kMigration}, {kNew});
  EXPECT_THAT(refused, FailsWith("MIGRATION_FAILED"));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("a_word_known"));
  EXPECT_THAT(Ask(unlooked), ElementsAre("a_word_known"));
  Ask("DELETE FROM a WHERE word = 'unheard-of'");
  ASSERT_THAT(Migrate(database_, {kMigration}, {kNew}), IsOk());
  EXPECT_THAT(Ask(unlooked), IsEmpty());
}

}  // namespace
}  // namespace archpool::postgres
