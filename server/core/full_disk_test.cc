// SPDX-License-Identifier: Apache-2.0
// A full disk gives everybody time, but those that filled it.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "server/core/pool.h"
#include "tests/support/lone_miner_fixture.h"

namespace archpool {
namespace {

// Clients and miners whose answers wait while the disk is full.
class FullDiskTest : public LoneMinerTest {
 protected:
  FullDiskTest() : LoneMinerTest(Policy()) { Commit(0); }
  static PoolPolicy Policy() {
    PoolPolicy policy = AuditEverything();
    policy.stored_bytes_max = 100 * kMib;
    policy.disk_filled_bytes_min = 4 * kMib;
    return policy;
  }
  void Store(AccountId client, int64_t mib) {
    pool.Do(ConfirmFile{client, Sha256(absl::StrCat(mib)), mib * kMib});
  }
  void BecomeOneGroup() {
    for (const char* name : {"alice", "client"}) {
      pool.Do(SetQuotas{.name = name, .group = "smith"});
    }
  }
  bool IsGivenTime(bool is_disk_full = true) {
    const absl::Time before = *AuditOf(0).expire_time;
    const ExtendAnswers::Reply reply = pool.Do(
        ExtendAnswers{.by = absl::Minutes(1), .is_disk_full = is_disk_full});
    const bool is_given = *AuditOf(0).expire_time > before;
    EXPECT_EQ(reply.extended, is_given ? 2 : 0);
    EXPECT_EQ(reply.withheld, is_given ? 0 : 2);
    return is_given;
  }

  static constexpr int64_t kMib = int64_t{1} << 20;
};

TEST_F(FullDiskTest, WhoFilledItBuysNoTimeForItsGroup) {
  Store(pool.client, 8);
  EXPECT_TRUE(IsGivenTime()) << "a client of no group of hers";
  BecomeOneGroup();
  EXPECT_FALSE(IsGivenTime());
  EXPECT_TRUE(IsGivenTime(/*is_disk_full=*/false))
      << "a disk that broke is nobody's doing";
  Store(pool.Make("dave", Role::kClient), 25);
  EXPECT_TRUE(IsGivenTime()) << "less than a quarter of it is theirs";
}

TEST_F(FullDiskTest, LittleFillsNoDisk) {
  BecomeOneGroup();
  Store(pool.client, 3);
  EXPECT_TRUE(IsGivenTime()) << "all that is there, and next to nothing";
}

TEST_F(FullDiskTest, WhoHasMoreThanItMayFilledIt) {
  BecomeOneGroup();
  Store(pool.Make("dave", Role::kClient), 1'000);
  Store(pool.client, 100);
  EXPECT_TRUE(IsGivenTime());
  Store(pool.client, 1);
  EXPECT_FALSE(IsGivenTime());
}

// What the pool asked for is not held against anybody.
TEST_F(FullDiskTest, WeightsFillNoDisk) {
  pool.Answer(alice, lease.trials[0]);
  ASSERT_EQ(pool.Verify(700, 690).state, TrialState::kAccepted);
  Commit(1);
  const absl::Time before = *AuditOf(1).expire_time;
  pool.Do(ExtendAnswers{.by = absl::Minutes(1), .is_disk_full = true});
  EXPECT_EQ(*AuditOf(1).expire_time, before + absl::Minutes(1));
}

}  // namespace
}  // namespace archpool
