// SPDX-License-Identifier: Apache-2.0
// A connection that breaks during a commit: the writer is told that it does not
// know, and taking over makes it known. A real PostgreSQL behind a gate that
// cuts the wire.
#include <string>

#include "absl/time/clock.h"
#include "server/storage/postgres/migrations.h"
#include "server/storage/postgres/postgres_store.h"
#include "server/storage/postgres/private_cluster.h"
#include "tests/support/random_records.h"
#include "tests/support/socket_gate.h"
#include "tests/support/store_writer.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

class CommitDoubtTest : public ::testing::TestWithParam<SocketGate::Cut> {
 protected:
  static void SetUpTestSuite() {
    directory_ = new TemporaryDirectory;
    auto started =
        PrivateCluster::Start({.directory = directory_->path() + "/p",
                               .settings = {{"fsync", "off"}}});
    ASSERT_THAT(started, IsOk());
    cluster_ = started->release();
  }
  static void TearDownTestSuite() {
    delete cluster_;
    delete directory_;
  }

  static TemporaryDirectory* directory_;
  static PrivateCluster* cluster_;
};

TemporaryDirectory* CommitDoubtTest::directory_ = nullptr;
PrivateCluster* CommitDoubtTest::cluster_ = nullptr;

TEST_P(CommitDoubtTest, TakeOverTellsWhatBecameOfTheCommit) {
  const bool is_written = GetParam() != SocketGate::Cut::kCommitLost;
  const std::string name = absl::StrCat("doubt_", static_cast<int>(GetParam()));
  ASSERT_THAT(cluster_->CreateDatabase(name), IsOk());
  ASSERT_THAT(Migrate(cluster_->ConnectionString(name)), IsOk());
  TemporaryDirectory folder;
  SocketGate gate(folder.path(), directory_->path() + "/p/run/.s.PGSQL.5432");
  PostgresStore store(absl::StrCat("host=", folder.path(),
                                   " port=5432 user=archpool dbname=", name));
  RandomRecords records(1);
  const PoolSnapshot nothing;
  const auto loaded = store.TakeOver();
  ASSERT_THAT(loaded, IsOk());
  const std::vector<Event> events = records.Next(50);

  gate.CutAtNextCommit(GetParam());
  const absl::Status status = store.Commit(loaded->generation, 0, events);
  EXPECT_THAT(status, FailsWith("COMMIT_IN_DOUBT"));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnknown);

  const absl::Time before = absl::Now();
  const auto again = store.TakeOver();
  ASSERT_THAT(again, IsOk());
  EXPECT_GT(again->generation, loaded->generation);
  EXPECT_EQ(again->sequence, is_written ? 1 : 0);
  ExpectSame(again->snapshot, is_written ? records.Snapshot() : nothing);
  if (GetParam() == SocketGate::Cut::kCommitDelayed) {
    // It waited for the row lock of the transaction in doubt.
    EXPECT_GE(absl::Now() - before, SocketGate::kDelay / 2);
  }
  EXPECT_THAT(store.Commit(again->generation, again->sequence,
                           is_written ? std::vector<Event>() : events),
              IsOk());
}

INSTANTIATE_TEST_SUITE_P(Cuts, CommitDoubtTest,
                         ::testing::Values(SocketGate::Cut::kCommitLost,
                                           SocketGate::Cut::kCommitAnswered,
                                           SocketGate::Cut::kCommitDelayed));

}  // namespace
}  // namespace archpool
