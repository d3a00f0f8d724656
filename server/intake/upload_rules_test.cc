// SPDX-License-Identifier: Apache-2.0
#include "server/intake/upload_rules.h"

#include <string>

#include "gtest/gtest.h"
#include "server/storage/memory_store.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

using Kind = UploadWish::Kind;

class SetClock : public Clock {
 public:
  absl::Time Now() const override { return now; }
  absl::Time now = absl::UnixEpoch();
};

// A miner's trial that was committed, and one that was not.
class UploadRulesTest : public ::testing::Test {
 protected:
  UploadRulesTest() {
    const AccountId miner = pool_.Make("miner", Role::kMiner);
    const SessionId session = pool_.Open(miner, "w");
    pool_.Submit(TinySpec(4));
    const auto grant = pool_.Do(AcquireLease{miner, session, {}}).grant.value();
    committed_ = grant.assignments.at(0).trial;
    assigned_ = grant.assignments.at(1).trial;
    pool_.Commit(miner, session, grant.lease, committed_, 600);
    miner_ = *pool_.pool.state().Find(miner);
    client_ = *pool_.pool.state().Find(pool_.client);
    const auto loaded = store_.TakeOver();
    EXPECT_THAT(loaded, IsOk());
    EXPECT_THAT(store_.Commit(loaded->generation, loaded->sequence,
                              pool_.pool.TakeEvents()),
                IsOk());
  }

  void Commit(const Event& event) {
    const auto loaded = store_.TakeOver();
    ASSERT_THAT(loaded, IsOk());
    ASSERT_THAT(store_.Commit(loaded->generation, loaded->sequence, {event}),
                IsOk());
  }
  // The weights came.
  void Count() {
    Commit(StoredWeights{.trial = committed_,
                         .account = miner_.id,
                         .digest = Weights().digest,
                         .size_bytes = 100});
  }
  absl::Status Check(const Account& caller, const UploadWish& wish) {
    return rules_.Check(caller, wish).status();
  }
  // What the commitment announced.
  UploadWish Weights() const {
    return {.kind = Kind::kTrialWeights,
            .digest = Sha256(committed_.ToString()),
            .size_bytes = 100,
            .trial = committed_};
  }

  TestPool pool_;
  MemoryStore store_;
  SetClock clock_;
  UploadRules rules_{clock_, store_};
  Account miner_;
  Account client_;
  TrialId committed_;
  TrialId assigned_;
};

TEST_F(UploadRulesTest, ClientsSendDatasetsAndMinersTheFilesOfTrials) {
  EXPECT_THAT(Check(client_, {.kind = Kind::kDatasetFile}), IsOk());
  EXPECT_THAT(Check(miner_, {.kind = Kind::kDatasetFile}),
              FailsWith("PURPOSE_NOT_ALLOWED"));
  EXPECT_THAT(Check(miner_, Weights()), IsOk());
  EXPECT_THAT(Check(client_, Weights()), FailsWith("PURPOSE_NOT_ALLOWED"));
  EXPECT_THAT(CheckMayUpload(client_, Kind::kTrialCheckpoint),
              FailsWith("PURPOSE_NOT_ALLOWED"));
}

TEST_F(UploadRulesTest, WeightsAreThoseOfACommitment) {
  UploadWish early = Weights();
  early.trial = assigned_;
  EXPECT_THAT(Check(miner_, early), FailsWith("TRIAL_NOT_COMMITTED"));
  UploadWish longer = Weights();
  ++longer.size_bytes;
  EXPECT_THAT(Check(miner_, longer), FailsWith("WEIGHTS_NOT_ANNOUNCED"));
  UploadWish others = Weights();
  others.digest = Sha256("others");
  EXPECT_THAT(Check(miner_, others), FailsWith("WEIGHTS_NOT_ANNOUNCED"));
}

TEST_F(UploadRulesTest, ATrialIsItsMinersAlone) {
  Account other = miner_;
  other.id = AccountId{miner_.id.value + 100};
  EXPECT_THAT(Check(other, Weights()), FailsWith("TRIAL_UNKNOWN"));
  UploadWish unknown = Weights();
  unknown.trial = TrialId{1'000'000};
  EXPECT_THAT(Check(miner_, unknown), FailsWith("TRIAL_UNKNOWN"));
}

TEST_F(UploadRulesTest, CheckpointsAreThoseThatAnAuditAsksFor) {
  UploadWish wish = Weights();
  wish.kind = Kind::kTrialCheckpoint;
  EXPECT_THAT(Check(miner_, wish), FailsWith("UPLOAD_NOT_WANTED"));
}

TEST_F(UploadRulesTest, BytesOfDatasetsAreCountedByTheDay) {
  const UploadTarget data{.owner = "account-1"};
  EXPECT_THAT(rules_.Charge(data, kDatasetBytesPerDayMax), IsOk());
  EXPECT_THAT(rules_.Charge(data, 1), FailsWith("UPLOAD_QUOTA"));
  EXPECT_THAT(rules_.Charge({.owner = "account-2"}, 1), IsOk());
  EXPECT_THAT(rules_.Charge({.owner = "account-1", .trial = committed_}, 1),
              IsOk())
      << "other rules bound the files of trials";
  clock_.now += absl::Hours(25);
  EXPECT_THAT(rules_.Charge(data, 1), IsOk());
}

