// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/trial_journal.h"

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "gtest/gtest.h"
#include "tests/support/work_samples.h"

namespace archpool {
namespace {

class TrialJournalTest : public ::testing::Test {
 protected:
  void SetUp() override { directory_ = testing::MakeTempDirectory(); }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::unique_ptr<TrialJournal> Open() {
    absl::StatusOr<std::unique_ptr<TrialJournal>> journal =
        TrialJournal::Open(directory_);
    EXPECT_TRUE(journal.ok()) << journal.status();
    return *std::move(journal);
  }
  int CountFiles() {
    int count = 0;
    for ([[maybe_unused]] const auto& file :
         std::filesystem::directory_iterator(directory_)) {
      ++count;
    }
    return count;
  }

  static TrialCommitment Commitment(int64_t trial) {
    TrialCommitment commitment;
    commitment.trial = TrialId{trial};
    commitment.lease = LeaseId{7};
    commitment.attempt = 3;
    commitment.validation_correct = 42;
    commitment.diverged_at_step = 0;
    commitment.train_time = absl::Milliseconds(1500);
    return commitment;
  }

  std::string directory_;
  const Digest key_ = Sha256("a key");
  const TrainingId id_{key_, TrialId{5}};
};

TEST_F(TrialJournalTest, SurvivesARestart) {
  ASSERT_TRUE(Open()->Add(key_, Commitment(5), "weights").ok());
  const std::unique_ptr<TrialJournal> journal = Open();
  ASSERT_EQ(journal->Entries().size(), 1u);
  const JournalEntry entry = journal->Entries()[0];
  EXPECT_EQ(entry.trial_key, key_);
  EXPECT_EQ(entry.commitment.trial, TrialId{5});
  EXPECT_EQ(entry.commitment.lease, LeaseId{7});
  EXPECT_EQ(entry.commitment.attempt, 3);
  EXPECT_EQ(entry.commitment.validation_correct, 42);
  EXPECT_EQ(entry.commitment.diverged_at_step, 0);
  EXPECT_EQ(entry.commitment.train_time, absl::Milliseconds(1500));
  EXPECT_EQ(entry.commitment.weights_digest, Sha256("weights"));
  EXPECT_EQ(entry.commitment.weights_size_bytes, 7);
  EXPECT_FALSE(entry.is_committed);
  const UploadSource weights = journal->WeightsOf(entry);
  EXPECT_EQ(std::filesystem::file_size(weights.path), 7u);
}

TEST_F(TrialJournalTest, RemembersWhatThePoolHasTaken) {
  {
    const std::unique_ptr<TrialJournal> journal = Open();
    ASSERT_TRUE(journal->Add(key_, Commitment(5), "weights").ok());
    ASSERT_TRUE(journal->MarkCommitted(id_).ok());
  }
  EXPECT_TRUE(Open()->Find(id_)->is_committed);
}

TEST_F(TrialJournalTest, RemovesBothFiles) {
  const std::unique_ptr<TrialJournal> journal = Open();
  ASSERT_TRUE(journal->Add(key_, Commitment(5), "weights").ok());
  journal->Remove(id_);
  EXPECT_FALSE(journal->Find(id_).has_value());
  EXPECT_EQ(CountFiles(), 0);
}

TEST_F(TrialJournalTest, GivesTheOldestTrialFirst) {
  const std::unique_ptr<TrialJournal> journal = Open();
  for (const int64_t trial : {9, 2, 5}) {
    ASSERT_TRUE(
        journal->Add(Sha256(absl::StrCat(trial)), Commitment(trial), "weights")
            .ok());
  }
  std::vector<int64_t> trials;
  for (const JournalEntry& entry : journal->Entries()) {
    trials.push_back(entry.commitment.trial.value);
  }
  EXPECT_EQ(trials, (std::vector<int64_t>{2, 5, 9}));
}

// A crash between the weights and the entry leaves weights that nothing names;
// one within a write leaves a file beside.
TEST_F(TrialJournalTest, SweepsUpWhatACrashLeft) {
  ASSERT_TRUE(Open()->Add(key_, Commitment(5), "weights").ok());
  const std::string other =
      absl::StrCat(directory_, "/", Sha256("other").ToString());
  std::ofstream(other + ".safetensors") << "weights without an entry";
  std::ofstream(other + ".json.new") << "{\"trial";
  const std::unique_ptr<TrialJournal> journal = Open();
  EXPECT_EQ(journal->Entries().size(), 1u);
  EXPECT_EQ(CountFiles(), 2);
}

TEST_F(TrialJournalTest, DropsAnEntryWithoutItsWeights) {
  ASSERT_TRUE(Open()->Add(key_, Commitment(5), "weights").ok());
  std::filesystem::remove(
      absl::StrCat(directory_, "/", id_.ToName(), ".safetensors"));
  EXPECT_TRUE(Open()->Entries().empty());
  EXPECT_EQ(CountFiles(), 0);
}

TEST_F(TrialJournalTest, WillNotGuessAtAnEntryThatItCannotRead) {
  std::ofstream(absl::StrCat(directory_, "/", id_.ToName(), ".json"))
      << "[1, 2]";
  EXPECT_EQ(GetReason(TrialJournal::Open(directory_).status()),
            "JOURNAL_MALFORMED");
}

TEST_F(TrialJournalTest, TouchesNothingOfOthers) {
  const std::string precious = directory_ + "/precious";
  std::filesystem::create_directories(precious);
  std::ofstream(directory_ + "/notes.txt") << "mine";
  std::ofstream(directory_ + "/results.json") << "[1, 2]";
  std::ofstream(directory_ + "/model.safetensors") << "mine";
  std::ofstream(precious + "/thesis.tex") << "mine";
  const std::string link =
      absl::StrCat(directory_, "/", id_.ToName(), ".safetensors");
  std::filesystem::create_symlink(precious + "/thesis.tex", link);
  EXPECT_TRUE(Open()->Entries().empty());
  EXPECT_EQ(CountFiles(), 5);
  EXPECT_TRUE(std::filesystem::is_symlink(link));
}

// The same network for the same account, trained under two trials.
TEST_F(TrialJournalTest, KeepsTwoTrialsOfOneKeyApart) {
  {
    const std::unique_ptr<TrialJournal> journal = Open();
    ASSERT_TRUE(journal->Add(key_, Commitment(5), "weights").ok());
    ASSERT_TRUE(journal->Add(key_, Commitment(6), "weights").ok());
    journal->Remove(id_);
  }
  const std::unique_ptr<TrialJournal> journal = Open();
  ASSERT_EQ(journal->Entries().size(), 1u);
  const JournalEntry left = journal->Entries()[0];
  EXPECT_EQ(left.commitment.trial, TrialId{6});
  EXPECT_EQ(std::filesystem::file_size(journal->WeightsOf(left).path), 7u);
}

// Which named the files by the key alone.
TEST_F(TrialJournalTest, TakesOverTheFilesOfAnEarlierVersion) {
  ASSERT_TRUE(Open()->Add(key_, Commitment(5), "weights").ok());
  for (const char* suffix : {".json", ".safetensors"}) {
    std::filesystem::rename(
        absl::StrCat(directory_, "/", id_.ToName(), suffix),
        absl::StrCat(directory_, "/", key_.ToString(), suffix));
  }
  const std::unique_ptr<TrialJournal> journal = Open();
  ASSERT_EQ(journal->Entries().size(), 1u);
  EXPECT_EQ(journal->Entries()[0].id(), id_);
  EXPECT_EQ(CountFiles(), 2);
  EXPECT_TRUE(
      std::filesystem::exists(journal->WeightsOf(*journal->Find(id_)).path));
}

}  // namespace
}  // namespace archpool
