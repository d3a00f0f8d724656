// SPDX-License-Identifier: Apache-2.0
#include "common/channel/retry.h"

#include <string>
#include <vector>

#include "common/base/status.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

const RetryPolicy kQuick = {.pause_min = absl::Microseconds(10),
                            .pause_max = absl::Microseconds(80)};

TEST(BackoffTest, DrawsFromTheUpperHalfOfARangeThatDoubles) {
  const RetryPolicy policy = {.pause_min = absl::Seconds(1),
                              .pause_max = absl::Seconds(4)};
  Backoff backoff(policy);
  for (const int range_s : {1, 2, 4, 4}) {
    const absl::Duration pause = backoff.Next();
    EXPECT_GE(pause, absl::Seconds(range_s) / 2);
    EXPECT_LE(pause, absl::Seconds(range_s));
  }
  backoff.Reset();
  EXPECT_LE(backoff.Next(), absl::Seconds(1));
}

TEST(RetryTest, TriesAgainWhileTheServerIsAway) {
  int tries = 0;
  const absl::Status status = RetryWhileTransient(kQuick, {}, [&tries] {
    return ++tries < 5 ? Unavailable("SERVER_UNREACHABLE", "gone")
                       : absl::OkStatus();
  });
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(tries, 5);
}

TEST(RetryTest, DoesNotRepeatARefusal) {
  int tries = 0;
  const absl::StatusOr<int> result =
      RetryWhileTransient(kQuick, {}, [&tries]() -> absl::StatusOr<int> {
        ++tries;
        return FailedPrecondition("ACCOUNT_SUSPENDED", "no");
      });
  EXPECT_EQ(GetReason(result.status()), "ACCOUNT_SUSPENDED");
  EXPECT_EQ(tries, 1);
}

TEST(RetryTest, GivesUpWhereThePolicySaysSo) {
  RetryPolicy policy = kQuick;
  policy.give_up_after = absl::ZeroDuration();
  int tries = 0;
  const absl::Status status = RetryWhileTransient(policy, {}, [&tries] {
    ++tries;
    return Unavailable("SERVER_UNREACHABLE", "gone");
  });
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_EQ(tries, 1);
}

TEST(RetryTest, TellsWhatItWaitsFor) {
  RetryPolicy policy = kQuick;
  std::vector<std::string> reasons;
  absl::Duration last;
  policy.on_wait = [&](const absl::Status& why, absl::Duration waited) {
    reasons.push_back(GetReason(why));
    EXPECT_GE(waited, last);
    last = waited;
  };
  int tries = 0;
  EXPECT_TRUE(RetryWhileTransient(policy, {}, [&tries] {
                switch (++tries) {
                  case 1:
                    return Unavailable("SERVER_UNREACHABLE", "gone");
                  case 2:
                    return Unavailable("STORAGE_FULL", "full");
                  default:
                    return absl::OkStatus();
                }
              }).ok());
  EXPECT_EQ(reasons,
            (std::vector<std::string>{"SERVER_UNREACHABLE", "STORAGE_FULL"}));
}

TEST(RetryTest, StopsWhenAsked) {
  std::stop_source source;
  int tries = 0;
  const absl::Status status = RetryWhileTransient(
      {.pause_min = absl::InfiniteDuration()}, source.get_token(), [&] {
        ++tries;
        source.request_stop();
        return Unavailable("SERVER_UNREACHABLE", "gone");
      });
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_EQ(tries, 1);
}

}  // namespace
}  // namespace archpool
