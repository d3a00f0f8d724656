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
};

TEST_F(CheckpointVaultTest, HoldsATrainingThroughARestart) {
  {
    const auto vault = Open();
    for (int64_t k = 0; k < 3; ++k) ASSERT_TRUE(vault->Add(key_, At(k)).ok());
    ASSERT_TRUE(vault->Keep(key_, TrialId{7}).ok());
  }
  const auto vault = Open();
  EXPECT_THAT(vault->Kept(), ElementsAre(Pair(TrialId{7}, key_)));
  ASSERT_EQ(vault->FilesOf(key_).size(), 3u);
  EXPECT_EQ(vault->LatestOf(key_), At(2));
  const auto weights = vault->WeightsAt(key_, 1);
  ASSERT_TRUE(weights.ok()) << weights.status();
  EXPECT_EQ(Sha256(*ReadFile(weights->path, 1 << 20)), weights->digest);
  EXPECT_EQ(weights->digest, vault->FilesOf(key_)[1].weights);
  EXPECT_EQ(GetReason(vault->OptimizerAt(key_, 3).status()), "CHECKPOINT_LOST");
  vault->Remove(key_);
  EXPECT_THAT(Open()->Kept(), IsEmpty());
}

// A machine that stops may leave a file cut.
TEST_F(CheckpointVaultTest, GoesOnFromTheLastCheckpointThatIsWhole) {
  const auto vault = Open();
  for (int64_t k = 0; k < 3; ++k) ASSERT_TRUE(vault->Add(key_, At(k)).ok());
  std::ofstream(vault->WeightsAt(key_, 2)->path, std::ios::trunc) << "cut";
  EXPECT_EQ(vault->LatestOf(key_), At(1));
  ASSERT_TRUE(vault->Add(key_, At(2)).ok());
  EXPECT_EQ(vault->LatestOf(key_), At(2));
}

TEST_F(CheckpointVaultTest, DropsTheOldestFilesAndTakesThemBack) {
  const auto vault = Open(4'000);  // one training and a bit
  const Digest second = Sha256("second");
  for (int64_t k = 0; k < 2; ++k) ASSERT_TRUE(vault->Add(key_, At(k)).ok());
  ASSERT_TRUE(vault->Keep(key_, TrialId{1}).ok());
  for (int64_t k = 0; k < 3; ++k) ASSERT_TRUE(vault->Add(second, At(k)).ok());
  EXPECT_EQ(GetReason(vault->WeightsAt(key_, 1).status()), "CHECKPOINT_LOST");
  EXPECT_EQ(vault->FilesOf(key_).size(), 2u);
  EXPECT_TRUE(vault->WeightsAt(second, 2).ok());
  ASSERT_TRUE(vault->Add(key_, At(1)).ok());
  EXPECT_TRUE(vault->WeightsAt(key_, 1).ok());
}

TEST_F(CheckpointVaultTest, NoticesATrainingThatDoesNotRepeat) {
  const auto vault = Open();
  ASSERT_TRUE(vault->Add(key_, At(0)).ok());
  EXPECT_EQ(GetReason(vault->Add(key_, At(0, 2))), "TRAINING_NOT_REPEATABLE");
}

TEST_F(CheckpointVaultTest, ForgetsWhatThePoolWasNotToldOf) {
  const auto vault = Open();
  const Digest told = Sha256("told");
  ASSERT_TRUE(vault->Add(key_, At(0)).ok());
  ASSERT_TRUE(vault->Add(told, At(0)).ok());
  ASSERT_TRUE(vault->Keep(told, TrialId{1}).ok());
  vault->RemoveUnkept();
  EXPECT_THAT(vault->FilesOf(key_), IsEmpty());
  EXPECT_EQ(vault->FilesOf(told).size(), 1u);
}

TEST_F(CheckpointVaultTest, SweepsWhatItCannotRead) {
  { ASSERT_TRUE(Open()->Add(key_, At(0)).ok()); }
  const std::string path = directory_ + "/vault/" + key_.ToString();
  for (const char* text : {"{", "[]", "{\"trial_id\": 1}", ""}) {
    std::filesystem::create_directories(path);
    std::ofstream(path + "/index.json", std::ios::trunc) << text;
    EXPECT_THAT(Open()->FilesOf(key_), IsEmpty()) << text;
    EXPECT_FALSE(std::filesystem::exists(path)) << text;
  }
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
