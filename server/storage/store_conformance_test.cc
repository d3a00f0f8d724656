// SPDX-License-Identifier: Apache-2.0
// What every store has to do: commits, takeovers, fencing.
#include "server/storage/store_conformance.h"

#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/random_records.h"
#include "tests/support/store_writer.h"

namespace archpool {
namespace {

using ::testing::IsEmpty;

TEST_P(StoreConformanceTest, EmptyStoreLoadsNothing) {
  const auto loaded = backend_->NewWriter().TakeOver();
  ASSERT_THAT(loaded, IsOk());
  EXPECT_EQ(loaded->generation, 1);
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

// A part is there whatever it holds: no right answer is a count, and the first
// servers noted no more of a commitment. Pay of nothing is none.
TEST_P(StoreConformanceTest, LoadsPartsThatHoldNothing) {
  SmallPool pool;
  pool.trial.state = TrialState::kRejected;
  pool.trial.reason = "CLAIM_FALSE";
  pool.trial.commitment.emplace().weights_digest = Sha256("weights");
  pool.trial.measured.emplace();
  pool.trial.verdict.emplace().verified_accuracy_ppm = 0;
  SetSettlement(pool.trial, {});
  Writer writer(backend_->NewWriter());
  ASSERT_THAT(writer.Commit(pool.Events()), IsOk());
  const auto trial = backend_->reader().GetTrial(pool.trial.id);
  ASSERT_THAT(trial, IsOk());
  EXPECT_EQ(*trial, pool.trial);
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
  pool.VerifyAll();
  commit_and_compare();
  const auto check = backend_->reader().CheckLedger();
  ASSERT_THAT(check, IsOk());
  EXPECT_THAT(check->violations, IsEmpty());
}

template <typename Record>
std::optional<Record> Found(
    const absl::StatusOr<std::optional<Record>>& answer) {
  EXPECT_THAT(answer, IsOk());
  return answer.ok() ? *answer : std::nullopt;
}

// What the core has let go of is found by its key, ended or not, by a writer
// that never heard of it.
TEST_P(StoreConformanceTest, FindsWhatRequestsBecame) {
  Writer writer(backend_->NewWriter());
  RandomRecords records(5);
  for (int i = 0; i < 4; ++i) {
    ASSERT_THAT(writer.Commit(records.Next(300)), IsOk());
  }
  Store& store = backend_->NewWriter();
  int ended = 0;
  for (const auto& [id, task] : records.All<Task>()) {
    EXPECT_TRUE(Found(store.FindTask(task.client, task.request_id)) == task);
    EXPECT_EQ(
        Found(store.FindTask({task.client.value + 1'000'000}, task.request_id)),
        std::nullopt);
    ended += IsEnded(task.state) ? 1 : 0;
  }
  EXPECT_GT(ended, 0);
  for (const auto& [id, dataset] : records.All<DatasetRecord>()) {
    EXPECT_TRUE(Found(store.FindDataset(id)) == dataset);
  }
  int asked_for = 0;
  for (const auto& [id, payout] : records.All<Payout>()) {
    if (payout.request_id.empty()) continue;
    EXPECT_TRUE(Found(store.FindPayout(payout.account, payout.request_id)) ==
                payout);
    ++asked_for;
  }
  EXPECT_GT(asked_for, 0);
  int deposits = 0;
  for (const auto& [id, transfer] : records.All<Transfer>()) {
    if (transfer.request_id.empty()) continue;
    EXPECT_EQ(Found(store.FindDeposit(transfer.request_id)), id);
    ++deposits;
  }
  EXPECT_GT(deposits, 0);
  const AccountId account{1};
  EXPECT_FALSE(Found(store.FindTask(account, "never")).has_value());
  EXPECT_FALSE(Found(store.FindPayout(account, "never")).has_value());
  EXPECT_FALSE(Found(store.FindDeposit("never")).has_value());
  EXPECT_FALSE(Found(store.FindDeposit("")).has_value());
  EXPECT_FALSE(Found(store.FindDataset(Sha256("never"))).has_value());
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
  EXPECT_GT(later.loaded().generation, earlier.loaded().generation);
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
  const std::vector<Event> events = records.Next(100);
  ASSERT_THAT(store.Commit(loaded->generation, loaded->sequence, events),
              IsOk());
  EXPECT_THAT(store.Commit(loaded->generation, loaded->sequence, events),
              FailsWith("FENCED"));
  EXPECT_EQ(store.Commit(loaded->generation, loaded->sequence, events).code(),
            absl::StatusCode::kAborted);
  EXPECT_THAT(store.Commit(loaded->generation, loaded->sequence + 1, events),
              FailsWith("CONSTRAINT"));  // its transfers are there already
}

// Writers that take over at once get different generations, and one of them,
// the last, may commit.
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
    std::set<int64_t> generations;
    int committed = 0;
    for (size_t i = 0; i < kWriters; ++i) {
      ASSERT_THAT(statuses[i], IsOk());
      generations.insert(loaded[i].generation);
    }
    EXPECT_EQ(generations.size(), kWriters);
    for (size_t i = 0; i < kWriters; ++i) {
      const absl::Status status =
          stores[i]->Commit(loaded[i].generation, loaded[i].sequence, {});
      if (status.ok()) {
        ++committed;
        EXPECT_EQ(loaded[i].generation, *generations.rbegin());
      } else {
        EXPECT_THAT(status, FailsWith("FENCED"));
      }
    }
    EXPECT_EQ(committed, 1);
  }
}

// Two writers that commit against each other: every sequence is taken once.
TEST_P(StoreConformanceTest, ConcurrentCommitsOfOneGenerationNeverBothSucceed) {
  Store& first = backend_->NewWriter();
  Store& second = backend_->NewWriter();
  const auto loaded = first.TakeOver();
  ASSERT_THAT(loaded, IsOk());
  int successes = 0;
  for (int64_t sequence = 0; sequence < 20; ++sequence) {
    absl::Status other;
    std::thread thread(
        [&] { other = second.Commit(loaded->generation, sequence, {}); });
    const absl::Status own = first.Commit(loaded->generation, sequence, {});
    thread.join();
    successes += own.ok() + other.ok();
    EXPECT_NE(own.ok(), other.ok());
  }
  EXPECT_EQ(successes, 20);
}

}  // namespace
}  // namespace archpool
