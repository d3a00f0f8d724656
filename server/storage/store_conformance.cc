#include "server/storage/store_conformance.h"

#include <algorithm>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/random_records.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Says which record differs: whole snapshots are too long to read.
void ExpectSame(const PoolSnapshot& actual, const PoolSnapshot& expected) {
  EXPECT_EQ(actual.last_ids, expected.last_ids);
  EXPECT_EQ(actual.requests, expected.requests);
  ASSERT_EQ(actual.records.size(), expected.records.size());
  for (size_t i = 0; i < actual.records.size(); ++i) {
    EXPECT_TRUE(actual.records[i] == expected.records[i])
        << "record " << i << " of type " << actual.records[i].index() << ", "
        << expected.records[i].index();
  }
}

template <typename Record, typename Map, typename Filter>
std::vector<Record> Filtered(const Map& map, const Filter& filter) {
  std::vector<Record> records;
  for (const auto& [key, record] : map) {
    if (filter(record)) records.push_back(record);
  }
  return records;
}

// A writer that took over, and commits one batch after the other.
class Writer {
 public:
  explicit Writer(Store& store) : store_(&store) {
    auto loaded = store.TakeOver();
    EXPECT_THAT(loaded, IsOk());
    if (loaded.ok()) loaded_ = *std::move(loaded);
  }
  absl::Status Commit(const std::vector<Event>& events) {
    const absl::Status status =
        store_->Commit(loaded_.epoch, loaded_.sequence, events);
    if (status.ok()) ++loaded_.sequence;
    return status;
  }
  const LoadedPool& loaded() const { return loaded_; }

 private:
  Store* store_;
  LoadedPool loaded_;
};

TEST_P(StoreConformanceTest, EmptyStoreLoadsNothing) {
  const auto loaded = backend_->NewWriter().TakeOver();
  ASSERT_THAT(loaded, IsOk());
  EXPECT_EQ(loaded->epoch, 1);
  EXPECT_EQ(loaded->sequence, 0);
  ExpectSame(loaded->snapshot, PoolSnapshot());
}

// Every field of every record comes back as it was committed, whatever is in
// it; of several events of one record within a commit the last counts; ended
// tasks and what belongs to them, closed leases, sessions and audits are not
// loaded. Random records, many commits of random sizes, a model beside.
TEST_P(StoreConformanceTest, LoadsWhatWasCommitted) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    backend_ = GetParam()();
    Writer writer(backend_->NewWriter());
    RandomRecords records(seed);
    for (const int count : {30, 1, 200, 7, 500, 64}) {
      ASSERT_THAT(writer.Commit(records.Next(count)), IsOk());
    }
    const Writer next(backend_->NewWriter());
    EXPECT_EQ(next.loaded().sequence, 6);
    ExpectSame(next.loaded().snapshot, records.Snapshot());
  }
}

// A real history: after each commit the store would load what the core holds.
TEST_P(StoreConformanceTest, LoadsWhatTheCoreHolds) {
  TestPool pool;
  Store& store = backend_->NewWriter();
  Writer writer(store);
  const auto commit_and_compare = [&] {
    ASSERT_THAT(writer.Commit(pool.pool.TakeEvents()), IsOk());
    writer = Writer(store);
    ExpectSame(writer.loaded().snapshot, pool.pool.state().Snapshot());
  };
  commit_and_compare();
  const AccountId miner = pool.Make("miner", Role::kMiner);
  const SessionId session = pool.Open(miner, "worker");
  const TaskId task = pool.Submit(TinySpec(2));
  commit_and_compare();
  for (int round = 0; round < 3; ++round) {
    const auto grant = pool.Do(AcquireLease{miner, session}).grant;
    ASSERT_TRUE(grant.has_value());
    commit_and_compare();
    pool.Deliver(miner, session, grant->lease, grant->lease.trials[0], 900);
    commit_and_compare();
    // The last claim is refuted: its lease is void.
    pool.Verify(round < 2 ? 900 : 100, 800);
    commit_and_compare();
    pool.Do(
        ReleaseLease{miner, session, grant->lease.id, grant->lease.attempt});
    commit_and_compare();
  }
  pool.Open(miner, "worker");
  commit_and_compare();
  pool.Do(CancelTask{task});
  commit_and_compare();
  const auto check = backend_->reader().CheckLedger();
  ASSERT_THAT(check, IsOk());
  EXPECT_THAT(check->violations, IsEmpty());
}

