// SPDX-License-Identifier: Apache-2.0
// Checkpoints take a disk's room by the gigabyte: what no audit wants goes, and
// nothing else.
#include "server/engine/checkpoint_cleaner.h"

#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

Audit AuditOf(TrialId trial, AuditState state) {
  Audit audit;
  audit.trial = trial;
  audit.state = state;
  return audit;
}

class CheckpointCleanerTest : public testing::Test {
 protected:
  void Put(TrialId trial) {
    const auto blobs = checkpoints_.Of(trial);
    ASSERT_THAT(blobs, IsOk());
    ASSERT_THAT(blobs->Put("a checkpoint"), IsOk());
  }
  bool Has(TrialId trial) {
    return checkpoints_.Of(trial)->Size(Sha256("a checkpoint")).ok();
  }

  const TemporaryDirectory directory_;
  const CheckpointBlobs checkpoints_{directory_.path() + "/checkpoints"};
  Executor chores_{1, 10};
  CheckpointCleaner cleaner_{checkpoints_, chores_};
};

TEST_F(CheckpointCleanerTest, DropsThoseOfAnAuditThatIsOver) {
  Put(TrialId{1});
  Put(TrialId{2});
  cleaner_.OnCommit({AuditOf(TrialId{1}, AuditState::kDone),
                     AuditOf(TrialId{2}, AuditState::kWaiting)});
  chores_.Stop();
  EXPECT_FALSE(Has(TrialId{1}));
  EXPECT_TRUE(Has(TrialId{2}));
}

// What could not be taken at once goes later, while the server runs.
TEST_F(CheckpointCleanerTest, WhatWasRefusedGoesAfterALaterCommit) {
  for (int64_t id = 1; id <= 20; ++id) Put(TrialId{id});
  absl::Notification may_go_on;
  ASSERT_THAT(chores_.Run([&] { may_go_on.WaitForNotification(); }), IsOk());
  std::vector<Event> done;
  for (int64_t id = 1; id <= 20; ++id) {
    done.push_back(AuditOf(TrialId{id}, AuditState::kDone));
  }
  cleaner_.OnCommit(done);
  // Of one that waits still, an audit asks for checkpoints again.
  cleaner_.OnCommit({AuditOf(TrialId{20}, AuditState::kAsked)});
  may_go_on.Notify();
  for (int look = 0; look < 100; ++look) {
    cleaner_.OnCommit({});
    absl::SleepFor(absl::Milliseconds(10));
  }
  chores_.Stop();
  for (int64_t id = 1; id <= 19; ++id) EXPECT_FALSE(Has(TrialId{id})) << id;
  EXPECT_TRUE(Has(TrialId{20}));
}

TEST_F(CheckpointCleanerTest, KeepsOfALoadThoseOfOpenAudits) {
  Put(TrialId{1});
  Put(TrialId{2});
  PoolSnapshot snapshot;
  snapshot.records.emplace_back(AuditOf(TrialId{2}, AuditState::kWaiting));
  cleaner_.OnLoad(snapshot);
  EXPECT_FALSE(Has(TrialId{1}));
  EXPECT_TRUE(Has(TrialId{2}));
}

}  // namespace
}  // namespace archpool
