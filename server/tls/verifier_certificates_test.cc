// SPDX-License-Identifier: Apache-2.0
// What the pool makes of a verifier's certificate, and of the file of revoked
// ones.
#include "server/tls/verifier_certificates.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/tls/verifier_certificate.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);
constexpr absl::Duration kTerm = absl::Hours(24 * 365);

class VerifierCertificatesTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<VerifierCertificates>> Open(
      CertificateDemand demand = CertificateDemand::kRequired) const {
    return VerifierCertificates::Open(folder_, key_.public_key(), demand);
  }
  std::string Sign(const SigningKey& key, const std::string& account,
                   int64_t series = 1) const {
    const auto made = SignVerifierCertificate(
        key, request_.request,
        {.account = account, .series = series, .not_after = kNow + kTerm},
        kNow);
    EXPECT_THAT(made, IsOk());
    return made.value_or("");
  }
  void WriteSeries(const std::string& text) const {
    std::filesystem::create_directories(folder_);
    std::ofstream(folder_ + "/verifier-series") << text;
  }

  const TemporaryDirectory directory_;
  const std::string folder_ = directory_.path() + "/tls";
  const SigningKey key_ = SigningKey::Generate();
  const CertificateRequest request_ = MakeCertificateRequest();
};

TEST_F(VerifierCertificatesTest, EachRefusalSaysWhatIsWrong) {
  const auto opened = Open();
  ASSERT_THAT(opened, IsOk());
  const VerifierCertificates& pool = **opened;
  const std::string right = Sign(key_, "victor");
  const auto left = pool.Admit("victor", right, kNow);
  ASSERT_THAT(left, IsOk());
  EXPECT_EQ(*left, kTerm);
  EXPECT_THAT(pool.Admit("victor", "", kNow),
              FailsWith("CERTIFICATE_REQUIRED"));
  EXPECT_THAT(pool.Admit("victor", "no certificate", kNow),
              FailsWith("CERTIFICATE_UNTRUSTED"));
  EXPECT_THAT(
      pool.Admit("victor", Sign(SigningKey::Generate(), "victor"), kNow),
      FailsWith("CERTIFICATE_UNTRUSTED"));
  const auto of_another = pool.Admit("wanda", right, kNow);
  EXPECT_THAT(of_another, FailsWith("CERTIFICATE_OF_ANOTHER"));
  EXPECT_THAT(std::string(of_another.status().message()), HasSubstr("victor"));
  EXPECT_THAT(pool.Admit("victor", right, kNow, /*is_suspended=*/true),
              FailsWith("CERTIFICATE_SUSPENDED"));
  EXPECT_THAT(pool.Admit("victor", right, kNow + kTerm),
              FailsWith("CERTIFICATE_EXPIRED"));
}

// A clock that went back is the pool's own: the certificate is as good as ever.
TEST_F(VerifierCertificatesTest, NobodyAsksWhenItBegins) {
  const auto opened = Open();
  ASSERT_THAT(opened, IsOk());
  EXPECT_THAT((*opened)->Admit("victor", Sign(key_, "victor"),
                               kNow - absl::Hours(24 * 30)),
              IsOk());
}

TEST_F(VerifierCertificatesTest, RevokingIsHeardOfWithoutARestart) {
  const auto opened = Open();
  ASSERT_THAT(opened, IsOk());
  VerifierCertificates& pool = **opened;
  const std::string first = Sign(key_, "victor");
  const auto series = RevokeCertificates(folder_, "victor");
  ASSERT_THAT(series, IsOk());
  EXPECT_EQ(*series, 2);
  pool.Round();
  EXPECT_THAT(pool.Admit("victor", first, kNow),
              FailsWith("CERTIFICATE_REVOKED"));
  EXPECT_THAT(pool.Admit("victor", Sign(key_, "victor", *series), kNow),
              IsOk());
  EXPECT_THAT(pool.Admit("wanda", Sign(key_, "wanda"), kNow), IsOk())
      << "another account's";
  const auto again = RevokeCertificates(folder_, "victor");
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(*again, 3);
  const auto kept = ReadCertificateSeries(folder_);
  ASSERT_THAT(kept, IsOk());
  EXPECT_EQ(*kept, (CertificateSeries{{"victor", 3}}));
}

TEST_F(VerifierCertificatesTest, ADamagedFileChangesNothing) {
  WriteSeries("victor 2\n");
  const auto opened = Open();
  ASSERT_THAT(opened, IsOk());
  VerifierCertificates& pool = **opened;
  const std::string first = Sign(key_, "victor");
  for (const char* damaged :
       {"victor\n", "victor two\n", "victor 0\n", "VICTOR 2\n", "a 1 2\n"}) {
    WriteSeries(damaged);
    pool.Round();
    pool.Round();
    EXPECT_THAT(pool.Admit("victor", first, kNow),
                FailsWith("CERTIFICATE_REVOKED"))
        << damaged;
    EXPECT_THAT(Open(), FailsWith("VERIFIER_SERIES_MALFORMED")) << damaged;
    EXPECT_THAT(RevokeCertificates(folder_, "wanda"),
                FailsWith("VERIFIER_SERIES_MALFORMED"))
        << damaged;
  }
  // Nor does one that was put back from before, until the next start.
  WriteSeries(" victor\t1 \r\n\n");
  pool.Round();
  EXPECT_THAT(pool.Admit("victor", first, kNow),
              FailsWith("CERTIFICATE_REVOKED"));
  const auto anew = Open();
  ASSERT_THAT(anew, IsOk());
  EXPECT_THAT((*anew)->Admit("victor", first, kNow), IsOk());
}

TEST_F(VerifierCertificatesTest, AFileThatIsGoneForgivesNothing) {
  WriteSeries("victor 2\n");
  const auto opened = Open();
  ASSERT_THAT(opened, IsOk());
  std::filesystem::remove(folder_ + "/verifier-series");
  (*opened)->Round();
  EXPECT_THAT((*opened)->Admit("victor", Sign(key_, "victor"), kNow),
              FailsWith("CERTIFICATE_REVOKED"));
}

// Each is another operator, or a script: none is told that it is done and is
// then written over.
TEST_F(VerifierCertificatesTest, RevokingAtOnceLosesNone) {
  std::vector<std::thread> operators;
  for (int i = 0; i < 8; ++i) {
    operators.emplace_back([&, i] {
      EXPECT_THAT(RevokeCertificates(folder_, absl::StrCat("v", i)), IsOk());
    });
  }
  for (std::thread& one : operators) one.join();
  const auto kept = ReadCertificateSeries(folder_);
  ASSERT_THAT(kept, IsOk());
  EXPECT_EQ(kept->size(), 8u);
}

TEST_F(VerifierCertificatesTest, AcceptedServesWhoHasNone) {
  const auto opened = Open(CertificateDemand::kAccepted);
  ASSERT_THAT(opened, IsOk());
  const auto bare = (*opened)->Admit("victor", "", kNow);
  ASSERT_THAT(bare, IsOk());
  EXPECT_EQ(*bare, std::nullopt);
  const auto certified = (*opened)->Admit("victor", Sign(key_, "victor"), kNow);
  ASSERT_THAT(certified, IsOk());
  EXPECT_EQ(*certified, kTerm);
}

TEST_F(VerifierCertificatesTest, EachGenerationHasAnAuthorityOfItsOwn) {
  EXPECT_NE(VerifierAuthorityDomain(1), VerifierAuthorityDomain(2));
}

}  // namespace
}  // namespace archpool
