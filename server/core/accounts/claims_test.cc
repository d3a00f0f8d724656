// SPDX-License-Identifier: Apache-2.0
// What is over is ended once, its bytes are given back, and what somebody needs
// stays.
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/status.h"
#include "gtest/gtest.h"
#include "server/core/state/storage.h"
#include "tests/support/pool_fixture.h"

namespace archpool {
namespace {

constexpr int64_t kMib = int64_t{1} << 20;
constexpr absl::Duration kDay = absl::Hours(24);

PoolPolicy KeepingDays() {
  PoolPolicy policy = AuditEverything();
  policy.retention = {.cut_files = kDay,
                      .uncut_files = 30 * kDay,
                      .unused_datasets = 20 * kDay,
                      .results = 100 * kDay,
                      .other_weights = 7 * kDay};
  return policy;
}

class ClaimsTest : public ::testing::Test {
 protected:
  const PoolState& state() const { return pool_.pool.state(); }
  StorageUse UseOf(AccountId account) { return StorageOf(state(), account); }
  EndClaims::Reply End(BlobClaims claims) {
    return pool_.Do(EndClaims{std::move(claims)});
  }
  BlobClaims OfFile(AccountId account, const std::string& name) {
    BlobClaims claims{.digest = Sha256(name)};
    const auto found = state().files().find({account, claims.digest});
    if (found != state().files().end()) claims.files = {found->second};
    return claims;
  }
  // A dataset of 6 MiB, cut from the file "raw".
  DatasetRecord Register() {
    DatasetManifest manifest = TinyManifest();
    manifest.train = Sha256("another");
    return pool_.Do(RegisterDataset{.caller = pool_.client,
                                    .manifest = manifest,
                                    .held_out = Sha256("held-out"),
                                    .split_bytes = 6 * kMib,
                                    .files = {Sha256("raw")}});
  }

