// SPDX-License-Identifier: Apache-2.0
#include "server/tls/certificate_keeper.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "common/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;

class HandClock : public Clock {
 public:
  absl::Time Now() const override { return now; }
  absl::Time now = absl::FromUnixSeconds(1'800'000'000);
};

// Answers what a test puts there.
class HandSource : public CertificateSource {
 public:
  explicit HandSource(absl::StatusOr<std::optional<CheckedPair>>& next)
      : next_(next) {}
  absl::StatusOr<std::optional<CheckedPair>> Look(absl::Time) override {
    return next_;
  }

 private:
  absl::StatusOr<std::optional<CheckedPair>>& next_;
};

class CertificateKeeperTest : public ::testing::Test {
 protected:
  CheckedPair Issue() const {
    CertificatePair pair =
        IssueCertificate(key_, MakeAuthority(key_, clock_.now), {}, clock_.now);
    const auto facts = CheckPair(pair);
    EXPECT_THAT(facts, IsOk());
    return {std::move(pair), *facts};
  }
  absl::StatusOr<std::unique_ptr<CertificateKeeper>> Open() {
    return CertificateKeeper::Open(clock_, std::make_unique<HandSource>(next_));
  }
  // What a look says.
  static std::string Look(CertificateKeeper& keeper) {
    CaptureStderr();
    keeper.Round();
    return GetCapturedStderr();
  }

  const SigningKey key_ = SigningKey::Generate();
  HandClock clock_;
  absl::StatusOr<std::optional<CheckedPair>> next_ = std::nullopt;
};

TEST_F(CertificateKeeperTest, AServerWithoutACertificateDoesNotStart) {
  next_ = InvalidArgument("CERTIFICATE_MALFORMED", "no");
  EXPECT_THAT(Open(), FailsWith("CERTIFICATE_MALFORMED"));
}

TEST_F(CertificateKeeperTest, ANewOneIsServedAtOnce) {
  const CheckedPair first = Issue();
  next_ = first;
  const auto keeper = Open();
  ASSERT_THAT(keeper, IsOk());
  EXPECT_EQ((*keeper)->served().Current()->served.pair, first.pair);
  const int64_t number = (*keeper)->served().Current()->number;
  const CheckedPair second = Issue();
  next_ = second;
  EXPECT_THAT(Look(**keeper), HasSubstr("event=certificate_renewed"));
  EXPECT_EQ((*keeper)->served().Current()->served.pair, second.pair);
  EXPECT_EQ((*keeper)->served().Current()->number, number + 1);
}

// Two files cannot be replaced at once: the first look may come in between.
TEST_F(CertificateKeeperTest, AWrongOneKeepsTheLastAndIsSaidOnce) {
  const CheckedPair first = Issue();
  next_ = first;
  const auto keeper = Open();
  ASSERT_THAT(keeper, IsOk());
  next_ = InvalidArgument("CERTIFICATE_KEY_MISMATCH", "not its key");
  const auto refused = HasSubstr("event=certificate_refused");
  EXPECT_THAT(Look(**keeper), Not(refused));
  EXPECT_THAT(Look(**keeper), refused);
  EXPECT_THAT(Look(**keeper), Not(refused));
  EXPECT_EQ((*keeper)->served().Current()->served.pair, first.pair);
  next_ = std::nullopt;  // the last one is in place again
  EXPECT_EQ(Look(**keeper), "");
  next_ = InvalidArgument("CERTIFICATE_KEY_MISMATCH", "not its key");
  EXPECT_THAT(Look(**keeper), Not(refused));
  EXPECT_THAT(Look(**keeper), refused) << "it is another time";
}

TEST_F(CertificateKeeperTest, AnEndIsSaidADayAtATime) {
  next_ = Issue();
  const auto keeper = Open();
  ASSERT_THAT(keeper, IsOk());
  next_ = std::nullopt;
  const auto ends = HasSubstr("event=certificate_ends");
  EXPECT_THAT(Look(**keeper), Not(ends));
  clock_.now += kCertificateTerm - absl::Hours(24 * 6);
  EXPECT_THAT(Look(**keeper), ends);
  EXPECT_THAT(Look(**keeper), Not(ends));
  clock_.now += absl::Hours(25);
  EXPECT_THAT(Look(**keeper), ends);
  next_ = Issue();
  EXPECT_THAT(Look(**keeper), Not(ends));
}

}  // namespace
}  // namespace archpool