TEST_P(StoreConformanceTest, EmptyCommitMovesTheHead) {
  Writer writer(backend_->NewWriter());
  ASSERT_THAT(writer.Commit({}), IsOk());
  EXPECT_EQ(Writer(backend_->NewWriter()).loaded().sequence, 1);
}

// The earlier writer learns at its next commit that it is one no more, and
// writes nothing.
TEST_P(StoreConformanceTest, TakeOverFencesTheEarlierWriter) {
  Writer earlier(backend_->NewWriter());
  RandomRecords records(1);
  ASSERT_THAT(earlier.Commit(records.Next(20)), IsOk());
  const PoolSnapshot before = records.Snapshot();
  Writer later(backend_->NewWriter());
  EXPECT_GT(later.loaded().epoch, earlier.loaded().epoch);
  EXPECT_THAT(earlier.Commit(records.Next(20)), FailsWith("FENCED"));
  ExpectSame(Writer(backend_->NewWriter()).loaded().snapshot, before);
}

// A commit that is sent again after it happened is refused: the sequence is
// past it.
TEST_P(StoreConformanceTest, RepeatedCommitIsFenced) {
  Store& store = backend_->NewWriter();
  const auto loaded = store.TakeOver();
  ASSERT_THAT(loaded, IsOk());
  RandomRecords records(1);
  const std::vector<Event> events = records.Next(10);
  ASSERT_THAT(store.Commit(loaded->epoch, loaded->sequence, events), IsOk());
  EXPECT_THAT(store.Commit(loaded->epoch, loaded->sequence, events),
              FailsWith("FENCED"));
  EXPECT_EQ(store.Commit(loaded->epoch, loaded->sequence, events).code(),
            absl::StatusCode::kAborted);
  EXPECT_THAT(store.Commit(loaded->epoch, loaded->sequence + 1, events),
              FailsWith("CONSTRAINT"));  // its transfers are there already
}

// Writers that take over at once get different epochs, and one of them, the
// last, may commit.
TEST_P(StoreConformanceTest, ConcurrentTakeOversLeaveOneWriter) {
  constexpr int kWriters = 4;
  constexpr int kRounds = 10;
  std::vector<Store*> stores;
  for (int i = 0; i < kWriters; ++i) stores.push_back(&backend_->NewWriter());
  for (int round = 0; round < kRounds; ++round) {
    std::vector<LoadedPool> loaded(kWriters);
    std::vector<absl::Status> statuses(kWriters);
    std::vector<std::thread> threads;
    for (size_t i = 0; i < kWriters; ++i) {
      threads.emplace_back([&, i] {
        auto pool = stores[i]->TakeOver();
        statuses[i] = pool.status();
        if (pool.ok()) loaded[i] = *std::move(pool);
      });
    }
    for (std::thread& thread : threads) thread.join();
    std::set<int64_t> epochs;
    int committed = 0;
    for (size_t i = 0; i < kWriters; ++i) {
      ASSERT_THAT(statuses[i], IsOk());
      epochs.insert(loaded[i].epoch);
    }
    EXPECT_EQ(epochs.size(), kWriters);
    for (size_t i = 0; i < kWriters; ++i) {
      const absl::Status status =
          stores[i]->Commit(loaded[i].epoch, loaded[i].sequence, {});
      if (status.ok()) {
        ++committed;
        EXPECT_EQ(loaded[i].epoch, *epochs.rbegin());
      } else {
        EXPECT_THAT(status, FailsWith("FENCED"));
      }
    }
    EXPECT_EQ(committed, 1);
  }
}

// Two writers that commit against each other: every sequence is taken once.
TEST_P(StoreConformanceTest, ConcurrentCommitsOfOneEpochNeverBothSucceed) {
  Store& first = backend_->NewWriter();
  Store& second = backend_->NewWriter();
  const auto loaded = first.TakeOver();
  ASSERT_THAT(loaded, IsOk());
  int successes = 0;
  for (int64_t sequence = 0; sequence < 20; ++sequence) {
    absl::Status other;
    std::thread thread(
        [&] { other = second.Commit(loaded->epoch, sequence, {}); });
    const absl::Status own = first.Commit(loaded->epoch, sequence, {});
    thread.join();
    successes += own.ok() + other.ok();
    EXPECT_NE(own.ok(), other.ok());
  }
  EXPECT_EQ(successes, 20);
}