  TestPool pool_{KeepingDays()};
};

TEST_F(ClaimsTest, AFileIsGivenBackOnceAfterItWasCut) {
  pool_.Do(ConfirmFile{pool_.client, Sha256("raw"), 3 * kMib});
  const AccountId dave = pool_.Make("dave", Role::kClient);
  pool_.Do(ConfirmFile{dave, Sha256("raw"), 3 * kMib});
  Register();
  BlobClaims claims = OfFile(pool_.client, "raw");
  ASSERT_EQ(claims.files.size(), 1U);
  EXPECT_EQ(claims.files[0].cut_time, pool_.now);
  EXPECT_TRUE(End(claims).is_wanted);
  EXPECT_EQ(UseOf(pool_.client).file_bytes, 9 * kMib);

  pool_.now += kDay;
  claims.files.push_back(OfFile(dave, "raw").files.at(0));
  const EndClaims::Reply ended = End(claims);
  EXPECT_EQ(ended.ended, 1);
  EXPECT_TRUE(ended.is_wanted) << "the other one made no dataset of it yet";
  EXPECT_EQ(UseOf(pool_.client).file_bytes, 6 * kMib);
  EXPECT_EQ(UseOf(dave).file_bytes, 3 * kMib);
  EXPECT_EQ(End(claims).ended, 0) << "it is gone";
  EXPECT_EQ(UseOf(pool_.client).file_bytes, 6 * kMib);
  // Sent again, it counts again.
  pool_.Do(ConfirmFile{pool_.client, Sha256("raw"), 3 * kMib});
  EXPECT_EQ(UseOf(pool_.client).file_bytes, 9 * kMib);
}

// A client that sends a file again is told that it is here, and is about to
// make a dataset of it.
TEST_F(ClaimsTest, AFileThatIsSentAgainIsKeptAsIfItWereNew) {
  const auto send = [&] {
    pool_.Do(ConfirmFile{pool_.client, Sha256("raw"), 3 * kMib});
  };
  send();
  pool_.now += 30 * kDay;
  send();
  EXPECT_TRUE(End(OfFile(pool_.client, "raw")).is_wanted);
  EXPECT_EQ(UseOf(pool_.client).file_bytes, 3 * kMib) << "counted once";
  Register();  // cut from it
  pool_.now += kDay;
  send();
  EXPECT_EQ(End(OfFile(pool_.client, "raw")).ended, 0);
  pool_.now += 30 * kDay;
  EXPECT_EQ(End(OfFile(pool_.client, "raw")).ended, 1);
}

TEST_F(ClaimsTest, ADatasetIsDroppedAndComesBack) {
  const DatasetRecord dataset = Register();
  EXPECT_EQ(dataset.stored_bytes, 6 * kMib);
  const BlobClaims claims{.digest = dataset.held_out,
                          .datasets = {{.dataset = dataset}}};
  pool_.now += 19 * kDay;
  EXPECT_TRUE(End(claims).is_wanted);
  pool_.now += kDay;
  const EndClaims::Reply ended = End(claims);
  EXPECT_FALSE(ended.is_wanted);
  EXPECT_EQ(ended.dropped, std::vector{dataset.id});
  EXPECT_EQ(UseOf(pool_.client).file_bytes, 0);
  EXPECT_EQ(End(claims).ended, 0) << "by another of its three blobs";

  TaskSpec spec = TinySpec(4);
  spec.dataset = dataset.id;
  const absl::Status refused = pool_
                                   .Try(SubmitTask{.caller = pool_.client,
                                                   .spec = spec,
                                                   .request_id = "late",
                                                   .secret = Sha256("s")})
                                   .status();
  EXPECT_EQ(GetReason(refused), "DATASET_DROPPED");
  const DatasetRecord again = Register();
  EXPECT_FALSE(again.drop_time);
  EXPECT_EQ(again.register_time, pool_.now);
  EXPECT_EQ(UseOf(pool_.client).file_bytes, 6 * kMib);
  EXPECT_EQ(GetReason(pool_
                          .Try(SubmitTask{.caller = pool_.client,
                                          .spec = spec,
                                          .request_id = "late",
                                          .secret = Sha256("s")})
                          .status()),
            "");
}

TEST_F(ClaimsTest, ADatasetThatIsUsedStays) {
  const DatasetRecord dataset = Register();
  pool_.now += 19 * kDay;
  EXPECT_EQ(Register().register_time, pool_.now) << "asked for again: as new";
  pool_.now += 10 * kDay;
  // Read before the task was opened: the core knows better.
  const BlobClaims claims{.digest = dataset.held_out,
                          .datasets = {{.dataset = dataset}}};
  TaskSpec spec = TinySpec(4);
  spec.dataset = dataset.id;
  pool_.Do(SubmitTask{.caller = pool_.client,
                      .spec = spec,
                      .request_id = "r",
                      .secret = Sha256("s")});
  pool_.now += 100 * kDay;
  EXPECT_TRUE(End(claims).is_wanted);
  EXPECT_EQ(UseOf(pool_.client).file_bytes, 6 * kMib);
}

// A server from before did not note how it cut the splits: who registers the
// dataset again is told from then on. The first key stays.
TEST_F(ClaimsTest, ASplitKeyIsNotedWhereNoneWas) {
  const DatasetRecord before = Register();
  EXPECT_FALSE(before.split_key);
  RegisterDataset again{.caller = pool_.client,
                        .manifest = before.manifest,
                        .held_out = before.held_out,
                        .split_bytes = 6 * kMib,
                        .split_key = Sha256("key")};
  EXPECT_EQ(pool_.Do(again).split_key, Sha256("key"));
  EXPECT_EQ(state().FindDataset(before.id)->split_key, Sha256("key"));
  EXPECT_EQ(UseOf(pool_.client).file_bytes, 6 * kMib) << "counted once";
  again.split_key = Sha256("another");
  EXPECT_EQ(pool_.Do(again).split_key, Sha256("key"));
}

// One that a server from before registered is as if it were registered now.
TEST_F(ClaimsTest, ADatasetOfUnknownAgeIsKeptAsANewOne) {
  DatasetRecord dataset = Register();
  dataset.id = Sha256("older");
  dataset.register_time.reset();
  const BlobClaims claims{.digest = dataset.held_out,
                          .datasets = {{.dataset = dataset}}};
  EXPECT_TRUE(End(claims).is_wanted);
  EXPECT_EQ(state().FindDataset(dataset.id)->register_time, pool_.now);
}

class WeightsClaimsTest : public ClaimsTest {
 protected:
  WeightsClaimsTest() {
    alice_ = pool_.Make("alice", Role::kMiner);
    const SessionId session = pool_.Open(alice_, "w");
    task_ = pool_.Submit(TinySpec(4));
    const LeaseGrant grant =
        pool_.Do(AcquireLease{.caller = alice_, .session = session})
            .grant.value();
    trial_ = grant.assignments.at(0).trial;
    pool_.pool.TakeEvents();
    for (const Assignment& one : grant.assignments) {
      pool_.Deliver(alice_, session, grant.lease, one.trial, 700);
    }
    for (const Event& event : pool_.pool.TakeEvents()) {
      const auto* weights = std::get_if<StoredWeights>(&event);
      if (weights == nullptr) continue;
      all_bytes_ += weights->size_bytes;
      ++count_;
      if (weights->trial == trial_) stored_.push_back(*weights);
    }
    given_out_ = std::ssize(grant.assignments);
  }
  void EndTask() {
    pool_.Do(CancelTask{task_, pool_.client});
    pool_.VerifyAll();
    ASSERT_EQ(state().Find(task_), nullptr) << "it has ended";
  }
  BlobClaims Claims(std::optional<absl::Time> end_time) {
    return {.digest = stored_.at(0).digest,
            .trials = {{.trial = trial_,
                        .task = task_,
                        .state = TrialState::kAccepted,
                        .task_end_time = end_time}},
            .weights = stored_};
  }