// What is not whole is in no record, and takes room all the same.
TEST_F(UploadRulesTest, FilesUnderWayTakeRoom) {
  constexpr int64_t kMib = int64_t{1} << 20;
  const auto file = [](const std::string& name) {
    return UploadTarget{
        .owner = "account-1", .digest = Sha256(name), .size_bytes = 8 * kMib};
  };
  const auto beside = [&](const std::string& name) {
    return rules_.UnderWayBeside(file(name));
  };
  EXPECT_EQ(beside("a"), 0);
  EXPECT_EQ(rules_.Begin(file("a")), 0);
  EXPECT_EQ(beside("a"), 0) << "itself";
  EXPECT_EQ(beside("b"), 8 * kMib);
  UploadTarget others = file("b");
  others.owner = "account-2";
  EXPECT_EQ(rules_.UnderWayBeside(others), 0);
  EXPECT_THAT(rules_.Charge(file("a"), 3 * kMib), IsOk());
  const int64_t earlier = rules_.Begin(file("a"));
  EXPECT_EQ(earlier, 8 * kMib);
  rules_.Withdraw(file("a"), earlier);
  EXPECT_EQ(beside("b"), 8 * kMib) << "a second stream takes nothing back";
  clock_.now += absl::Minutes(61);
  EXPECT_EQ(beside("b"), 3 * kMib) << "it may not come any more";
  rules_.Begin(file("b"));
  EXPECT_EQ(beside("c"), 11 * kMib);
  rules_.End(file("b"));
  rules_.Withdraw(file("unknown"), 0);
  rules_.Withdraw(file("d"), rules_.Begin(file("d")));
  EXPECT_EQ(beside("c"), 3 * kMib);
  clock_.now += absl::Hours(24);
  EXPECT_EQ(beside("c"), 0) << "as the parts on the disk";
}

// Else a miner could have the pool keep what nobody asked for.
TEST_F(UploadRulesTest, WeightsThatWereNotDrawnAreNotWanted) {
  EXPECT_TRUE(rules_.Check(miner_, Weights())->is_wanted);
  Trial trial = *pool_.pool.state().Find(committed_);
  trial.state = TrialState::kAccepted;
  VerdictIn(trial).basis = TrialBasis::kSampledOut;
  Audit audit =
      *pool_.pool.state().Find(pool_.pool.state().audits().Of(committed_));
  Commit(trial);
  ASSERT_NE(audit.missing & kPartWeights, 0);
  EXPECT_TRUE(rules_.Check(miner_, Weights())->is_wanted)
      << "an audit asks for them after all";
  audit.state = AuditState::kDone;
  audit.expire_time.reset();
  Commit(audit);
  EXPECT_FALSE(rules_.Check(miner_, Weights())->is_wanted);
}

// As where the whole training was replayed without its weights: what comes
// after the verdict would be counted to nobody.
TEST_F(UploadRulesTest, WeightsThatNoVerdictNeededAreNotWanted) {
  Trial trial = *pool_.pool.state().Find(committed_);
  trial.state = TrialState::kAccepted;
  VerdictIn(trial).basis = TrialBasis::kReplayed;
  Audit audit =
      *pool_.pool.state().Find(pool_.pool.state().audits().Of(committed_));
  audit.state = AuditState::kDone;
  audit.expire_time.reset();
  Commit(trial);
  Commit(audit);
  EXPECT_FALSE(rules_.Check(miner_, Weights())->is_wanted);
  EXPECT_FALSE(rules_.Check(miner_, Weights())->is_over);
  Count();
  EXPECT_TRUE(rules_.Check(miner_, Weights())->is_wanted);
}

// A task ends when its audits have: nothing is asked for any more, of a trial
// that was audited either.
TEST_F(UploadRulesTest, NothingIsWantedAfterTheEndOfATask) {
  Trial trial = *pool_.pool.state().Find(committed_);
  trial.state = TrialState::kAccepted;
  VerdictIn(trial).basis = TrialBasis::kAudited;
  Commit(trial);
  Count();
  EXPECT_TRUE(rules_.Check(miner_, Weights())->is_wanted);
  EXPECT_FALSE(rules_.Check(miner_, Weights())->is_over);
  Task task = *pool_.pool.state().Find(trial.task);
  task.state = TaskState::kCancelled;
  task.end_reason = EndReason::kCancelled;
  task.end_time = absl::UnixEpoch();
  Commit(task);
  const auto target = rules_.Check(miner_, Weights());
  ASSERT_THAT(target, IsOk());
  EXPECT_FALSE(target->is_wanted);
  EXPECT_TRUE(target->is_over);
}

}  // namespace
}  // namespace archpool