// The smallest valid pool, and one way to break each constraint.
class SmallPool {
 public:
  SmallPool() {
    client = {.id = {1}, .name = "client", .role = Role::kClient};
    miner = {.id = {2}, .name = "miner", .role = Role::kMiner};
    dataset = {.id = TinyManifest().Id(),
               .owner = client.id,
               .manifest = TinyManifest(),
               .held_out = Sha256("held-out")};
    task = {.id = {1},
            .client = client.id,
            .request_id = "r1",
            .spec = std::make_shared<const TaskSpec>(TinySpec(2)),
            .secret = Sha256("secret"),
            .create_time = absl::UnixEpoch(),
            .deadline = absl::UnixEpoch() + absl::Hours(1),
            .work_pot = TinySpec(2).terms.reward};
    subspace = {
        .id = {1}, .task = task.id, .box = Subspace::Whole(task.spec->space)};
    session = {.id = {1},
               .account = miner.id,
               .worker_name = "worker",
               .create_time = absl::UnixEpoch()};
    lease = {.id = {1},
             .task = task.id,
             .subspace = subspace.id,
             .session = session.id,
             .account = miner.id,
             .attempt = 1,
             .trials = {TrialId{1}},
             .create_time = absl::UnixEpoch(),
             .expire_time = absl::UnixEpoch() + absl::Minutes(1)};
    trial = {.id = {1},
             .task = task.id,
             .subspace = subspace.id,
             .lease = lease.id,
             .account = miner.id,
             .architecture_id = Sha256("architecture"),
             .create_time = absl::UnixEpoch()};
    audit = {.id = {1}, .trial = trial.id, .task = task.id};
    deposit = {.id = {1},
               .debit = Place::Outside(),
               .credit = Place::Of(client.id),
               .amount = 7,
               .request_id = "d1",
               .create_time = absl::UnixEpoch()};
  }
  std::vector<Event> Events() const {
    return {client,
            miner,
            dataset,
            task,
            subspace,
            session,
            lease,
            trial,
            audit,
            deposit,
            Balance{Place::Outside(), -7},
            Balance{Place::Of(client.id), 7}};
  }

  Account client, miner;
  DatasetRecord dataset;
  Task task;
  SubspaceRecord subspace;
  Session session;
  Lease lease;
  Trial trial;
  Audit audit;
  Transfer deposit;
};

struct Breach {
  std::string constraint;
  Event event;
};

// `change` applied to a copy of `record`.
template <typename Record, typename Change>
Breach Broken(std::string constraint, Record record, const Change& change) {
  change(record);
  return {std::move(constraint), record};
}

std::vector<Breach> LedgerBreaches(const SmallPool& p) {
  const auto second = [](Transfer& t) { t.id = {2}; };
  return {
      {"balance_not_negative", Balance{Place::Of(p.client.id), -1}},
      {"balance_not_negative", Balance{Place::Fees(), -1}},
      {"balance_not_negative", Balance{Place::EscrowOf(p.task.id), -1}},
      {"balance_place_known", Balance{{PlaceKind::kAccount, 0}, 1}},
      {"transfer_pkey", p.deposit},
      Broken("transfer_request_unique", p.deposit, second),
      Broken("transfer_amount_positive", p.deposit,
             [](Transfer& t) {
               t.id = {2};
               t.request_id = "d2";
               t.amount = 0;
             }),
      Broken("transfer_places_differ", p.deposit,
             [](Transfer& t) {
               t.id = {2};
               t.request_id = "d2";
               t.credit = t.debit;
             }),
      Broken("transfer_task_fkey", p.deposit,
             [](Transfer& t) {
               t.id = {2};
               t.request_id = "d2";
               t.task = {99};
             }),
      Broken("transfer_request_only_of_deposit", p.deposit,
             [](Transfer& t) {
               t.id = {2};
               t.request_id = "d2";
               t.kind = TransferKind::kPay;
             }),
  };
}

