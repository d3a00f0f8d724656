// SPDX-License-Identifier: Apache-2.0
// Every byte on the pool's disk is somebody's, and what is stored by choice is
// bounded.
#include "server/core/state/storage.h"

#include <string>

#include "common/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/pool_fixture.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kMib = int64_t{1} << 20;

PoolPolicy OnASmallDisk() {
  PoolPolicy policy = AuditEverything();
  policy.stored_bytes_max = 8 * kMib;
  return policy;
}

class StorageTest : public ::testing::Test {
 protected:
  const PoolState& state() const { return pool_.pool.state(); }
  void Store(AccountId account, const std::string& name, int64_t bytes) {
    pool_.Do(ConfirmFile{account, Sha256(name), bytes});
  }
  std::string Ask(AccountId account, int64_t bytes,
                  const std::string& name = "new") {
    return GetReason(
        pool_
            .Try(AskForRoom{
                .caller = account, .file = Sha256(name), .bytes = bytes})
            .status());
  }
  int64_t FilesOf(AccountId account) {
    return StorageOf(state(), account).file_bytes;
  }

  TestPool pool_{OnASmallDisk()};
};

TEST_F(StorageTest, AFileCountsOnceToEachThatSentIt) {
  const AccountId dave = pool_.Make("dave", Role::kClient);
  Store(pool_.client, "a", 3 * kMib);
  Store(pool_.client, "a", 3 * kMib);
  EXPECT_EQ(FilesOf(pool_.client), 3 * kMib);
  Store(dave, "a", 3 * kMib);
  EXPECT_EQ(FilesOf(dave), 3 * kMib) << "the disk has it once, and both do";
  Store(dave, "tiny", 1);
  EXPECT_EQ(FilesOf(dave), 4 * kMib) << "a row and a name as well";
  EXPECT_EQ(ChosenBytes(state()), 7 * kMib);
}

TEST_F(StorageTest, WhatIsStoredByChoiceIsBounded) {
  Store(pool_.client, "a", 6 * kMib);
  EXPECT_EQ(Ask(pool_.client, 2 * kMib), "");
  const absl::Status refused =
      pool_.Try(AskForRoom{.caller = pool_.client, .bytes = 2 * kMib + 1})
          .status();
  EXPECT_EQ(GetReason(refused), "STORAGE_QUOTA");
  EXPECT_THAT(std::string(refused.message()),
              HasSubstr("archpool account quota"));
  EXPECT_EQ(Ask(pool_.client, 6 * kMib, "a"), "") << "it is there already";

  const SetQuotas::Reply raised =
      pool_.Do(SetQuotas{.name = "client", .stored_bytes = 20 * kMib});
  EXPECT_EQ(raised.stored_bytes.held, 6 * kMib);
  EXPECT_EQ(raised.stored_bytes.max, 20 * kMib);
  EXPECT_EQ(Ask(pool_.client, 14 * kMib), "");
  pool_.Do(SetQuotas{.name = "client", .stored_bytes = 0});
  EXPECT_EQ(Ask(pool_.client, 14 * kMib), "STORAGE_QUOTA");
}

TEST_F(StorageTest, AGroupHasTheRoomOfOne) {
  const AccountId dave = pool_.Make("dave", Role::kClient);
  Store(pool_.client, "a", 6 * kMib);
  EXPECT_EQ(Ask(dave, 8 * kMib), "");
  for (const char* name : {"client", "dave"}) {
    pool_.Do(SetQuotas{.name = name, .group = "smith"});
  }
  EXPECT_EQ(Ask(dave, 2 * kMib), "");
  EXPECT_EQ(Ask(dave, 3 * kMib), "STORAGE_QUOTA");
}

TEST_F(StorageTest, TheSplitsOfADatasetCountOnce) {
  DatasetManifest manifest = TinyManifest();
  manifest.train = Sha256("another");
  const RegisterDataset command{.caller = pool_.client,
                                .manifest = manifest,
                                .held_out = Sha256("held-out"),
                                .split_bytes = 5 * kMib};
  pool_.Do(command);
  pool_.Do(command);
  EXPECT_EQ(FilesOf(pool_.client), 5 * kMib);
}

// What an audit asks for is taken from whoever is asked, and counted.
TEST_F(StorageTest, WhatIsAskedOfAMinerCountsAndIsNotBounded) {
  const AccountId alice = pool_.Make("alice", Role::kMiner);
  const SessionId session = pool_.Open(alice, "w");
  pool_.Submit(TinySpec(16));
  int64_t weights = 0;
  bool had_checkpoint = false;
  for (int i = 0; i < 8; ++i) {
    const LeaseGrant grant =
        pool_.Do(AcquireLease{.caller = alice, .session = session})
            .grant.value();
    const TrialId trial = grant.assignments.at(0).trial;
    pool_.Deliver(alice, session, grant.lease, trial, 700);
    weights += CommitmentOf(*state().Find(trial)).weights_size_bytes;
    EXPECT_EQ(StorageOf(state(), alice).weight_bytes, weights);
    const Audit& audit = *state().Find(state().audits().Of(trial));
    const CheckpointFiles& begin = audit.opening.begin;
    const int64_t checkpoint =
        audit.segment == 0
            ? 0
            : begin.weights_size_bytes + begin.optimizer_size_bytes;
    had_checkpoint |= checkpoint > 0;
    EXPECT_EQ(StoredBytesOf(state(), alice), weights + checkpoint);
    pool_.Do(ConfirmUpload{alice, trial,
                           CommitmentOf(*state().Find(trial)).weights_digest});
    EXPECT_EQ(StorageOf(state(), alice).weight_bytes, weights);
    EXPECT_EQ(pool_.Verify(700, 690).state, TrialState::kAccepted);
    EXPECT_EQ(StoredBytesOf(state(), alice), weights)
        << "checkpoints go with their audit";
  }
  EXPECT_TRUE(had_checkpoint);
  EXPECT_EQ(FilesOf(alice), 0);
}

TEST_F(StorageTest, ALoadedPoolKnowsWhatIsStored) {
  Store(pool_.client, "a", 6 * kMib);
  pool_.pool = Pool(pool_.policy, state().Snapshot());
  EXPECT_EQ(FilesOf(pool_.client), 6 * kMib);
  Store(pool_.client, "a", 6 * kMib);
  EXPECT_EQ(FilesOf(pool_.client), 6 * kMib);
  EXPECT_EQ(Ask(pool_.client, 3 * kMib), "STORAGE_QUOTA");
}

}  // namespace
}  // namespace archpool
