// SPDX-License-Identifier: Apache-2.0
// Whom a pool takes a verifier's certificate for. That a handshake proves the
// key, tls_credentials_test shows.
#include "common/tls/verifier_certificate.h"

#include <string>

#include "common/tls/certificate.h"
#include "common/tls/server_check.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

// One bit of its signature is another.
constexpr char kFalseRequest[] =
    "-----BEGIN CERTIFICATE REQUEST-----\n"
    "MIHFMG4CAQAwDDEKMAgGA1UEAwwBdjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IA\n"
    "BIuw73TNwYwcVdkrXEcJSM1Ogg2aHxfI62Sa+mfn6xUSDPXYwfkeCApVAghx+o8n\n"
    "jZtz1xzYVSlHnubmhWAkGamgADAKBggqhkjOPQQDAgNHADBEAiA8bJ8TwkLCLazl\n"
    "WtQYR6oy6rztA8mZCMEu93TI3HqlNgIgTwWdAEv+irfkgQ6DXil+kSBvO/Wpkaet\n"
    "iwcE0INbc3k=\n"
    "-----END CERTIFICATE REQUEST-----\n";
// For an RSA key of 1,024 bits.
constexpr char kWeakRequest[] =
    "-----BEGIN CERTIFICATE REQUEST-----\n"
    "MIIBSzCBtQIBADAMMQowCAYDVQQDDAF2MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCB\n"
    "iQKBgQCcciz00RRH+VO6NY6yJweFfobA0qIiCoRhH3wTJm2AD6RFLl7SZERJ4C5o\n"
    "lXxIPZg9AuD/S31N33edcF1aQSvIXUhED0v4s1PwFG1nl/NpHeSHP7JjEfwR/zk+\n"
    "S3I+9pxvEdzxijl3zvKihaoAUQJaNNGsTRT/ZqzHceJ9k5pTbwIDAQABoAAwDQYJ\n"
    "KoZIhvcNAQELBQADgYEAaYDPFNSoYPPkDl2mXQbrn+IGKeg996gpf2jubCw68kyN\n"
    "iIR+i5CBdBls8IKJgOR8Ab5+CDkNwpnvSmUPp3Eo+mSJHwF6abVAjNAsxFIPuOsq\n"
    "z6NVIT4D7GcyIebC2vd/LeSUsejONUAYdgLKjoTRXQW89jBderUPbwF8Aa9hMX4=\n"
    "-----END CERTIFICATE REQUEST-----\n";

class VerifierCertificateTest : public ::testing::Test {
 protected:
  std::string Sign(const std::string& account, int64_t series = 1) const {
    const auto made = SignVerifierCertificate(
        key_, request_.request,
        {.account = account, .series = series, .not_after = End()}, kNow);
    EXPECT_THAT(made, IsOk());
    return made.value_or("");
  }
  static absl::Time End() { return kNow + absl::Hours(24 * 365); }

  const SigningKey key_ = SigningKey::Generate();
  const CertificateRequest request_ = MakeCertificateRequest();
};

TEST_F(VerifierCertificateTest, ItSaysWhatTheOperatorSigned) {
  const auto read =
      ReadVerifierCertificate(key_.public_key(), Sign("victor-2", 7));
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(*read,
            (VerifierCertificate{
                .account = "victor-2", .series = 7, .not_after = End()}));
}

TEST_F(VerifierCertificateTest, ItIsOfTheKeyThatAsked) {
  const std::string certificate = Sign("victor");
  EXPECT_THAT(CheckPair({certificate, request_.key}), IsOk());
  EXPECT_THAT(CheckPair({certificate, MakeCertificateRequest().key}),
              FailsWith("CERTIFICATE_KEY_MISMATCH"));
}

TEST_F(VerifierCertificateTest, NobodyElseSignsOne) {
  const SigningKey other = SigningKey::Generate();
  EXPECT_THAT(ReadVerifierCertificate(other.public_key(), Sign("victor")),
              FailsWith("CERTIFICATE_UNTRUSTED"));
  // What the pool's server shows is of its other authority; even one of this
  // key's names no account.
  const std::string server =
      IssueCertificate(key_, MakeAuthority(key_, kNow), {}, kNow).certificates;
  EXPECT_THAT(ReadVerifierCertificate(key_.public_key(), server),
              FailsWith("CERTIFICATE_UNTRUSTED"));
  EXPECT_THAT(ReadVerifierCertificate(key_.public_key(), "nothing"),
              FailsWith("CERTIFICATE_MALFORMED"));
}

// Its signature is over all of it.
TEST_F(VerifierCertificateTest, AChangedOneIsNobodys) {
  const std::string certificate = Sign("victor");
  int changed = 0;
  const size_t begin = certificate.find('\n') + 1;
  // Bits of the last character may be of no byte.
  const size_t end = certificate.rfind("\n-----END") - 8;
  for (size_t i = begin; i < end; i += 7) {
    std::string other = certificate;
    if (other[i] == '\n') continue;
    other[i] = other[i] == 'A' ? 'B' : 'A';
    if (other == certificate) continue;
    ++changed;
    const auto read = ReadVerifierCertificate(key_.public_key(), other);
    EXPECT_FALSE(read.ok()) << i;
  }
  EXPECT_GT(changed, 50);
}

// A pinned program looks at neither names nor dates.
TEST_F(VerifierCertificateTest, NoVerifierPassesForTheServer) {
  const SigningKey servers = SigningKey::Generate();
  const std::string authority = MakeAuthority(servers, kNow);
  const ServerTrust trust{.by = ServerTrust::By::kPin,
                          .pin = ReadChain(authority)->pin,
                          .source = "--server-pin"};
  EXPECT_THAT(CheckServer(trust, Sign("victor") + authority, "127.0.0.1"),
              FailsWith("SERVER_UNTRUSTED"));
}

TEST_F(VerifierCertificateTest, ARequestIsSignedByItsKeysOwner) {
  const auto sign = [this](const std::string& request) {
    return SignVerifierCertificate(
        key_, request, {.account = "victor", .not_after = End()}, kNow);
  };
  EXPECT_THAT(sign(""), FailsWith("CERTIFICATE_REQUEST_MALFORMED"));
  EXPECT_THAT(sign(request_.key), FailsWith("CERTIFICATE_REQUEST_MALFORMED"));
  EXPECT_THAT(sign(kFalseRequest), FailsWith("CERTIFICATE_REQUEST_MALFORMED"));
  EXPECT_THAT(sign(kWeakRequest), FailsWith("CERTIFICATE_UNUSABLE"));
}

}  // namespace
}  // namespace archpool
