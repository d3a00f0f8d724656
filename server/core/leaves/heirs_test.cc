// SPDX-License-Identifier: Apache-2.0
#include "server/core/leaves/heirs.h"

#include <algorithm>
#include <map>

#include "gtest/gtest.h"

namespace archpool {
namespace {

constexpr int64_t kQuestions = 1'000;

std::vector<SessionId> Sessions(int64_t count) {
  std::vector<SessionId> sessions;
  for (int64_t i = 1; i <= count; ++i) sessions.push_back({i});
  return sessions;
}

TEST(HeirsTest, QuestionsAreSpreadOverAll) {
  std::map<SessionId, int64_t> asked;
  for (int64_t i = 1; i <= kQuestions; ++i) {
    ++asked[HeirOf(AuditId{i}, Sessions(5))];
  }
  for (const SessionId session : Sessions(5)) {
    EXPECT_GT(asked[session], 140);
    EXPECT_LT(asked[session], 260);
  }
}

// Who trains a question's trial is not relieved half-way.
TEST(HeirsTest, WhoeverElseLeavesChangesNothing) {
  for (int64_t i = 1; i <= kQuestions; ++i) {
    const SessionId heir = HeirOf(AuditId{i}, Sessions(5));
    for (const SessionId gone : Sessions(5)) {
      std::vector<SessionId> left = Sessions(5);
      std::erase(left, gone);
      if (gone == heir) continue;
      EXPECT_EQ(HeirOf(AuditId{i}, left), heir);
    }
  }
}

TEST(HeirsTest, SilenceBeginsWhereSomebodyAsks) {
  Heirs heirs;
  const absl::Duration term = absl::Seconds(60);
  absl::Time now = absl::UnixEpoch();
  EXPECT_FALSE(heirs.IsSilent({1}, term, now)) << "after a restart";
  now += term;
  EXPECT_FALSE(heirs.IsSilent({1}, term, now));
  now += absl::Seconds(1);
  EXPECT_TRUE(heirs.IsSilent({1}, term, now));
  heirs.Hear({1}, now);
  EXPECT_FALSE(heirs.IsSilent({1}, term, now));
}

TEST(HeirsTest, OneThatWasNeverHeardIsNotThere) {
  Heirs heirs;
  const absl::Duration term = absl::Seconds(30);
  absl::Time now = absl::UnixEpoch();
  EXPECT_FALSE(heirs.IsSilent({1}, term, now));
  EXPECT_FALSE(heirs.IsThere({1}, term, now)) << "to be asked for is no sign";
  heirs.Hear({1}, now);
  now += term;
  EXPECT_TRUE(heirs.IsThere({1}, term, now));
  now += absl::Seconds(1);
  EXPECT_FALSE(heirs.IsThere({1}, term, now));
  heirs.Hear({1}, now);
  heirs.ForgetAll();
  EXPECT_TRUE(heirs.IsThere({1}, term, now)) << "it was heard all the same";
  heirs.Forget({1});
  EXPECT_FALSE(heirs.IsThere({1}, term, now));
}

}  // namespace
}  // namespace archpool
