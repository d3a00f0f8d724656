// SPDX-License-Identifier: Apache-2.0
// What every reader has to see.
#include <algorithm>
#include <map>
#include <thread>
#include <vector>

#include "server/storage/store_conformance.h"
#include "tests/support/random_records.h"
#include "tests/support/store_writer.h"

namespace archpool {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

template <typename Record, typename Map, typename Filter>
std::vector<Record> Filtered(const Map& map, const Filter& filter) {
  std::vector<Record> records;
  for (const auto& [key, record] : map) {
    if (filter(record)) records.push_back(record);
  }
  return records;
}

TEST_P(StoreConformanceTest, BalancesComeInPagesAndAlone) {
  Writer writer(backend_->NewWriter());
  RandomRecords records(8);
  for (int i = 0; i < 4; ++i) {
    ASSERT_THAT(writer.Commit(records.Next(200)), IsOk());
  }
  Reader& reader = backend_->reader();
  const std::vector<Balance> all = *reader.Balances({.limit = 10'000});
  ASSERT_GT(all.size(), 3u);
  std::vector<Balance> paged;
  while (true) {
    BalanceFilter filter{.limit = 2};
    if (!paged.empty()) filter.after = paged.back().place;
    const std::vector<Balance> page = *reader.Balances(filter);
    paged.insert(paged.end(), page.begin(), page.end());
    if (page.size() < 2) break;
  }
  EXPECT_EQ(paged, all);
  for (const Balance& one : all) {
    EXPECT_EQ(*reader.Balances({.place = one.place}),
              std::vector<Balance>{one});
  }
}

TEST_P(StoreConformanceTest, ReaderSeesEveryCommittedRecord) {
  Writer writer(backend_->NewWriter());
  RandomRecords records(7);
  for (int i = 0; i < 4; ++i) {
    ASSERT_THAT(writer.Commit(records.Next(200)), IsOk());
  }
  Reader& reader = backend_->reader();
  const auto all = [](const auto&) { return true; };
  EXPECT_EQ(*reader.Accounts(), Filtered<Account>(records.All<Account>(), all));
  std::vector<Balance> balances =
      Filtered<Balance>(records.All<Balance>(), all);
  std::sort(balances.begin(), balances.end(),
            [](const Balance& a, const Balance& b) {
              return ComesBefore(a.place, b.place);
            });
  EXPECT_EQ(*reader.Balances({.limit = 10'000}), balances);
  for (const auto& [id, dataset] : records.All<DatasetRecord>()) {
    EXPECT_EQ(*reader.GetDataset(id), dataset);
  }
  for (const auto& [id, trial] : records.All<Trial>()) {
    EXPECT_EQ(*reader.GetTrial(id), trial);
  }
  int open_audits = 0;
  for (const auto& [id, audit] : records.All<Audit>()) {
    if (audit.state == AuditState::kDone) continue;
    EXPECT_EQ(*reader.GetOpenAudit(audit.trial), audit);
    ++open_audits;
  }
  EXPECT_GT(open_audits, 0);
  for (const auto& [id, task] : records.All<Task>()) {  // ended ones included
    const auto of_task = [task_id = id](const auto& record) {
      return record.task == task_id;
    };
    EXPECT_EQ(*reader.GetTask(id), task);
    EXPECT_EQ(*reader.Subspaces(id),
              Filtered<SubspaceRecord>(records.All<SubspaceRecord>(), of_task));
    EXPECT_EQ(*reader.Trials(id, TrialId{}, 10'000),
              Filtered<Trial>(records.All<Trial>(), of_task));
  }
}

// Of those that have one, whatever else is asked for, and as often as it is.
TEST_P(StoreConformanceTest, SummariesComeForManyTasksAtOnce) {
  Writer writer(backend_->NewWriter());
  RandomRecords records(21);
  ASSERT_THAT(writer.Commit(records.Next(3'000)), IsOk());
  Reader& reader = backend_->reader();
  std::vector<TaskId> asked = {{INT64_MAX}};
  for (const auto& [id, task] : records.All<Task>()) {
    if (id.value % 3 != 0) asked.push_back(id);
  }
  asked.push_back(asked[1]);
  const auto expected = Filtered<SummaryRecord>(
      records.All<SummaryRecord>(),
      [](const SummaryRecord& summary) { return summary.task.value % 3 != 0; });
  ASSERT_GT(expected.size(), 5u);
  ASSERT_LT(expected.size() + 2, asked.size()) << "some are open";
  EXPECT_TRUE(std::any_of(expected.begin(), expected.end(), [](const auto& s) {
    return s.sums.shares.size() > 1 && s.sums.rejected_by_reason.size() > 1;
  }));
  EXPECT_EQ(*reader.Summaries(asked), expected);
  EXPECT_THAT(*reader.Summaries({}), IsEmpty());
  EXPECT_THAT(*reader.Summaries({TaskId{INT64_MAX}}), IsEmpty());
}

TEST_P(StoreConformanceTest, ReaderFiltersAndPagesLeases) {
  Writer writer(backend_->NewWriter());
  RandomRecords records(9);
  ASSERT_THAT(writer.Commit(records.Next(1'000)), IsOk());
  Reader& reader = backend_->reader();
  const auto expect = [&](LeaseFilter filter, const auto& matches) {
    filter.limit = 10'000;
    auto leases = Filtered<Lease>(records.All<Lease>(), matches);
    std::reverse(leases.begin(), leases.end());
    ASSERT_GE(leases.size(), 2U);
    EXPECT_EQ(*reader.Leases(filter), leases);
    filter.before = leases[0].id;
    filter.limit = 1;
    EXPECT_THAT(*reader.Leases(filter), ElementsAre(leases[1]));
  };
  LeaseFilter filter;
  expect(filter, [](const Lease&) { return true; });
  filter.active_only = true;
  expect(filter,
         [](const Lease& lease) { return lease.state == LeaseState::kActive; });
  filter = {};
  filter.backups_only = true;
  expect(filter,
         [](const Lease& lease) { return lease.role == LeaseRole::kBackup; });
  const Lease some = records.All<Lease>().begin()->second;
  filter = {};
  filter.task = some.task;
  expect(filter, [&](const Lease& lease) { return lease.task == some.task; });
  filter = {};
  filter.account = some.account;
  expect(filter,
         [&](const Lease& lease) { return lease.account == some.account; });
  filter = {};
  filter.client = records.All<Task>().at(some.task).client;
  expect(filter, [&](const Lease& lease) {
    return records.All<Task>().at(lease.task).client == filter.client;
  });
  EXPECT_THAT(
      *reader.Leases(
          {.task = {}, .client = {}, .account = {}, .before = {}, .limit = 0}),
      IsEmpty());
}

TEST_P(StoreConformanceTest, ReaderFiltersAndPages) {
  Writer writer(backend_->NewWriter());
  RandomRecords records(12);
  ASSERT_THAT(writer.Commit(records.Next(3'000)), IsOk());
  Reader& reader = backend_->reader();

  // Any that has several.
  AccountId client;
  std::map<AccountId, int> tasks_of;
  for (const auto& [id, task] : records.All<Task>()) {
    if (++tasks_of[task.client] == 2) client = task.client;
  }
  auto tasks = Filtered<Task>(records.All<Task>(), [&](const Task& task) {
    return task.client == client;
  });
  std::reverse(tasks.begin(), tasks.end());
  EXPECT_EQ(*reader.Tasks({.client = client, .limit = 10'000}), tasks);
  ASSERT_GE(tasks.size(), 2U);
  EXPECT_THAT(*reader.Tasks({.client = client, .limit = 1}),
              ElementsAre(tasks[0]));
  EXPECT_THAT(
      *reader.Tasks({.client = client, .before = tasks[0].id, .limit = 1}),
      ElementsAre(tasks[1]));
  EXPECT_EQ(reader.Tasks({.limit = 10'000})->size(),
            records.All<Task>().size());
  EXPECT_THAT(*reader.Tasks({.limit = 0}), IsEmpty());
  int64_t active = 0;
  for (const auto& [id, task] : records.All<Task>()) {
    active += task.state == TaskState::kActive ? 1 : 0;
  }
  EXPECT_EQ(static_cast<int64_t>(
                reader.Tasks({.active_only = true, .limit = 10'000})->size()),
            active);

  const Trial& trial = records.All<Trial>().begin()->second;
  const auto page = reader.Trials(trial.task, trial.id, 2);
  ASSERT_THAT(page, IsOk());
  EXPECT_LE(page->size(), 2U);
  for (const Trial& later : *page) EXPECT_GT(later.id, trial.id);

  const AccountId miner = trial.account;
  auto of_miner = Filtered<Trial>(records.All<Trial>(), [&](const Trial& t) {
    return t.account == miner && t.create_time >= trial.create_time;
  });
  std::reverse(of_miner.begin(), of_miner.end());
  EXPECT_EQ(*reader.TrialsOf(miner, trial.create_time, 10'000), of_miner);
  EXPECT_EQ(*reader.TrialsIn(trial.task, miner, {}, 10'000),
            Filtered<Trial>(records.All<Trial>(), [&](const Trial& t) {
              return t.account == miner && t.task == trial.task;
            }));
  EXPECT_THAT(*reader.TrialsOf(miner, trial.create_time, 1),
              ElementsAre(of_miner.at(0)));

  const auto is_outside = [](const Transfer& transfer) {
    return transfer.from == Place::Outside() || transfer.to == Place::Outside();
  };
  auto transfers = Filtered<Transfer>(records.All<Transfer>(), is_outside);
  std::reverse(transfers.begin(), transfers.end());
  EXPECT_EQ(*reader.Transfers({.place = Place::Outside(), .limit = 10'000}),
            transfers);
  ASSERT_GE(transfers.size(), 2U);
  EXPECT_THAT(
      *reader.Transfers(
          {.place = Place::Outside(), .before = transfers[0].id, .limit = 1}),
      ElementsAre(transfers[1]));
  const TaskId task = records.All<Task>().begin()->first;
  transfers = Filtered<Transfer>(
      records.All<Transfer>(),
      [&](const Transfer& transfer) { return transfer.task == task; });
  std::reverse(transfers.begin(), transfers.end());
  EXPECT_EQ(*reader.Transfers({.task = task, .limit = 10'000}), transfers);
}

TEST_P(StoreConformanceTest, ReaderShowsPayouts) {
  Writer writer(backend_->NewWriter());
  RandomRecords records(11);
  ASSERT_THAT(writer.Commit(records.Next(1'000)), IsOk());
  Reader& reader = backend_->reader();
  const AccountId account = records.All<Payout>().begin()->second.account;
  auto payouts = Filtered<Payout>(records.All<Payout>(), [&](const Payout& p) {
    return p.account == account;
  });
  std::reverse(payouts.begin(), payouts.end());
  EXPECT_EQ(*reader.Payouts({.account = account, .limit = 10'000}), payouts);
  auto open = Filtered<Payout>(
      records.All<Payout>(), [](const Payout& p) { return !IsEnded(p.state); });
  std::reverse(open.begin(), open.end());
  EXPECT_EQ(*reader.Payouts({.open_only = true, .limit = 10'000}), open);
  ASSERT_GE(open.size(), 2U);
  EXPECT_THAT(
      *reader.Payouts({.open_only = true, .before = open[0].id, .limit = 1}),
      ElementsAre(open[1]));
}

TEST_P(StoreConformanceTest, ReaderShowsWhatIsOwed) {
  const SmallPool pool;
  Writer writer(backend_->NewWriter());
  ASSERT_THAT(writer.Commit(pool.Events()), IsOk());
  const Owed late{200, pool.miner.id, 5};
  const Owed early{100, pool.miner.id, 7};
  ASSERT_THAT(writer.Commit({late, early, Owed{300, pool.miner.id, 0},
                             Owed{100, pool.client.id, 1}}),
              IsOk());
  EXPECT_THAT(*backend_->reader().OwedTo(pool.miner.id),
              ElementsAre(early, late));
}

TEST_P(StoreConformanceTest, ReaderSaysWhatIsUnknown) {
  Reader& reader = backend_->reader();
  EXPECT_THAT(reader.GetTask(TaskId{1}), FailsWith("TASK_UNKNOWN"));
  EXPECT_THAT(reader.GetTrial(TrialId{1}), FailsWith("TRIAL_UNKNOWN"));
  EXPECT_THAT(reader.GetOpenAudit(TrialId{1}), FailsWith("AUDIT_UNKNOWN"));
  EXPECT_THAT(reader.GetDataset(Sha256("none")), FailsWith("DATASET_UNKNOWN"));
  EXPECT_THAT(*reader.Subspaces(TaskId{1}), IsEmpty());
  EXPECT_THAT(*reader.Accounts(), IsEmpty());
}

// Readers run beside the writer and beside each other, and see whole commits:
// the two balances of each transfer always add up to zero.
TEST_P(StoreConformanceTest, ReadersSeeWholeCommits) {
  Writer writer(backend_->NewWriter());
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([this] {
      for (int round = 0; round < 50; ++round) {
        const auto check = backend_->reader().CheckLedger();
        ASSERT_THAT(check, IsOk());
        EXPECT_THAT(check->violations, IsEmpty());
      }
    });
  }
  for (int64_t i = 1; i <= 100; ++i) {
    const Transfer transfer{.id = {i},
                            .from = Place::Outside(),
                            .to = Place::Fees(),
                            .amount = 1,
                            .create_time = absl::UnixEpoch()};
    EXPECT_THAT(writer.Commit({transfer, Balance{Place::Outside(), -i},
                               Balance{Place::Fees(), i}}),
                IsOk());
  }
  for (std::thread& thread : threads) thread.join();
}

// The pool's trial, accepted, with 3 of pay to its credit.
Trial PaidTrial(const SmallPool& pool) {
  Trial trial = pool.trial;
  trial.state = TrialState::kAccepted;
  trial.verdict = {.basis = TrialBasis::kAudited, .is_matured = true};
  trial.commitment.emplace().weights_digest = Sha256("weights");
  SetSettlement(trial, {.pay = 3});
  return trial;
}

TEST_P(StoreConformanceTest, LedgerCheckNoticesATamperedBalance) {
  const SmallPool pool;
  Writer writer(backend_->NewWriter());
  ASSERT_THAT(writer.Commit(pool.Events()), IsOk());
  auto check = backend_->reader().CheckLedger();
  ASSERT_THAT(check, IsOk());
  EXPECT_THAT(check->violations, IsEmpty());
  EXPECT_EQ(check->transfers, 1);
  EXPECT_EQ(check->debits, "7");
  EXPECT_EQ(check->credits, "7");

  backend_->Tamper(Balance{Place::Of(pool.client.id), 8});
  check = backend_->reader().CheckLedger();
  ASSERT_THAT(check, IsOk());
  EXPECT_THAT(check->violations,
              ElementsAre("the balances add up to 1, not to 0",
                          "the balance of account:1 is 8, its transfers make "
                          "7"));
}

// No credit without a verdict.
TEST_P(StoreConformanceTest, LedgerCheckNoticesPayThatNobodyEarned) {
  const SmallPool pool;
  Writer writer(backend_->NewWriter());
  ASSERT_THAT(writer.Commit(pool.Events()), IsOk());
  const Transfer pay{.id = {2},
                     .from = Place::Of(pool.client.id),
                     .to = Place::Of(pool.miner.id),
                     .amount = 3,
                     .kind = TransferKind::kPay,
                     .task = pool.task.id,
                     .create_time = absl::UnixEpoch()};
  ASSERT_THAT(writer.Commit({pay, Balance{pay.from, 4}, Balance{pay.to, 3}}),
              IsOk());
  EXPECT_THAT(backend_->reader().CheckLedger()->violations,
              ElementsAre("task-1 moved 3 to account:2 as pay, its accepted "
                          "trials earned 0"));
  ASSERT_THAT(writer.Commit({PaidTrial(pool)}), IsOk());
  EXPECT_THAT(backend_->reader().CheckLedger()->violations, IsEmpty());
}

// What each trial gets is written before the money moves.
TEST_P(StoreConformanceTest, LedgerCheckWaitsForASettlementUnderWay) {
  SmallPool pool;
  pool.task.state = TaskState::kFinishing;
  pool.task.end_reason = EndReason::kBudget;
  Writer writer(backend_->NewWriter());
  ASSERT_THAT(writer.Commit(pool.Events()), IsOk());
  ASSERT_THAT(writer.Commit({PaidTrial(pool)}), IsOk());
  EXPECT_THAT(backend_->reader().CheckLedger()->violations, IsEmpty());
  pool.task.state = TaskState::kSucceeded;
  pool.task.end_time = absl::UnixEpoch();
  ASSERT_THAT(writer.Commit({pool.task}), IsOk());
  EXPECT_THAT(backend_->reader().CheckLedger()->violations,
              Contains("task-1 moved 0 to account:2 as pay, its accepted "
                       "trials earned 3"));
}

// Through the window others may be paid than those who earned: all together,
// and each beside what they are still owed.
TEST_P(StoreConformanceTest, LedgerCheckKnowsWhatTheWindowOwes) {
  SmallPool pool;
  pool.task.rule = RewardRule::kPplns;
  Writer writer(backend_->NewWriter());
  ASSERT_THAT(writer.Commit(pool.Events()), IsOk());
  ASSERT_THAT(writer.Commit({PaidTrial(pool)}), IsOk());
  EXPECT_THAT(backend_->reader().CheckLedger()->violations,
              ElementsAre("account:2 was paid through the window, and is owed, "
                          "0, and earned 3"));
  ASSERT_THAT(writer.Commit({Owed{0, pool.miner.id, 3}}), IsOk());
  EXPECT_THAT(backend_->reader().CheckLedger()->violations, IsEmpty());
  const Transfer pay{.id = {2},
                     .from = Place::Of(pool.client.id),
                     .to = Place::Of(pool.miner.id),
                     .amount = 2,
                     .kind = TransferKind::kPay,
                     .task = pool.task.id,
                     .create_time = absl::UnixEpoch()};
  ASSERT_THAT(writer.Commit({pay, Balance{pay.from, 5}, Balance{pay.to, 2},
                             Owed{0, pool.miner.id, 1}}),
              IsOk());
  EXPECT_THAT(backend_->reader().CheckLedger()->violations,
              ElementsAre("task-1 moved 2 to account:0 as pay, its accepted "
                          "trials earned 0"));
}

// A payout whose money was never set aside, or moved at the wrong time.
TEST_P(StoreConformanceTest, LedgerCheckNoticesAPayoutThatMovedNothing) {
  const SmallPool pool;
  Writer writer(backend_->NewWriter());
  ASSERT_THAT(writer.Commit(pool.Events()), IsOk());
  ASSERT_THAT(writer.Commit({pool.payout}), IsOk());
  EXPECT_THAT(backend_->reader().CheckLedger()->violations,
              ElementsAre("payout-1 is waiting, and has 0 + 0 transfers",
                          "the open payouts come to 5, and 0 is set aside"));
}

// Even where the sum is right, money of an ended task must not stay behind.
TEST_P(StoreConformanceTest, LedgerCheckNoticesALeftoverEscrow) {
  SmallPool pool;
  pool.task.state = TaskState::kFailed;
  pool.task.end_reason = EndReason::kTimeLimit;
  pool.task.end_time = absl::UnixEpoch();
  Writer writer(backend_->NewWriter());
  ASSERT_THAT(writer.Commit(pool.Events()), IsOk());
  const Transfer escrow{.id = {2},
                        .from = Place::Of(pool.client.id),
                        .to = Place::EscrowOf(pool.task.id),
                        .amount = 3,
                        .kind = TransferKind::kEscrow,
                        .task = pool.task.id,
                        .create_time = absl::UnixEpoch()};
  ASSERT_THAT(
      writer.Commit({escrow, Balance{escrow.from, 4}, Balance{escrow.to, 3}}),
      IsOk());
  const auto check = backend_->reader().CheckLedger();
  ASSERT_THAT(check, IsOk());
  EXPECT_THAT(
      check->violations,
      ElementsAre("the task has ended, and escrow:task-1 still holds 3"));
}

// What was examined is not looked at again; what comes after it is.
TEST_P(StoreConformanceTest, LedgerCheckGoesOnFromItsMark) {
  const SmallPool pool;
  Writer writer(backend_->NewWriter());
  ASSERT_THAT(writer.Commit(pool.Events()), IsOk());
  Reader& reader = backend_->reader();
  LedgerMark mark;
  EXPECT_EQ(reader.CheckLedgerFrom(mark)->transfers, 1);
  EXPECT_EQ(mark.transfer, TransferId{1});
  EXPECT_EQ(reader.CheckLedgerFrom(mark)->transfers, 0);

  const Transfer pay{.id = {2},
                     .from = Place::Of(pool.client.id),
                     .to = Place::Of(pool.miner.id),
                     .amount = 3,
                     .kind = TransferKind::kPay,
                     .task = pool.task.id,
                     .create_time = absl::UnixEpoch()};
  ASSERT_THAT(writer.Commit({pay, Balance{pay.from, 4}, Balance{pay.to, 3}}),
              IsOk());
  for (int round = 0; round < 2; ++round) {
    const auto check = reader.CheckLedgerFrom(mark);
    EXPECT_EQ(check->transfers, 1);
    EXPECT_THAT(check->violations,
                ElementsAre("task-1 moved 3 to account:2 as pay, its accepted "
                            "trials earned 0"))
        << "until it is put right";
  }
  ASSERT_THAT(writer.Commit({PaidTrial(pool)}), IsOk());
  EXPECT_THAT(reader.CheckLedgerFrom(mark)->violations, IsEmpty());
  EXPECT_EQ(mark.transfer, TransferId{2});
  backend_->Tamper(Balance{Place::Of(pool.client.id), 5});
  EXPECT_EQ(reader.CheckLedgerFrom(mark)->violations.size(), 2U);
}

// Sums are exact beyond 64 bits.
TEST_P(StoreConformanceTest, LedgerCheckSumsBeyond64Bits) {
  Writer writer(backend_->NewWriter());
  std::vector<Event> events;
  for (int64_t i = 1; i <= 4; ++i) {
    events.emplace_back(Transfer{.id = {i},
                                 .from = Place::Fees(),
                                 .to = Place::Of(AccountId{i}),
                                 .amount = INT64_MAX,
                                 .create_time = absl::UnixEpoch()});
  }
  ASSERT_THAT(writer.Commit(events), IsOk());
  const auto check = backend_->reader().CheckLedger();
  ASSERT_THAT(check, IsOk());
  EXPECT_EQ(check->debits, "36893488147419103228");
  EXPECT_EQ(check->violations.size(), 5U);
}

}  // namespace
}  // namespace archpool
