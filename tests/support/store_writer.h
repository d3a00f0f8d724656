// SPDX-License-Identifier: Apache-2.0
// What tests of stores share: a writer, a comparison, and a small pool.
#ifndef ARCHPOOL_TESTS_SUPPORT_STORE_WRITER_H_
#define ARCHPOOL_TESTS_SUPPORT_STORE_WRITER_H_

#include <memory>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "server/storage/store.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {

// Says which record differs: whole snapshots are too long to read.
inline void ExpectSame(const PoolSnapshot& actual,
                       const PoolSnapshot& expected) {
  EXPECT_EQ(actual.last_ids, expected.last_ids);
  ASSERT_EQ(actual.records.size(), expected.records.size());
  for (size_t i = 0; i < actual.records.size(); ++i) {
    EXPECT_TRUE(actual.records[i] == expected.records[i])
        << "record " << i << " of type " << actual.records[i].index() << ", "
        << expected.records[i].index();
  }
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
        store_->Commit(loaded_.generation, loaded_.sequence, events);
    if (status.ok()) ++loaded_.sequence;
    return status;
  }
  const LoadedPool& loaded() const { return loaded_; }

 private:
  Store* store_;
  LoadedPool loaded_;
};

// The smallest valid pool.
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
    payout = {.id = {1},
              .account = miner.id,
              .amount = 5,
              .address = "address",
              .request_id = "p1",
              .key = Sha256("payout"),
              .create_time = absl::UnixEpoch()};
    deposit = {.id = {1},
               .from = Place::Outside(),
               .to = Place::Of(client.id),
               .amount = 7,
               .request_id = "d1",
               .create_time = absl::UnixEpoch()};
  }
  // Without the payout, whose money no transfer set aside.
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
  Payout payout;
  Transfer deposit;
};

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_SUPPORT_STORE_WRITER_H_
