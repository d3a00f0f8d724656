// SPDX-License-Identifier: Apache-2.0
// Checkpoints take a disk's room by the gigabyte: what no audit wants goes, and
// nothing else.
#include "server/engine/checkpoint_cleaner.h"

#include <string>

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
