// SPDX-License-Identifier: Apache-2.0
// Each refusal of a real PostgreSQL that can be brought about is named, with
// what to do about it.
#include "server/storage/postgres/server_errors.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "server/storage/postgres/migrations.h"
#include "server/storage/postgres/query.h"
#include "tests/support/status_matchers.h"
#include "tests/support/throwaway_postgres.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;

class ServerErrorsTest : public ::testing::Test {
 protected:
  // As the superuser, in the test's own database.
  void Run(const std::string& sql) {
    const auto connection = postgres::Connect(database_);
    pqxx::nontransaction transaction(*connection);
    transaction.exec(sql);
  }
  std::string Ask(const std::string& sql) {
    const auto connection = postgres::Connect(database_);
    pqxx::nontransaction transaction(*connection);
    return transaction.exec(sql).at(0).at(0).c_str();
  }
  std::string As(const std::string& role) const {
    return absl::StrReplaceAll(database_, {{"user=archpool", "user=" + role}});
  }
  // Sees the error, its code and what is said.
  static void Expect(const absl::Status& status, absl::StatusCode code,
                     const std::string& reason, const std::string& advice) {
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(status, FailsWith(reason));
    EXPECT_THAT(std::string(status.message()), HasSubstr(advice));
  }
  static constexpr auto kSetting = absl::StatusCode::kFailedPrecondition;
  static constexpr auto kPasses = absl::StatusCode::kUnavailable;

  const std::string database_ = ThrowawayPostgres::EmptyDatabase();
};

TEST_F(ServerErrorsTest, ADatabaseThatIsNotThere) {
  const std::string other = absl::StrReplaceAll(database_, {{"test_", "no_"}});
  Expect(Migrate(other), kSetting, "STORE_DATABASE_MISSING", "createdb");
  Expect(Migrate(other), kSetting, "STORE_DATABASE_MISSING",
         absl::StrCat("CREATE DATABASE ", postgres::NamesIn(other).database,
                      " OWNER archpool ENCODING 'UTF8'"));
}

TEST_F(ServerErrorsTest, ARoleThatIsNotThereOrMayNotLogIn) {
  Expect(Migrate(As("nobody_at_all")), kSetting, "STORE_LOGIN",
         "CREATE ROLE nobody_at_all LOGIN");
  Run("CREATE ROLE closed NOLOGIN");
  Expect(Migrate(As("closed")), kSetting, "STORE_LOGIN", "LOGIN");
}

TEST_F(ServerErrorsTest, AWrongPassword) {
  Run("CREATE ROLE secretive LOGIN PASSWORD 'right'");
  const std::string file = Ask("SHOW hba_file");
  Run(
      absl::StrCat("COPY (SELECT line FROM (VALUES (1, 'local all secretive "
                   "scram-sha-256'), (2, 'local all all trust')) AS rules (n, "
                   "line) ORDER BY n) TO '",
                   file, "'"));
  Run("SELECT pg_reload_conf(), pg_sleep(0.5)");
  Expect(Migrate(As("secretive") + " password=wrong"), kSetting, "STORE_LOGIN",
         "the password for PostgreSQL is wrong");
}

TEST_F(ServerErrorsTest, NoConnectionToSpare) {
  Run("CREATE ROLE crowded LOGIN CONNECTION LIMIT 0");
  Expect(Migrate(As("crowded")), kPasses, "STORE_CONNECTIONS",
         "CONNECTION LIMIT");
}

TEST_F(ServerErrorsTest, ARoleWithoutRights) {
  Run("CREATE ROLE poor LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC");
  Expect(Migrate(As("poor")), kSetting, "STORE_FORBIDDEN",
         "GRANT CREATE, USAGE ON SCHEMA public TO poor");
}

TEST_F(ServerErrorsTest, ADatabaseThatTakesNoWrites) {
  const std::string name = Ask("SELECT current_database()");
  Run(absl::StrCat("ALTER DATABASE ", name,
                   " SET default_transaction_read_only = on"));
  Expect(Migrate(database_), kPasses, "STORE_READ_ONLY", "primary");
}

TEST_F(ServerErrorsTest, AnotherEncoding) {
  Run("CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0");
  const std::string name = Ask("SELECT current_database()");
  const std::string ascii = absl::StrReplaceAll(database_, {{name, "ascii"}});
  Expect(Migrate(ascii), kSetting, "STORE_ENCODING",
         "createdb --encoding=UTF8");
}

TEST_F(ServerErrorsTest, ADatabaseThatIsClosed) {
  Run("CREATE DATABASE shut");
  Run("ALTER DATABASE shut ALLOW_CONNECTIONS false");
  const std::string name = Ask("SELECT current_database()");
  const std::string shut = absl::StrReplaceAll(database_, {{name, "shut"}});
  Expect(Migrate(shut), kSetting, "STORE_DATABASE_CLOSED", "ALLOW_CONNECTIONS");
}

// As one that PgBouncer hands out by transaction.
TEST_F(ServerErrorsTest, StatementsThatAreOthers) {
  const absl::Status status = postgres::RunGuarded([this]() -> absl::Status {
    const auto connection = postgres::Connect(database_);
    pqxx::nontransaction transaction(*connection);
    transaction.exec("PREPARE one AS SELECT 1");
    transaction.exec("PREPARE one AS SELECT 1");
    return absl::OkStatus();
  });
  Expect(status, kPasses, "STORE_POOLER", "by session");
}

TEST(ServerErrorsTextTest, NamesAreQuotedAsSqlWantsThem) {
  const postgres::ConnectionNames names =
      postgres::NamesIn("postgresql://the-pool@host/My%22Data?sslmode=disable");
  EXPECT_EQ(names.role, "\"the-pool\"");
  EXPECT_EQ(names.database, "\"My\"\"Data\"");
  EXPECT_EQ(postgres::NamesIn("user=pool_1 dbname=pool").role, "pool_1");
  EXPECT_EQ(postgres::NamesIn("no connection string").database, "NAME");
}

TEST(ServerErrorsTextTest, AUrlThatCannotBeRead) {
  for (const char* url : {"postgresql//arch", "postgresql://h/db?nonsense=1"}) {
    const absl::Status status = Migrate(url);
    EXPECT_THAT(status, FailsWith("DATABASE_URL_MALFORMED")) << url;
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  }
  const absl::Status secret = Migrate("postgresql//me:pass1234@host/db");
  EXPECT_THAT(secret, FailsWith("DATABASE_URL_MALFORMED"));
  EXPECT_EQ(std::string(secret.message()).find("pass1234"), std::string::npos);
}

TEST(ServerErrorsTextTest, AServerThatIsTooOld) {
  EXPECT_THAT(postgres::CheckServer(120'022, "UTF8"),
              FailsWith("STORE_TOO_OLD"));
  EXPECT_THAT(postgres::CheckServer(150'012, "UTF8"), IsOk());
  EXPECT_THAT(postgres::CheckServer(150'012, "LATIN1"),
              FailsWith("STORE_ENCODING"));
}

// Nobody listens: no server says anything, and nothing waits for it.
TEST(ServerErrorsTextTest, NobodyThere) {
  EXPECT_EQ(postgres::SqlStateOfRefusal("host=/nonexistent"), "");
  EXPECT_THAT(Migrate("host=/nonexistent"), FailsWith("STORE_UNREACHABLE"));
}

}  // namespace
}  // namespace archpool