std::vector<Breach> WorkBreaches(const SmallPool& p) {
  return {
      Broken("session_open_unique", p.session, [](Session& s) { s.id = {2}; }),
      Broken("session_account_fkey", p.session,
             [](Session& s) { s.account = {99}; }),
      Broken("session_threads_positive", p.session,
             [](Session& s) { s.threads = 0; }),
      Broken("lease_one_primary_per_subspace", p.lease,
             [](Lease& l) { l.id = {2}; }),
      Broken("lease_session_fkey", p.lease, [](Lease& l) { l.session = {99}; }),
      Broken("lease_subspace_fkey", p.lease,
             [](Lease& l) { l.subspace = {99}; }),
      Broken("trial_lease_fkey", p.trial, [](Trial& t) { t.lease = {99}; }),
      Broken("trial_weights_iff_committed", p.trial,
             [](Trial& t) { t.state = TrialState::kUploaded; }),
      Broken("trial_weights_iff_committed", p.trial,
             [](Trial& t) { t.weights_digest = Sha256("weights"); }),
      Broken("trial_upload_deadline_while_committed", p.trial,
             [](Trial& t) {
               t.state = TrialState::kCommitted;
               t.weights_digest = Sha256("weights");
             }),
      Broken("trial_accuracy_once_accepted", p.trial,
             [](Trial& t) {
               t.state = TrialState::kAccepted;
               t.weights_digest = Sha256("weights");
             }),
      Broken("trial_accuracy_range", p.trial,
             [](Trial& t) { t.verified_accuracy_ppm = 1'000'001; }),
      Broken("trial_reason_iff_rejected", p.trial,
             [](Trial& t) { t.reason = "CLAIM_FALSE"; }),
      Broken("trial_sizes_not_negative", p.trial,
             [](Trial& t) { t.work_units = -1; }),
      Broken("trial_pay_only_if_accepted", p.trial,
             [](Trial& t) { t.pay = 1; }),
      Broken("audit_one_open_per_trial", p.audit, [](Audit& a) { a.id = {2}; }),
      Broken("audit_trial_fkey", p.audit, [](Audit& a) { a.trial = {99}; }),
      Broken("audit_expiry_iff_leased", p.audit,
             [](Audit& a) {
               a.state = AuditState::kLeased;
               a.verifier = {2};
             }),
      Broken("audit_verifier_while_leased", p.audit,
             [](Audit& a) {
               a.state = AuditState::kLeased;
               a.expire_time = absl::UnixEpoch();
             }),
  };
}

std::vector<Breach> TaskBreaches(const SmallPool& p) {
  return {
      Broken("account_name_unique", p.miner, [](Account& a) { a.id = {3}; }),
      Broken("account_name_not_empty", p.miner,
             [](Account& a) { a.name = ""; }),
      Broken("account_counts_not_negative", p.miner,
             [](Account& a) { a.trials_accepted = -1; }),
      Broken("dataset_owner_fkey", p.dataset,
             [](DatasetRecord& d) { d.owner = {99}; }),
      Broken("task_request_unique", p.task, [](Task& t) { t.id = {2}; }),
      Broken("task_client_fkey", p.task, [](Task& t) { t.client = {99}; }),
      Broken("task_dataset_fkey", p.task,
             [](Task& t) {
               TaskSpec spec = *t.spec;
               spec.dataset = Sha256("another");
               t.spec = std::make_shared<const TaskSpec>(spec);
             }),
      Broken("task_end_time_iff_ended", p.task,
             [](Task& t) { t.end_time = absl::UnixEpoch(); }),
      Broken("task_end_reason_iff_not_active", p.task,
             [](Task& t) { t.end_reason = EndReason::kBudget; }),
      Broken("task_pots_are_the_reward", p.task, [](Task& t) { ++t.work_pot; }),
      Broken("task_settled_iff_ended", p.task, [](Task& t) { t.refund = 1; }),
      Broken("task_settled_within_reward", p.task,
             [](Task& t) {
               t.state = TaskState::kFailed;
               t.end_reason = EndReason::kBudget;
               t.end_time = absl::UnixEpoch();
               t.refund = t.work_pot + 1;
             }),
      Broken("subspace_task_fkey", p.subspace,
             [](SubspaceRecord& s) { s.task = {99}; }),
      Broken("subspace_attempt_not_negative", p.subspace,
             [](SubspaceRecord& s) { s.attempt = -1; }),
  };
}

