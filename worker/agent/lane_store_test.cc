// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/lane_store.h"

#include <filesystem>
#include <fstream>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/data/read_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int64_t kBytes = 1 << 20;

void Train(CheckpointVault& vault, int64_t trial, bool is_kept) {
  const TrainingId id{Sha256(absl::StrCat("key ", trial)), TrialId{trial}};
  const CheckpointVault::Hold hold = vault.Begin(id);
  Checkpoint checkpoint;
  checkpoint.weights["w"] = Tensor{{1}, {0.5f}};
  checkpoint.optimizer["v"] = Tensor{{1}, {0.25f}};
  ASSERT_THAT(vault.Add(id, checkpoint), IsOk());
  if (is_kept) {
    ASSERT_THAT(vault.Keep(id), IsOk());
  }
}

class LaneStoreTest : public ::testing::Test {
 protected:
  LaneStore Open(int64_t lane, const std::string& arithmetic = "a/1") {
    return OpenAs(LaneName("desk", lane), lane, arithmetic);
  }
  LaneStore OpenAs(const std::string& name, int64_t lane,
                   const std::string& arithmetic = "a/1") {
    absl::StatusOr<LaneStore> store = OpenLaneStore(
        LaneDirectory(directory_.path(), lane), name, arithmetic, kBytes);
    EXPECT_THAT(store, IsOk());
    return *std::move(store);
  }
  // Of which names others' trials are still here, a line for each trial.
  std::string EarlierNames() {
    return ReadFile(directory_.path() + "/earlier-names", 1 << 10).value_or("");
  }
  std::vector<int64_t> Left(int64_t lanes) {
    return LanesLeft(directory_.path(), lanes);
  }

  TemporaryDirectory directory_;
};

// Where the one training at a time of earlier versions lay.
TEST_F(LaneStoreTest, TheFirstLaneIsTheWorkerItself) {
  EXPECT_EQ(LaneDirectory("w", 1), "w");
  EXPECT_EQ(LaneName("desk", 1), "desk");
  EXPECT_EQ(LaneDirectory("w", 2), "w/lanes/2");
  EXPECT_EQ(LaneName("desk", 2), "desk-lane-2");
}

TEST_F(LaneStoreTest, NamesHaveRoom) {
  EXPECT_EQ(LaneName(std::string(57, 'a'), 2).size(), 64u);
  std::set<std::string> names;
  for (const char* end : {"x", "y"}) {
    for (const int64_t lane : {2, 3, 1024}) {
      const std::string name = LaneName(std::string(63, 'a') + end, lane);
      EXPECT_LE(name.size(), 64u);
      names.insert(name);
    }
  }
  EXPECT_EQ(names.size(), 6u);
}

TEST_F(LaneStoreTest, NothingIsLeftWhereThereNeverWereLanes) {
  Open(1);
  EXPECT_THAT(Left(1), IsEmpty());
}

TEST_F(LaneStoreTest, WhatFewerLanesLeaveIsFound) {
  for (const int64_t lane : {1, 2, 3, 10}) {
    Train(*Open(lane).vault, lane, /*is_kept=*/false);
  }
  Open(4);
  EXPECT_THAT(Left(1), ElementsAre(2, 3, 10));
  EXPECT_THAT(Left(2), ElementsAre(3, 10));
  EXPECT_THAT(Left(10), IsEmpty());
}

TEST_F(LaneStoreTest, ALaneFindsItsOwnAgain) {
  Train(*Open(2).vault, 7, /*is_kept=*/true);
  EXPECT_EQ(Open(2).vault->Kept().count(TrialId{7}), 1u);
  EXPECT_THAT(Open(3).vault->Kept(), IsEmpty());
}

TEST_F(LaneStoreTest, WhatIsSettledIsNotLeft) {
  {
    const LaneStore store = Open(2);
    Train(*store.vault, 7, /*is_kept=*/true);
    store.vault->Remove({Sha256("key 7"), TrialId{7}});
  }
  EXPECT_THAT(Left(1), IsEmpty());
}

TEST_F(LaneStoreTest, UnreportedTrialsAreLeft) {
  TrialCommitment commitment;
  commitment.trial = TrialId{7};
  ASSERT_THAT(Open(2).journal->Add(Sha256("key"), commitment, "weights"),
              IsOk());
  EXPECT_THAT(Left(1), ElementsAre(2));
}

// What others put here is theirs.
TEST_F(LaneStoreTest, OtherNamesAreNoLanes) {
  for (const char* name : {"02", "x", "-2", "2x"}) {
    std::filesystem::create_directories(directory_.path() + "/lanes/" + name +
                                        "/trials/something");
  }
  std::ofstream(directory_.path() + "/lanes/3") << "a file";
  EXPECT_THAT(Left(1), IsEmpty());
}

// Each lane by itself: one that is not started now meets it another time.
TEST_F(LaneStoreTest, AnotherArithmeticDropsWhatWasNotReported) {
  for (const int64_t lane : {1, 2}) {
    const LaneStore store = Open(lane);
    Train(*store.vault, 7, /*is_kept=*/true);
    Train(*store.vault, 8, /*is_kept=*/false);
  }
  for (const int64_t lane : {1, 2}) {
    const LaneStore store = Open(lane, "a/2");
    EXPECT_EQ(store.vault->Kept().size(), 1u);
    EXPECT_THAT(store.vault->FilesOf({Sha256("key 8"), TrialId{8}}), IsEmpty());
  }
}

// A start's warning is easily missed; what helps is the old name.
TEST_F(LaneStoreTest, AnEarlierNameIsKnownUntilNothingOfItsIsLeft) {
  const TrainingId old_trial{Sha256("key 7"), TrialId{7}};
  const TrainingId new_trial{Sha256("key 8"), TrialId{8}};
  Train(*OpenAs("desk", 1).vault, 7, /*is_kept=*/true);
  EXPECT_EQ(EarlierNames(), "");
  Train(*OpenAs("attic", 1).vault, 8, /*is_kept=*/true);
  const std::string known = absl::StrCat("desk ", old_trial.ToName(), "\n");
  EXPECT_EQ(EarlierNames(), known);
  OpenAs("attic", 1);
  EXPECT_EQ(EarlierNames(), known) << "at the second start too";
  OpenAs("desk", 1);
  EXPECT_EQ(EarlierNames(), absl::StrCat("attic ", new_trial.ToName(), "\n"))
      << "its own again";
  OpenAs("attic", 1).vault->Remove(old_trial);
  OpenAs("attic", 1);
  EXPECT_EQ(EarlierNames(), "") << "settled";
}

}  // namespace
}  // namespace archpool
