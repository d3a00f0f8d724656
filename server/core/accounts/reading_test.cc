// SPDX-License-Identifier: Apache-2.0
// What an account's work gives it a reason to read, and for how long.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/support/verifiers_fixture.h"

namespace archpool {
namespace {

class ReadingTest : public VerifiersTest {
 protected:
  Digest dataset() { return state().Find(task)->spec->dataset; }
  bool MayReadData(AccountId who) {
    return pool.Do(AskToRead{.caller = who, .dataset = dataset()}).may;
  }
  bool MayReadTrial(AccountId who, TrialId trial) {
    return pool.Do(AskToRead{.caller = who, .trial = trial}).may;
  }
};

TEST_F(ReadingTest, AMinerReadsDataWhileItHoldsALease) {
  Take("v1");  // work is leased while a verifier is heard
  EXPECT_FALSE(MayReadData(alice));
  const auto grant = pool.Do(AcquireLease{alice, alices}).grant;
  ASSERT_TRUE(grant.has_value());
  EXPECT_TRUE(MayReadData(alice));
  EXPECT_FALSE(MayReadData(bob));
  EXPECT_FALSE(
      pool.Do(AskToRead{.caller = alice, .dataset = Sha256("another")}).may);
  pool.Do(ReleaseLease{alice, alices, grant->lease.id, grant->lease.attempt});
  EXPECT_FALSE(MayReadData(alice));
}

TEST_F(ReadingTest, WhoIsAskedForASegmentReadsOn) {
  Take("v1");
  const auto grant = pool.Do(AcquireLease{alice, alices}).grant;
  ASSERT_TRUE(grant.has_value());
  const TrialId trial = grant->assignments.at(0).trial;
  pool.Commit(alice, alices, grant->lease, trial, 500);
  ASSERT_EQ(AuditOf(trial).state, AuditState::kAsked);
  pool.Try(ReleaseLease{alice, alices, grant->lease.id, grant->lease.attempt})
      .status()
      .IgnoreError();
  ASSERT_EQ(state().Find(grant->lease.id), nullptr);
  EXPECT_TRUE(MayReadData(alice));
}

TEST_F(ReadingTest, AVerifierReadsWhatItExamines) {
  Take("v1");
  const TrialId trial = Committed(alice, alices);
  const TrialId other = Committed(bob, bobs);
  EXPECT_FALSE(MayReadData(pool.verifier));
  EXPECT_FALSE(MayReadTrial(pool.verifier, trial));
  const auto grant = Take("v1");
  ASSERT_TRUE(grant.has_value());
  const TrialId taken = grant->audit.trial;
  EXPECT_TRUE(MayReadData(pool.verifier));
  EXPECT_TRUE(MayReadTrial(pool.verifier, taken));
  EXPECT_FALSE(MayReadTrial(pool.verifier, taken == trial ? other : trial));
  EXPECT_FALSE(MayReadData(other_account));
  EXPECT_FALSE(MayReadTrial(other_account, taken));
  Say(*grant, Right());
  EXPECT_FALSE(MayReadTrial(pool.verifier, taken));
}

// Not even that there is such a file is told.
TEST_F(ReadingTest, ADatasetIsCutFromOwnFilesAlone) {
  const AccountId dave = pool.Make("dave", Role::kClient);
  pool.Do(ConfirmFile{pool.client, Sha256("a"), 1});
  pool.Do(ConfirmFile{dave, Sha256("b"), 1});
  const auto check = [&](const std::vector<Digest>& files) {
    return pool.Try(CheckFiles{.caller = dave, .files = files}).status();
  };
  EXPECT_THAT(check({Sha256("b")}), IsOk());
  const absl::Status foreign = check({Sha256("b"), Sha256("a")});
  EXPECT_THAT(foreign, FailsWith("BLOB_UNKNOWN"));
  EXPECT_EQ(foreign, check({Sha256("b"), Sha256("nowhere")}));
}

}  // namespace
}  // namespace archpool
