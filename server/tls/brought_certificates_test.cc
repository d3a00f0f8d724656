// SPDX-License-Identifier: Apache-2.0
#include "server/tls/brought_certificates.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;

class BroughtCertificatesTest : public ::testing::Test {
 protected:
  CertificatePair Issue() const {
    return IssueCertificate(key_, MakeAuthority(key_, now_), {}, now_);
  }
  static void Write(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
  }

  const absl::Time now_ = absl::Now();
  const SigningKey key_ = SigningKey::Generate();
  const TemporaryDirectory directory_;
  const std::string certificate_ = directory_.path() + "/server.pem";
  const std::string secret_ = directory_.path() + "/server.key";
  BroughtCertificates brought_{certificate_, secret_};
};

TEST_F(BroughtCertificatesTest, EachPairIsAnsweredOnce) {
  const CertificatePair first = Issue();
  Write(certificate_, first.certificates);
  Write(secret_, first.key);
  auto found = brought_.Look(now_);
  ASSERT_THAT(found, IsOk());
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((*found)->pair, first);
  EXPECT_FALSE((*brought_.Look(now_)).has_value());

  const CertificatePair second = Issue();
  Write(certificate_, second.certificates);
  const auto between = brought_.Look(now_);
  EXPECT_THAT(between, FailsWith("CERTIFICATE_KEY_MISMATCH"));
  EXPECT_THAT(std::string(between.status().message()), HasSubstr(certificate_));
  Write(secret_, second.key);
  found = brought_.Look(now_);
  ASSERT_THAT(found, IsOk());
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((*found)->pair, second);
}

TEST_F(BroughtCertificatesTest, WhatIsMissingIsNamed) {
  const CertificatePair pair = Issue();
  EXPECT_THAT(brought_.Look(now_), FailsWith("FILE_NOT_FOUND"));
  Write(certificate_, pair.certificates);
  const auto missing = brought_.Look(now_);
  EXPECT_THAT(missing, FailsWith("FILE_NOT_FOUND"));
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr(secret_));
  Write(secret_, pair.key);
  EXPECT_TRUE((*brought_.Look(now_)).has_value());
  std::filesystem::remove(secret_);
  EXPECT_THAT(brought_.Look(now_), FailsWith("FILE_NOT_FOUND"));
  Write(secret_, pair.key);
  EXPECT_FALSE((*brought_.Look(now_)).has_value()) << "the same as before";
}

}  // namespace
}  // namespace archpool
