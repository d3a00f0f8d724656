// SPDX-License-Identifier: Apache-2.0
#include "server/tls/own_certificates.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

mode_t ModeOf(const std::string& path) {
  struct stat found {};
  EXPECT_EQ(stat(path.c_str(), &found), 0) << path;
  return found.st_mode & 0777;
}

class OwnCertificatesTest : public ::testing::Test {
 protected:
  absl::StatusOr<OwnCertificates> Open(absl::Time now = kNow) {
    return OwnCertificates::Open(folder_, key_, {"localhost"}, now);
  }
  Pin PinAtOpen() {
    auto own = Open();
    EXPECT_THAT(own, IsOk());
    return (*own->Look(kNow))->facts.pin;
  }
  std::string Kept() const {
    std::ifstream file(AuthorityPath(folder_));
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void Keep(const std::string& bytes) const {
    std::ofstream(AuthorityPath(folder_)) << bytes;
  }

  const TemporaryDirectory directory_;
  const std::string folder_ = directory_.path() + "/tls";
  const SigningKey key_ = SigningKey::Generate();
};

TEST_F(OwnCertificatesTest, ThePinLastsAsLongAsTheSecret) {
  const Pin pin = PinAtOpen();
  EXPECT_EQ(ModeOf(folder_), 0700u);
  EXPECT_EQ(ModeOf(AuthorityPath(folder_)), 0600u);
  const std::string kept = Kept();
  EXPECT_EQ(ReadChain(kept)->pin, pin);
  EXPECT_EQ(PinAtOpen(), pin);
  EXPECT_EQ(Kept(), kept) << "it is not made again";
  std::filesystem::remove_all(folder_);
  EXPECT_EQ(PinAtOpen(), pin) << "of a backup without it";
}

TEST_F(OwnCertificatesTest, ADamagedOrForeignCertificateIsReplaced) {
  const Pin pin = PinAtOpen();
  const std::string whole = Kept();
  for (const std::string& bytes :
       {std::string(), whole.substr(0, whole.size() / 2),
        MakeAuthority(SigningKey::Generate(), kNow)}) {
    Keep(bytes);
    EXPECT_EQ(PinAtOpen(), pin);
    EXPECT_EQ(ReadChain(Kept())->pin, pin);
  }
}

TEST_F(OwnCertificatesTest, AFolderThatCannotBeMadeIsSaid) {
  std::ofstream(folder_) << "a file";
  EXPECT_THAT(Open(), FailsWith("FILE_UNWRITABLE"));
}

TEST_F(OwnCertificatesTest, ANewCertificateComesLongBeforeTheLastEnds) {
  auto own = Open();
  ASSERT_THAT(own, IsOk());
  const auto first = own->Look(kNow);
  ASSERT_THAT(first, IsOk());
  ASSERT_TRUE(first->has_value());
  const absl::Time due = (*first)->facts.not_after - kRenewalTerm;
  EXPECT_FALSE((*own->Look(due - absl::Seconds(1))).has_value());
  const auto next = own->Look(due);
  ASSERT_THAT(next, IsOk());
  ASSERT_TRUE(next->has_value());
  EXPECT_EQ((*next)->facts.pin, (*first)->facts.pin);
  EXPECT_NE((*next)->pair.key, (*first)->pair.key);
  EXPECT_EQ((*next)->facts.not_after, due + kCertificateTerm);
}

// The system's clock was years ahead when it was made.
TEST_F(OwnCertificatesTest, ACertificateOfTheFutureIsReplaced) {
  auto own = Open();
  ASSERT_THAT(own, IsOk());
  ASSERT_TRUE((*own->Look(kNow + absl::Hours(24 * 1'000))).has_value());
  EXPECT_TRUE((*own->Look(kNow)).has_value());
}

TEST_F(OwnCertificatesTest, TheGenerationIsANumberOrNothing) {
  std::filesystem::create_directory(folder_);
  EXPECT_EQ(*ReadGeneration(folder_), 1);
  std::ofstream(folder_ + "/generation") << "2\n";
  EXPECT_EQ(*ReadGeneration(folder_), 2);
  EXPECT_NE(AuthorityDomain(1), AuthorityDomain(2));
  for (const char* bad : {"", "0", "-1", "two", "1 2"}) {
    std::ofstream(folder_ + "/generation") << bad;
    EXPECT_THAT(ReadGeneration(folder_), FailsWith("TLS_GENERATION_MALFORMED"))
        << bad;
  }
}

}  // namespace
}  // namespace archpool