// A row that a constraint refuses takes the whole commit with it: nothing of it
// is there, the head has not moved, and the writer goes on.
TEST_P(StoreConformanceTest, ConstraintsRefuseWholeCommits) {
  const SmallPool pool;
  Store& store = backend_->NewWriter();
  Writer writer(store);
  ASSERT_THAT(writer.Commit(pool.Events()), IsOk());
  std::vector<Breach> breaches = TaskBreaches(pool);
  for (auto& more : {WorkBreaches(pool), LedgerBreaches(pool)}) {
    breaches.insert(breaches.end(), more.begin(), more.end());
  }
  const PoolSnapshot before = Writer(backend_->NewWriter()).loaded().snapshot;
  writer = Writer(store);
  for (const Breach& breach : breaches) {
    SCOPED_TRACE(breach.constraint);
    Account innocent = pool.client;
    innocent.trials_accepted = 5;
    const absl::Status status = writer.Commit({innocent, breach.event});
    EXPECT_THAT(status, FailsWith("CONSTRAINT"));
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(status.message()), HasSubstr(breach.constraint));
  }
  EXPECT_EQ(writer.loaded().sequence, 1);
  ASSERT_THAT(writer.Commit({}), IsOk());
  ExpectSame(Writer(backend_->NewWriter()).loaded().snapshot, before);
}

// Only what a commit leaves behind has to satisfy the constraints.
TEST_P(StoreConformanceTest, ConstraintsLookAtTheLastEventOfARecord) {
  const SmallPool pool;
  Writer writer(backend_->NewWriter());
  std::vector<Event> events = {Balance{Place::Of(AccountId{1}), -5}};
  for (const Event& event : pool.Events()) events.push_back(event);
  ASSERT_THAT(writer.Commit(events), IsOk());
  // A lease ends and the next one takes its subspace, in one commit.
  Lease ended = pool.lease;
  ended.state = LeaseState::kExpired;
  Lease next = pool.lease;
  next.id = {2};
  Session closed = pool.session;
  closed.state = SessionState::kClosed;
  Session reopened = pool.session;
  reopened.id = {2};
  EXPECT_THAT(writer.Commit({next, ended, reopened, closed}), IsOk());
}

