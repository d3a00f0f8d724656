// SPDX-License-Identifier: Apache-2.0
// What is copied into a backup, what is there already, and what is missed.
#include "server/backup/blob_plan.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Sizes = std::map<Digest, int64_t>;

BlobSize In(const Sizes& sizes) {
  return [&sizes](const Digest& digest) -> std::optional<int64_t> {
    const auto found = sizes.find(digest);
    if (found == sizes.end()) return std::nullopt;
    return found->second;
  };
}

const Digest kA = Sha256("a");
const Digest kB = Sha256("b");
const Digest kC = Sha256("c");

std::vector<NamedBlob> Named(std::vector<NamedBlob> blobs) {
  std::sort(blobs.begin(), blobs.end(),
            [](const NamedBlob& x, const NamedBlob& y) {
              return x.digest < y.digest;
            });
  return blobs;
}

TEST(BlobPlanTest, CopiesWhatThePoolHasAndNoBackup) {
  const Sizes pool = {{kA, 1}, {kB, 20}};
  const Sizes kept = {};
  const BlobPlan plan =
      PlanBlobs(Named({{kA, true}, {kB, false}}), {}, In(kept), In(pool));
  EXPECT_EQ(plan.copied.size(), 2U);
  EXPECT_EQ(plan.CopiedBytes(), 21);
  EXPECT_THAT(plan.kept, IsEmpty());
  EXPECT_THAT(plan.lost, IsEmpty());
}

TEST(BlobPlanTest, KeepsWhatACompleteBackupHas) {
  const Sizes pool = {{kA, 1}, {kB, 20}};
  const Sizes kept = {{kA, 1}};
  const BlobPlan plan =
      PlanBlobs(Named({{kA, true}, {kB, true}}), {{kA, 1}}, In(kept), In(pool));
  EXPECT_THAT(plan.kept, ElementsAre(ListedBlob{kA, 1}));
  EXPECT_THAT(plan.copied, ElementsAre(ListedBlob{kB, 20}));
}

// A backup that was cut off may have left files that never reached the disk.
TEST(BlobPlanTest, WhatNoCompleteBackupNamesIsCopiedAgain) {
  const Sizes pool = {{kA, 1}};
  const Sizes kept = {{kA, 1}};
  EXPECT_THAT(PlanBlobs(Named({{kA, true}}), {}, In(kept), In(pool)).copied,
              ElementsAre(ListedBlob{kA, 1}));
}

TEST(BlobPlanTest, WhatIsShorterThanItWasIsCopiedAgain) {
  const Sizes pool = {{kA, 5}};
  const Sizes kept = {{kA, 4}};
  EXPECT_THAT(
      PlanBlobs(Named({{kA, true}}), {{kA, 5}}, In(kept), In(pool)).copied,
      ElementsAre(ListedBlob{kA, 5}));
}

TEST(BlobPlanTest, TellsWhatIsLostFromWhatNobodyNeeds) {
  const Sizes none = {};
  const BlobPlan plan = PlanBlobs(Named({{kA, true}, {kB, false}, {kC, false}}),
                                  {}, In(none), In(none));
  EXPECT_THAT(plan.lost, ElementsAre(kA));
  EXPECT_EQ(plan.unneeded, 2);
}

// The pool lost it since: the backup is where it still is.
TEST(BlobPlanTest, WhatTheBackupHasIsNotLost) {
  const Sizes none = {};
  const Sizes kept = {{kA, 1}};
  const BlobPlan plan =
      PlanBlobs(Named({{kA, true}}), {{kA, 1}}, In(kept), In(none));
  EXPECT_THAT(plan.lost, IsEmpty());
  EXPECT_THAT(plan.kept, ElementsAre(ListedBlob{kA, 1}));
}

}  // namespace
}  // namespace archpool
