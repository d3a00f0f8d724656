// SPDX-License-Identifier: Apache-2.0
#include "common/tls/certificate.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

class CertificateTest : public ::testing::Test {
 protected:
  const SigningKey key_ = SigningKey::Generate();
  const std::string authority_ = MakeAuthority(key_, kNow);
  const CertificatePair pair_ =
      IssueCertificate(key_, authority_, {"pool.example.org", "::1"}, kNow);
};

TEST_F(CertificateTest, TheAuthoritysPinIsItsKeys) {
  const auto facts = ReadChain(authority_);
  ASSERT_THAT(facts, IsOk());
  const auto again = ReadChain(MakeAuthority(key_, kNow + absl::Hours(1)));
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(facts->pin, again->pin) << "made again, it is known by the same";
  EXPECT_EQ(facts->not_after, kNow + kAuthorityTerm);
  const auto other = ReadChain(MakeAuthority(SigningKey::Generate(), kNow));
  ASSERT_THAT(other, IsOk());
  EXPECT_NE(facts->pin, other->pin);
}

TEST_F(CertificateTest, AnIssuedPairIsRightAndHasTheAuthoritysPin) {
  const auto facts = CheckPair(pair_);
  ASSERT_THAT(facts, IsOk());
  EXPECT_EQ(facts->pin, ReadChain(authority_)->pin);
  EXPECT_NE(facts->first_pin, facts->pin);
  EXPECT_EQ(facts->not_after, kNow + kCertificateTerm);
  EXPECT_LT(facts->not_before, kNow);
  const CertificatePair next = IssueCertificate(key_, authority_, {}, kNow);
  EXPECT_NE(next.key, pair_.key) << "each has a key of its own";
}

// What is no name at all is left out, and the rest is kept.
TEST_F(CertificateTest, OddNamesAreNoTrouble) {
  EXPECT_THAT(
      CheckPair(IssueCertificate(key_, authority_,
                                 {"", "a,DNS:evil.example", "under_score",
                                  "0.0.0.0", "::", "localhost"},
                                 kNow)),
      IsOk());
}

TEST_F(CertificateTest, AnothersKeyIsAMismatch) {
  const CertificatePair other = IssueCertificate(key_, authority_, {}, kNow);
  EXPECT_THAT(CheckPair({pair_.certificates, other.key}),
              FailsWith("CERTIFICATE_KEY_MISMATCH"));
  EXPECT_THAT(CheckPair({authority_ + pair_.certificates, pair_.key}),
              FailsWith("CERTIFICATE_KEY_MISMATCH"))
      << "the issuer stands first";
}

TEST_F(CertificateTest, HalfWrittenFilesAreSeenAsSuch) {
  for (const size_t size : {size_t{0}, size_t{10}, authority_.size() / 2}) {
    EXPECT_THAT(ReadChain(authority_.substr(0, size)),
                FailsWith("CERTIFICATE_MALFORMED"))
        << size;
  }
  const size_t in_second = pair_.certificates.size() - 100;
  EXPECT_THAT(CheckPair({pair_.certificates.substr(0, in_second), pair_.key}),
              FailsWith("CERTIFICATE_MALFORMED"));
  EXPECT_THAT(CheckPair({pair_.certificates,
                         pair_.key.substr(0, pair_.key.size() / 2)}),
              FailsWith("CERTIFICATE_KEY_MALFORMED"));
  EXPECT_THAT(CheckPair({pair_.certificates, ""}),
              FailsWith("CERTIFICATE_KEY_MALFORMED"));
  EXPECT_THAT(CheckPair({pair_.key, pair_.key}),
              FailsWith("CERTIFICATE_MALFORMED"));
  EXPECT_THAT(ReadChain(std::string(2 << 20, 'x')),
              FailsWith("CERTIFICATE_MALFORMED"));
}

}  // namespace
}  // namespace archpool