TEST_P(StoreConformanceTest, ReaderSeesEveryCommittedRecord) {
  Writer writer(backend_->NewWriter());
  RandomRecords records(7);
  for (int i = 0; i < 4; ++i) {
    ASSERT_THAT(writer.Commit(records.Next(200)), IsOk());
  }
  Reader& reader = backend_->reader();
  const auto all = [](const auto&) { return true; };
  EXPECT_EQ(*reader.Accounts(), Filtered<Account>(records.accounts(), all));
  EXPECT_EQ(*reader.Balances(), Filtered<Balance>(records.balances(), all));
  for (const auto& [id, dataset] : records.datasets()) {
    EXPECT_EQ(*reader.GetDataset(id), dataset);
  }
  for (const auto& [id, trial] : records.trials()) {
    EXPECT_EQ(*reader.GetTrial(id), trial);
  }
  for (const auto& [id, task] : records.tasks()) {  // ended ones included
    const auto of_task = [task_id = id](const auto& record) {
      return record.task == task_id;
    };
    EXPECT_EQ(*reader.GetTask(id), task);
    EXPECT_EQ(*reader.Subspaces(id),
              Filtered<SubspaceRecord>(records.subspaces(), of_task));
    EXPECT_EQ(*reader.Trials(id, TrialId{}, 10'000),
              Filtered<Trial>(records.trials(), of_task));
    EXPECT_EQ(*reader.ActiveLeases(id),
              Filtered<Lease>(records.leases(), [&](const Lease& lease) {
                return of_task(lease) && lease.state == LeaseState::kActive;
              }));
  }
}

TEST_P(StoreConformanceTest, ReaderFiltersAndPages) {
  Writer writer(backend_->NewWriter());
  RandomRecords records(8);
  ASSERT_THAT(writer.Commit(records.Next(1'000)), IsOk());
  Reader& reader = backend_->reader();

  const AccountId client = records.tasks().begin()->second.client;
  auto tasks = Filtered<Task>(
      records.tasks(), [&](const Task& task) { return task.client == client; });
  std::reverse(tasks.begin(), tasks.end());
  EXPECT_EQ(*reader.Tasks({.client = client, .limit = 10'000}), tasks);
  ASSERT_GE(tasks.size(), 2U);
  EXPECT_THAT(*reader.Tasks({.client = client, .limit = 1}),
              ElementsAre(tasks[0]));
  EXPECT_THAT(
      *reader.Tasks({.client = client, .before = tasks[0].id, .limit = 1}),
      ElementsAre(tasks[1]));
  EXPECT_EQ(reader.Tasks({.limit = 10'000})->size(), records.tasks().size());
  EXPECT_THAT(*reader.Tasks({.limit = 0}), IsEmpty());

  const Trial& trial = records.trials().begin()->second;
  const auto page = reader.Trials(trial.task, trial.id, 2);
  ASSERT_THAT(page, IsOk());
  EXPECT_LE(page->size(), 2U);
  for (const Trial& later : *page) EXPECT_GT(later.id, trial.id);

  const auto is_outside = [](const Transfer& transfer) {
    return transfer.debit == Place::Outside() ||
           transfer.credit == Place::Outside();
  };
  auto transfers = Filtered<Transfer>(records.transfers(), is_outside);
  std::reverse(transfers.begin(), transfers.end());
  EXPECT_EQ(*reader.Transfers({.place = Place::Outside(), .limit = 10'000}),
            transfers);
  ASSERT_GE(transfers.size(), 2U);
  EXPECT_THAT(
      *reader.Transfers(
          {.place = Place::Outside(), .before = transfers[0].id, .limit = 1}),
      ElementsAre(transfers[1]));
  const TaskId task = records.tasks().begin()->first;
  transfers = Filtered<Transfer>(
      records.transfers(),
      [&](const Transfer& transfer) { return transfer.task == task; });
  std::reverse(transfers.begin(), transfers.end());
  EXPECT_EQ(*reader.Transfers({.task = task, .limit = 10'000}), transfers);
}

TEST_P(StoreConformanceTest, ReaderSaysWhatIsUnknown) {
  Reader& reader = backend_->reader();
  EXPECT_THAT(reader.GetTask(TaskId{1}), FailsWith("TASK_UNKNOWN"));
  EXPECT_THAT(reader.GetTrial(TrialId{1}), FailsWith("TRIAL_UNKNOWN"));
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
                            .debit = Place::Outside(),
                            .credit = Place::Fees(),
                            .amount = 1,
                            .create_time = absl::UnixEpoch()};
    EXPECT_THAT(writer.Commit({transfer, Balance{Place::Outside(), -i},
                               Balance{Place::Fees(), i}}),
                IsOk());
  }
  for (std::thread& thread : threads) thread.join();
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

// Even where the sum is right, money of an ended task must not stay behind.
TEST_P(StoreConformanceTest, LedgerCheckNoticesALeftoverEscrow) {
  SmallPool pool;
  pool.task.state = TaskState::kFailed;
  pool.task.end_reason = EndReason::kTimeLimit;
  pool.task.end_time = absl::UnixEpoch();
  Writer writer(backend_->NewWriter());
  ASSERT_THAT(writer.Commit(pool.Events()), IsOk());
  const Transfer escrow{.id = {2},
                        .debit = Place::Of(pool.client.id),
                        .credit = Place::EscrowOf(pool.task.id),
                        .amount = 3,
                        .kind = TransferKind::kEscrow,
                        .task = pool.task.id,
                        .create_time = absl::UnixEpoch()};
  ASSERT_THAT(writer.Commit({escrow, Balance{escrow.debit, 4},
                             Balance{escrow.credit, 3}}),
              IsOk());
  const auto check = backend_->reader().CheckLedger();
  ASSERT_THAT(check, IsOk());
  EXPECT_THAT(
      check->violations,
      ElementsAre("the task has ended, and escrow:task-1 still holds 3"));
}

// Sums are exact beyond 64 bits.
TEST_P(StoreConformanceTest, LedgerCheckSumsBeyond64Bits) {
  Writer writer(backend_->NewWriter());
  std::vector<Event> events;
  for (int64_t i = 1; i <= 4; ++i) {
    events.emplace_back(Transfer{.id = {i},
                                 .debit = Place::Fees(),
                                 .credit = Place::Of(AccountId{i}),
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