  AccountId alice_;
  TaskId task_;
  TrialId trial_;
  int64_t given_out_ = 0;
  int64_t count_ = 0;                  // of those whose weights are counted
  int64_t all_bytes_ = 0;              // of them
  std::vector<StoredWeights> stored_;  // of `trial_`
};

TEST_F(WeightsClaimsTest, WhatIsAskedForIsNotedOnceAndCounted) {
  ASSERT_EQ(stored_.size(), 1U);
  EXPECT_EQ(stored_[0].trial, trial_);
  EXPECT_EQ(stored_[0].account, alice_);
  EXPECT_EQ(count_, given_out_);
  EXPECT_EQ(all_bytes_, UseOf(alice_).weight_bytes);
}

TEST_F(WeightsClaimsTest, WeightsOfAnOpenTaskStayWhateverWasRead) {
  pool_.now += 1'000 * kDay;
  EXPECT_TRUE(End(Claims(absl::UnixEpoch())).is_wanted)
      << "the core has the task";
  EXPECT_GT(UseOf(alice_).weight_bytes, 0);
}

TEST_F(WeightsClaimsTest, WeightsAreGivenBackAWhileAfterTheEnd) {
  EndTask();
  const absl::Time end = pool_.now;
  pool_.now = end + 99 * kDay;
  EXPECT_TRUE(End(Claims(end)).is_wanted);
  EXPECT_EQ(UseOf(alice_).weight_bytes, all_bytes_);
  // Bought by a later task, which needs them.
  pool_.now = end + 100 * kDay;
  BlobClaims shared = Claims(end);
  shared.trials.push_back(
      {.trial = TrialId{999}, .state = TrialState::kAccepted});
  EXPECT_TRUE(End(shared).is_wanted);
  EXPECT_EQ(UseOf(alice_).weight_bytes, all_bytes_);

  pool_.pool.TakeEvents();
  const EndClaims::Reply ended = End(Claims(end));
  EXPECT_FALSE(ended.is_wanted);
  EXPECT_EQ(ended.ended, 1);
  EXPECT_EQ(UseOf(alice_).weight_bytes, all_bytes_ - stored_[0].size_bytes);
  bool is_gone = false;
  for (const Event& event : pool_.pool.TakeEvents()) {
    const auto* weights = std::get_if<StoredWeights>(&event);
    is_gone |= weights != nullptr && weights->is_gone;
  }
  EXPECT_TRUE(is_gone);
}

// What lay there before anybody counted takes no sum below zero.
TEST_F(WeightsClaimsTest, NoSumFallsBelowZero) {
  EndTask();
  stored_[0].size_bytes = 3 * all_bytes_;
  const absl::Time end = pool_.now;
  pool_.now += 100 * kDay;
  EXPECT_FALSE(End(Claims(end)).is_wanted);
  EXPECT_EQ(UseOf(alice_).weight_bytes, 0);
}

}  // namespace
}  // namespace archpool
