// SPDX-License-Identifier: Apache-2.0
#include "server/pool_secret.h"

#include <filesystem>
#include <string>

#include "common/model/receipt.h"
#include "gtest/gtest.h"
#include "server/storage/postgres/migrations.h"
#include "server/storage/postgres/postgres_receipts.h"
#include "server/storage/postgres/query.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/throwaway_postgres.h"

namespace archpool {
namespace {

class PoolSecretTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_THAT(Migrate(database_), IsOk()); }
  DataDirectory Open(const std::string& name) {
    auto directory = DataDirectory::Open(parent_.path() + "/" + name);
    EXPECT_THAT(directory, IsOk());
    return *std::move(directory);
  }
  void Run(const std::string& sql) {
    const auto connection = postgres::Connect(database_);
    pqxx::work transaction(*connection);
    transaction.exec(sql);
    transaction.commit();
  }
  void MakeAnAccount() {
    Run("INSERT INTO account (id, name, role, token_hash, state,"
        " trials_accepted, trials_rejected, trials_abandoned,"
        " rejections_in_a_row) VALUES (1, 'alice', 'miner',"
        " decode(repeat('01', 32), 'hex'), 'active', 0, 0, 0, 0)");
  }
  void MakeASeal(const DataDirectory& directory) {
    const auto key = directory.DeriveKey(kReceiptKeyDomain);
    ASSERT_THAT(key, IsOk());
    SignedSeal seal{.seal = {.number = 1,
                             .time = absl::UnixEpoch(),
                             .statements = 1,
                             .root = Sha256("root"),
                             .previous = {}},
                    .signature = {}};
    seal.signature = key->Sign(Encode(seal.seal));
    PostgresReceipts receipts(database_);
    ASSERT_THAT(receipts.AddSeal(seal, ReceiptId{}, {}), IsOk());
  }

  const std::string database_ = ThrowawayPostgres::EmptyDatabase();
  const TemporaryDirectory parent_;
};

TEST_F(PoolSecretTest, ANewPoolGetsASecretAndKeepsIt) {
  const DataDirectory directory = Open("a");
  const auto secret = OpenPoolSecret(directory, database_);
  ASSERT_THAT(secret, IsOk());
  MakeAnAccount();
  EXPECT_EQ(*OpenPoolSecret(directory, database_), *secret);
}

TEST_F(PoolSecretTest, AnotherDirectoryIsRefusedAndStaysAsItIs) {
  ASSERT_THAT(OpenPoolSecret(Open("a"), database_), IsOk());
  const DataDirectory empty = Open("b");
  EXPECT_THAT(OpenPoolSecret(empty, database_), FailsWith("SECRET_MISSING"));
  EXPECT_THAT(empty.PoolSecret(), FailsWith("SECRET_MISSING"));
  const DataDirectory other = Open("c");
  ASSERT_THAT(other.MakePoolSecret(), IsOk());
  EXPECT_THAT(OpenPoolSecret(other, database_), FailsWith("SECRET_MISMATCH"));
  EXPECT_THAT(OpenPoolSecret(Open("a"), database_), IsOk())
      << "the right one works as before";
}

TEST_F(PoolSecretTest, ALostSecretIsNotDrawnAnew) {
  ASSERT_THAT(OpenPoolSecret(Open("a"), database_), IsOk());
  std::filesystem::rename(parent_.path() + "/a/pool-secret",
                          parent_.path() + "/x");
  EXPECT_THAT(OpenPoolSecret(Open("a"), database_),
              FailsWith("SECRET_MISSING"));
  std::filesystem::create_symlink("/nowhere",
                                  parent_.path() + "/a/pool-secret");
  EXPECT_THAT(OpenPoolSecret(Open("a"), database_),
              FailsWith("SECRET_UNREADABLE"));
}

TEST_F(PoolSecretTest, AnEmptyDatabaseIsNotTakenForTheLostOne) {
  ASSERT_THAT(OpenPoolSecret(Open("a"), database_), IsOk());
  const std::string other = ThrowawayPostgres::EmptyDatabase();
  ASSERT_THAT(Migrate(other), IsOk());
  EXPECT_THAT(OpenPoolSecret(Open("a"), other), FailsWith("DATABASE_MISSING"));
}

// Of a pool that is older than fingerprints.
TEST_F(PoolSecretTest, ADatabaseWithoutAFingerprintIsKnownByItsReceipts) {
  MakeAnAccount();
  const DataDirectory directory = Open("a");
  EXPECT_THAT(OpenPoolSecret(directory, database_),
              FailsWith("SECRET_MISSING"));
  const auto secret = directory.MakePoolSecret();
  ASSERT_THAT(secret, IsOk());
  MakeASeal(directory);
  const DataDirectory other = Open("b");
  ASSERT_THAT(other.MakePoolSecret(), IsOk());
  EXPECT_THAT(OpenPoolSecret(other, database_), FailsWith("SECRET_MISMATCH"));
  const auto opened = OpenPoolSecret(directory, database_);
  ASSERT_THAT(opened, IsOk());
  EXPECT_EQ(*opened, *secret);
  EXPECT_THAT(OpenPoolSecret(other, database_), FailsWith("SECRET_MISMATCH"));
}

}  // namespace
}  // namespace archpool
