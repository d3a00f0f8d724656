// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/attempt_log.h"

#include <filesystem>
#include <fstream>

#include "gtest/gtest.h"
#include "tests/support/work_samples.h"

namespace archpool {
namespace {

class AttemptLogTest : public ::testing::Test {
 protected:
  void SetUp() override { directory_ = testing::MakeTempDirectory(); }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::unique_ptr<AttemptLog> Load() {
    return AttemptLog::Load(directory_ + "/attempts.json");
  }

  std::string directory_;
  const Digest key_ = Sha256("key");
};

TEST_F(AttemptLogTest, CountsStartsThatNeverEnded) {
  EXPECT_EQ(Load()->DeathsOf(key_), 0);
  ASSERT_TRUE(Load()->Begin(key_, 3).ok());
  EXPECT_EQ(Load()->DeathsOf(key_), 1);
  ASSERT_TRUE(Load()->Begin(key_, 3).ok());
  EXPECT_EQ(Load()->DeathsOf(key_), 2);
  EXPECT_EQ(Load()->DeathsOf(Sha256("other")), 0);
}

// Power cuts during a training of days.
TEST_F(AttemptLogTest, ForgivesWhatCameFurther) {
  ASSERT_TRUE(Load()->Begin(key_, 3).ok());
  ASSERT_TRUE(Load()->Begin(key_, 4).ok());
  EXPECT_EQ(Load()->DeathsOf(key_), 1);
}

TEST_F(AttemptLogTest, ForgetsWhatEnded) {
  const auto log = Load();
  ASSERT_TRUE(log->Begin(key_, 0).ok());
  ASSERT_TRUE(log->End(key_).ok());
  EXPECT_EQ(log->DeathsOf(key_), 0);
  EXPECT_EQ(Load()->DeathsOf(key_), 0);
}

TEST_F(AttemptLogTest, BeginsAnewWhereItCannotBeRead) {
  for (const char* text : {"", "[]", "{\"a\":1}", "{", "7"}) {
    std::ofstream(directory_ + "/attempts.json", std::ios::trunc) << text;
    EXPECT_EQ(Load()->DeathsOf(key_), 0) << text;
    ASSERT_TRUE(Load()->Begin(key_, 0).ok());
    EXPECT_EQ(Load()->DeathsOf(key_), 1);
  }
}

TEST_F(AttemptLogTest, DoesNotGrowForEver) {
  const auto log = Load();
  for (int i = 0; i < 250; ++i) {
    ASSERT_TRUE(log->Begin(Sha256(std::to_string(i)), 0).ok());
  }
  EXPECT_EQ(Load()->DeathsOf(Sha256("0")), 0);
  EXPECT_EQ(Load()->DeathsOf(Sha256("249")), 1);
}

}  // namespace
}  // namespace archpool
