// SPDX-License-Identifier: Apache-2.0
// The migration that makes the summaries of tasks that had ended before there
// were any: what it makes in SQL is what the server makes of their trials.
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "server/core/views/task_summary.h"
#include "server/storage/all_trials.h"
#include "server/storage/postgres/migrations.h"
#include "server/storage/postgres/postgres_reader.h"
#include "server/storage/postgres/postgres_store.h"
#include "server/storage/postgres/query.h"
#include "tests/support/random_records.h"
#include "tests/support/status_matchers.h"
#include "tests/support/store_writer.h"
#include "tests/support/throwaway_postgres.h"

namespace archpool {
namespace {

constexpr char kMigration[] = "V029__task_summary.sql";

// Of few tasks, networks, boxes, accounts and sizes, so that they meet; and of
// every third trial as a server wrote it that knew the older columns alone.
constexpr char kMakeThemMeet[] = R"sql(
SET session_replication_role = replica;
UPDATE trial SET
  task_id = (SELECT min(id) FROM task) + id % 5,
  subspace_id = 1 + id % 4, account_id = 1 + id % 3,
  architecture_id = sha256(int8send(id % 11)), rung = id % 2,
  macs = macs % 9, work_units = work_units % 1000,
  pay = pay % 100, finders_bonus = finders_bonus % 10,
  train_time_ns = train_time_ns % 1000000,
  audit_time_ns = audit_time_ns % 1000000,
  draw_ppm = CASE id % 4 WHEN 0 THEN NULL WHEN 1 THEN 0 ELSE
    id % 7 * 100000 END,
  commit_time = CASE WHEN id % 5 > 0 THEN
    timestamptz 'epoch' + id % 6 * interval '1 second' END,
  verified_accuracy_ppm = verified_accuracy_ppm / 50000 * 50000,
  at_chance = id % 6 = 0, barred = id % 7 = 0,
  reason = CASE WHEN state = 'rejected' THEN 'R' || left(reason, 2)
    ELSE reason END;
UPDATE trial SET known_from_trial_id = id, pay = 0, finders_bonus = 0
  WHERE state = 'accepted' AND id % 8 = 0;
UPDATE trial SET matured = NULL, is_matured = matured::int,
    at_chance = NULL, is_at_chance = at_chance::int,
    barred = NULL, is_barred = barred::int
  WHERE id % 3 = 0;
UPDATE task SET state = 'succeeded', end_reason = 'budget', end_time = 'epoch'
  WHERE id IN (SELECT task_id FROM trial) AND id % 5 > 0;
SET session_replication_role = origin;
)sql";

// The chance of detection is a product of rounded numbers.
void ExpectSame(TaskSums stored, const TaskSums& anew) {
  ASSERT_EQ(stored.shares.size(), anew.shares.size());
  for (size_t i = 0; i < stored.shares.size(); ++i) {
    int64_t& detection_ppm = stored.shares[i].detection_ppm;
    const int64_t expected_ppm = anew.shares[i].detection_ppm;
    EXPECT_LE(detection_ppm, expected_ppm + 1);
    EXPECT_GE(detection_ppm, expected_ppm - 1);
    detection_ppm = expected_ppm;
    EXPECT_EQ(stored.shares[i], anew.shares[i]);
  }
  EXPECT_EQ(stored.rejected_by_reason, anew.rejected_by_reason);
  EXPECT_TRUE(stored == anew);
}

void ExpectSummary(Reader& reader, const Task& task, int& with_front) {
  SCOPED_TRACE(task.id.ToString());
  const auto found = reader.Summaries({task.id});
  ASSERT_THAT(found, IsOk());
  ASSERT_EQ(found->size(), IsEnded(task.state) ? 1u : 0u);
  if (found->empty()) return;
  const SummaryRecord& stored = found->front();
  const auto trials = AllTrials(reader, task.id);
  ASSERT_THAT(trials, IsOk());
  const TaskSummary anew = Summarize(*trials);
  ExpectSame(stored.sums, anew);
  std::vector<TrialId> front;
  for (const Trial& trial : anew.front) front.push_back(trial.id);
  EXPECT_EQ(stored.front, front);
  EXPECT_EQ(stored.best_accuracy_ppm,
            anew.best ? VerifiedAccuracyPpm(*anew.best) : std::nullopt);
  with_front += front.size() > 1 ? 1 : 0;
}

TEST(SummaryUpgradeTest, TasksThatHaveEndedGetWhatTheirTrialsAddUpTo) {
  const std::string database = ThrowawayPostgres::MigratedDatabase();
  PostgresStore store(database);
  Writer writer(store);
  RandomRecords records(3);
  ASSERT_THAT(writer.Commit(records.Next(40'000)), IsOk());
  const auto run = [&database](const std::string& sql) {
    const auto connection = postgres::Connect(database);
    pqxx::work transaction(*connection);
    transaction.exec(sql);
    transaction.commit();
  };
  run(kMakeThemMeet);
  run("DROP TABLE task_summary");
  for (const Migration& one : EmbeddedMigrations()) {
    if (one.file_name == kMigration) run(one.sql);
  }

  PostgresReader reader(database, 1);
  const auto tasks = reader.Tasks({.limit = 10'000});
  ASSERT_THAT(tasks, IsOk());
  int with_front = 0;
  for (const Task& task : *tasks) {
    ExpectSummary(reader, task, with_front);
    if (HasFatalFailure()) return;
    const auto found = reader.Summaries({task.id});
    ASSERT_THAT(found, IsOk());
    if (found->empty()) continue;
    const auto boxes = reader.Subspaces(task.id);
    ASSERT_THAT(boxes, IsOk());
    EXPECT_EQ(found->front().subspaces, std::ssize(*boxes));
  }
  EXPECT_GE(with_front, 2) << "it would show too little";
}

}  // namespace
}  // namespace archpool
