// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/checkpoint_vault.h"

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/data/read_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/work_samples.h"
#include "worker/agent/worker_key.h"

namespace archpool {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

Checkpoint At(int64_t boundary, float value = 1) {
  Checkpoint checkpoint;
  checkpoint.boundary = boundary;
  checkpoint.weights["w"] = Tensor{{100}, std::vector<float>(100, value)};
  checkpoint.optimizer["v"] = Tensor{{100}, std::vector<float>(100, -value)};
  checkpoint.weights["w"].values[0] = static_cast<float>(boundary);
  return checkpoint;
}

class CheckpointVaultTest : public ::testing::Test {
 protected:
  void SetUp() override { directory_ = testing::MakeTempDirectory(); }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::unique_ptr<CheckpointVault> Open(int64_t bytes_max = 1 << 20) {
    auto vault = CheckpointVault::Open(directory_ + "/vault", bytes_max);
    EXPECT_TRUE(vault.ok()) << vault.status();
    return *std::move(vault);
  }
  std::string directory_;
  const Digest key_ = Sha256("key");
  const TrainingId id_{key_, TrialId{7}};
};

TEST_F(CheckpointVaultTest, HoldsATrainingThroughARestart) {
  {
    const auto vault = Open();
    for (int64_t k = 0; k < 3; ++k) ASSERT_TRUE(vault->Add(id_, At(k)).ok());
    ASSERT_TRUE(vault->Keep(id_).ok());
  }
  const auto vault = Open();
  EXPECT_THAT(vault->Kept(), ElementsAre(Pair(TrialId{7}, key_)));
  ASSERT_EQ(vault->FilesOf(id_).size(), 3u);
  EXPECT_EQ(vault->LatestOf(id_), At(2));
  const auto weights = vault->WeightsAt(id_, 1);
  ASSERT_TRUE(weights.ok()) << weights.status();
  EXPECT_EQ(Sha256(*ReadFile(weights->path, 1 << 20)), weights->digest);
  EXPECT_EQ(weights->digest, vault->FilesOf(id_)[1].weights);
  EXPECT_EQ(GetReason(vault->OptimizerAt(id_, 3).status()), "CHECKPOINT_LOST");
  vault->Remove(id_);
  EXPECT_THAT(Open()->Kept(), IsEmpty());
}

// A machine that stops may leave a file cut.
TEST_F(CheckpointVaultTest, GoesOnFromTheLastCheckpointThatIsWhole) {
  const auto vault = Open();
  for (int64_t k = 0; k < 3; ++k) ASSERT_TRUE(vault->Add(id_, At(k)).ok());
  std::ofstream(vault->WeightsAt(id_, 2)->path, std::ios::trunc) << "cut";
  EXPECT_EQ(vault->LatestOf(id_), At(1));
  ASSERT_TRUE(vault->Add(id_, At(2)).ok());
  EXPECT_EQ(vault->LatestOf(id_), At(2));
}

TEST_F(CheckpointVaultTest, DropsTheOldestFilesAndTakesThemBack) {
  const auto vault = Open(4'000);  // one training and a bit
  const TrainingId second{Sha256("second"), TrialId{8}};
  for (int64_t k = 0; k < 2; ++k) ASSERT_TRUE(vault->Add(id_, At(k)).ok());
  ASSERT_TRUE(vault->Keep(id_).ok());
  for (int64_t k = 0; k < 3; ++k) ASSERT_TRUE(vault->Add(second, At(k)).ok());
  EXPECT_EQ(GetReason(vault->WeightsAt(id_, 1).status()), "CHECKPOINT_LOST");
  EXPECT_EQ(vault->FilesOf(id_).size(), 2u);
  EXPECT_TRUE(vault->WeightsAt(second, 2).ok());
  ASSERT_TRUE(vault->Add(id_, At(1)).ok());
  EXPECT_TRUE(vault->WeightsAt(id_, 1).ok());
}

TEST_F(CheckpointVaultTest, NoticesATrainingThatDoesNotRepeat) {
  const auto vault = Open();
  ASSERT_TRUE(vault->Add(id_, At(0)).ok());
  EXPECT_EQ(GetReason(vault->Add(id_, At(0, 2))), "TRAINING_NOT_REPEATABLE");
}

TEST_F(CheckpointVaultTest, ForgetsWhatThePoolWasNotToldOf) {
  const auto vault = Open();
  const TrainingId told{Sha256("told"), TrialId{1}};
  ASSERT_TRUE(vault->Add(id_, At(0)).ok());
  ASSERT_TRUE(vault->Add(told, At(0)).ok());
  ASSERT_TRUE(vault->Keep(told).ok());
  vault->RemoveUnkept();
  EXPECT_THAT(vault->FilesOf(id_), IsEmpty());
  EXPECT_EQ(vault->FilesOf(told).size(), 1u);
}

TEST_F(CheckpointVaultTest, SweepsWhatItCannotRead) {
  { ASSERT_TRUE(Open()->Add(id_, At(0)).ok()); }
  const std::string path = directory_ + "/vault/" + id_.ToName();
  for (const char* text : {"{", "[]", "{\"trial_id\": 1}", ""}) {
    std::filesystem::create_directories(path);
    std::ofstream(path + "/index.json", std::ios::trunc) << text;
    EXPECT_THAT(Open()->FilesOf(id_), IsEmpty()) << text;
    EXPECT_FALSE(std::filesystem::exists(path)) << text;
  }
}

// A directory of the user's beside them, and links.
TEST_F(CheckpointVaultTest, TouchesNothingOfOthers) {
  const std::string vault = directory_ + "/vault";
  const std::string precious = directory_ + "/precious";
  std::filesystem::create_directories(vault + "/mymodel");
  std::filesystem::create_directories(precious);
  std::ofstream(vault + "/mymodel/weights.pt") << "mine";
  std::ofstream(precious + "/index.json") << "mine";
  const std::string link = vault + "/" + id_.ToName();
  std::filesystem::create_directory_symlink(precious, link);
  const std::string half = vault + "/" + key_.ToString();
  std::filesystem::create_directories(half);
  std::ofstream(half + "/0.weights") << "ours";
  std::ofstream(half + "/notes.txt") << "mine";
  Open();
  EXPECT_TRUE(std::filesystem::exists(vault + "/mymodel/weights.pt"));
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_TRUE(std::filesystem::exists(precious + "/index.json"));
  EXPECT_TRUE(std::filesystem::exists(half + "/notes.txt"));
  EXPECT_FALSE(std::filesystem::exists(half + "/0.weights"));
}

TEST_F(CheckpointVaultTest, SettlingATrialLeavesAnotherOfItsKeyAlone) {
  const auto vault = Open();
  const TrainingId later{key_, TrialId{9}};
  for (int64_t k = 0; k < 3; ++k) ASSERT_TRUE(vault->Add(id_, At(k)).ok());
  ASSERT_TRUE(vault->Keep(id_).ok());
  const CheckpointVault::Hold hold = vault->Begin(later);
  EXPECT_EQ(vault->LatestOf(later), At(2));
  vault->Remove(id_);
  EXPECT_THAT(vault->FilesOf(id_), IsEmpty());
  EXPECT_EQ(vault->LatestOf(later), At(2));
  EXPECT_TRUE(vault->Add(later, At(3)).ok());
  EXPECT_EQ(vault->FilesOf(later).size(), 4u);
}

TEST_F(CheckpointVaultTest, RemovesNothingThatIsHeld) {
  const auto vault = Open(1);  // any file is too much
  {
    const CheckpointVault::Hold hold = vault->Begin(id_);
    for (int64_t k = 0; k < 3; ++k) ASSERT_TRUE(vault->Add(id_, At(k)).ok());
    ASSERT_TRUE(vault->Keep(id_).ok());
    vault->Remove(id_);
    EXPECT_TRUE(vault->IsRemoved(id_));
    EXPECT_THAT(vault->Kept(), IsEmpty());
    ASSERT_TRUE(vault->Keep(id_).ok());
    EXPECT_TRUE(vault->Add({key_, TrialId{9}}, At(0)).ok());
    EXPECT_EQ(vault->LatestOf(id_), At(2));
  }
  EXPECT_THAT(vault->FilesOf(id_), IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/vault/" + id_.ToName()));
}

// Somebody tidied up the disk.
TEST_F(CheckpointVaultTest, GoesOnWithoutItsDirectory) {
  const auto vault = Open();
  for (int64_t k = 0; k < 2; ++k) ASSERT_TRUE(vault->Add(id_, At(k)).ok());
  std::filesystem::remove_all(directory_ + "/vault");
  EXPECT_EQ(vault->LatestOf(id_), std::nullopt);
  EXPECT_TRUE(vault->Add(id_, At(0)).ok());
  EXPECT_TRUE(vault->Add(id_, At(1)).ok());
  EXPECT_TRUE(vault->Add(id_, At(2)).ok());
  EXPECT_EQ(vault->LatestOf(id_), At(2));
}

TEST_F(CheckpointVaultTest, NoticesAGap) {
  const auto vault = Open();
  ASSERT_TRUE(vault->Add(id_, At(0)).ok());
  EXPECT_EQ(GetReason(vault->Add(id_, At(2))), "CHECKPOINT_LOST");
  vault->Restart(id_);
  EXPECT_THAT(vault->FilesOf(id_), IsEmpty());
  EXPECT_TRUE(vault->Add(id_, At(0)).ok());
}

// Which named trainings by their keys alone.
TEST_F(CheckpointVaultTest, TakesOverTheFilesOfAnEarlierVersion) {
  {
    const auto vault = Open();
    for (int64_t k = 0; k < 2; ++k) ASSERT_TRUE(vault->Add(id_, At(k)).ok());
    ASSERT_TRUE(vault->Keep(id_).ok());
  }
  const std::string vault = directory_ + "/vault/";
  std::filesystem::rename(vault + id_.ToName(), vault + key_.ToString());
  EXPECT_THAT(Open()->Kept(), ElementsAre(Pair(TrialId{7}, key_)));
  EXPECT_EQ(Open()->LatestOf(id_), At(1));
}

TEST_F(CheckpointVaultTest, AWorkersKeyStaysTheSame) {
  const std::string path = directory_ + "/worker.key";
  const auto key = LoadOrMakeKey(path);
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(LoadOrMakeKey(path)->public_key(), key->public_key());
  EXPECT_EQ(
      std::filesystem::status(path).permissions(),
      std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  std::ofstream(path, std::ios::trunc) << "no key";
  EXPECT_EQ(GetReason(LoadOrMakeKey(path).status()), "KEY_UNREADABLE");
}

}  // namespace
}  // namespace archpool
