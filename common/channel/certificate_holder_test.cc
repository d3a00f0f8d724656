// SPDX-License-Identifier: Apache-2.0
#include "common/channel/certificate_holder.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "common/base/status.h"
#include "common/tls/verifier_certificate.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

class CertificateHolderTest : public ::testing::Test {
 protected:
  CertificatePair NewPair() const {
    const CertificateRequest made = MakeCertificateRequest();
    const absl::Time now = absl::Now();
    const auto certificate = SignVerifierCertificate(
        authority_, made.request,
        {.account = "victor", .not_after = now + absl::Hours(24)}, now);
    EXPECT_THAT(certificate, IsOk());
    return {.certificates = certificate.value_or(""), .key = made.key};
  }
  void Put(const CertificatePair& pair, mode_t mode = 0600) const {
    std::ofstream(files_.certificate) << pair.certificates;
    std::ofstream(files_.key) << pair.key;
    ASSERT_EQ(chmod(files_.key.c_str(), mode), 0);
  }
  static void PassALook() { absl::SleepFor(absl::Milliseconds(2'100)); }

  const TemporaryDirectory directory_;
  const CertificateFiles files_{directory_.path() + "/v.pem",
                                directory_.path() + "/v.key"};
  const SigningKey authority_ = SigningKey::Generate();
};

TEST_F(CertificateHolderTest, NoneIsNamedOrBoth) {
  const auto none = CertificateHolder::Open({});
  ASSERT_THAT(none, IsOk());
  EXPECT_EQ(*none, nullptr);
  EXPECT_THAT(CertificateHolder::Open({files_.certificate, ""}),
              FailsWith("CERTIFICATE_FLAGS"));
  EXPECT_THAT(CertificateHolder::Open({"", files_.key}),
              FailsWith("CERTIFICATE_FLAGS"));
}

TEST_F(CertificateHolderTest, FilesThatCannotBeUsedSayWhy) {
  EXPECT_THAT(ReadCertificateFiles(files_), FailsWith("FILE_NOT_FOUND"));
  const CertificatePair pair = NewPair();
  Put(pair);
  EXPECT_THAT(ReadCertificateFiles(files_), IsOk());
  Put({.certificates = pair.certificates, .key = NewPair().key});
  EXPECT_THAT(ReadCertificateFiles(files_),
              FailsWith("CERTIFICATE_KEY_MISMATCH"));
  Put({.certificates = "none", .key = pair.key});
  EXPECT_THAT(ReadCertificateFiles(files_), FailsWith("CERTIFICATE_MALFORMED"));
  Put({.certificates = pair.certificates, .key = "none"});
  EXPECT_THAT(ReadCertificateFiles(files_),
              FailsWith("CERTIFICATE_KEY_MALFORMED"));
}

TEST_F(CertificateHolderTest, AKeyThatOthersReadIsNoSecret) {
  const CertificatePair pair = NewPair();
  for (const mode_t mode : {0604, 0620, 0602, 0666, 0644}) {
    Put(pair, mode);
    EXPECT_THAT(ReadCertificateFiles(files_),
                FailsWith("CERTIFICATE_KEY_EXPOSED"))
        << mode;
  }
  // As service managers hand it over.
  for (const mode_t mode : {0600, 0400, 0440, 0640}) {
    Put(pair);
    ASSERT_EQ(chmod(files_.key.c_str(), mode), 0);
    EXPECT_THAT(ReadCertificateFiles(files_), IsOk()) << mode;
    ASSERT_EQ(chmod(files_.key.c_str(), 0600), 0);
  }
}

TEST_F(CertificateHolderTest, FilesAreReadAgainWhileTheProgramRuns) {
  const CertificatePair first = NewPair();
  Put(first);
  const auto opened = CertificateHolder::Open(files_);
  ASSERT_THAT(opened, IsOk());
  CertificateHolder& holder = **opened;
  const auto shown = holder.Current();
  EXPECT_EQ(*shown, first);
  const CertificatePair next = NewPair();
  // Half way between the two.
  Put({.certificates = next.certificates, .key = first.key});
  PassALook();
  EXPECT_EQ(holder.Current(), shown);
  std::filesystem::remove(files_.key);
  PassALook();
  EXPECT_EQ(holder.Current(), shown);
  Put(next);
  PassALook();
  const auto renewed = holder.Current();
  EXPECT_EQ(*renewed, next);
  PassALook();
  EXPECT_EQ(holder.Current(), renewed) << "the same object";
}

TEST_F(CertificateHolderTest, ARefusalIsWaitedFor) {
  Put(NewPair());
  const auto opened = CertificateHolder::Open(files_);
  ASSERT_THAT(opened, IsOk());
  CertificateHolder& holder = **opened;
  const absl::Status refusal = MakeError(absl::StatusCode::kUnauthenticated,
                                         "CERTIFICATE_EXPIRED", "over");
  const absl::Status heard = holder.Heard(refusal);
  EXPECT_TRUE(absl::IsUnavailable(heard)) << heard;
  EXPECT_THAT(heard, FailsWith("CERTIFICATE_EXPIRED"));
  for (const absl::Status& other :
       {absl::OkStatus(),
        MakeError(absl::StatusCode::kUnauthenticated, "TOKEN_REVOKED", "over"),
        InvalidArgument("CERTIFICATE_MALFORMED", "none")}) {
    EXPECT_EQ(holder.Heard(other), other);
  }
}

}  // namespace
}  // namespace archpool
