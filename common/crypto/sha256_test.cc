// SPDX-License-Identifier: Apache-2.0
#include "common/crypto/sha256.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstdlib>
#include <string>

#include "common/base/status.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

// FIPS 180-4 example: the digest of "abc".
TEST(Sha256Test, MatchesTheStandardsExample) {
  EXPECT_EQ(Sha256("abc").ToString(),
            "ba7816bf8f01cfea414140de5dae2223"
            "b00361a396177a9cb410ff61f20015ad");
}

absl::Span<const uint8_t> BytesOf(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// RFC 4231, test cases 2 (a short key), 6 and 7 (keys longer than a block).
TEST(Sha256Test, HmacMatchesTheRfcsExamples) {
  const std::string long_key(131, '\xaa');
  const auto hmac = [](const std::string& key, const std::string& data) {
    return HmacSha256(BytesOf(key), BytesOf(data)).ToString();
  };
  EXPECT_EQ(hmac("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c7"
            "5a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(
      hmac(long_key, "Test Using Larger Than Block-Size Key - Hash Key First"),
      "60e431591ee0b67f0d8a26aacbf5b77f"
      "8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(hmac(long_key,
                 "This is a test using a larger than block-size key and a "
                 "larger than block-size data. The key needs to be hashed "
                 "before being used by the HMAC algorithm."),
            "9b09ffa71b942fcb27635fbcd5b0e944"
            "bfdc63644f0713938a7f51535c3a35e2");
}

// Another implementation of it: keys around the size of a block.
TEST(Sha256Test, HmacIsOpenSslsWhateverTheSizes) {
  const std::string text(200, 'k');
  for (const size_t key_size : {0u, 1u, 32u, 63u, 64u, 65u, 200u}) {
    for (const size_t data_size : {0u, 1u, 63u, 64u, 65u, 200u}) {
      const auto key = BytesOf(text).first(key_size);
      const auto data = BytesOf(text).first(data_size);
      Digest expected;
      ASSERT_NE(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                     data.data(), data.size(), expected.bytes.data(), nullptr),
                nullptr);
      EXPECT_EQ(HmacSha256(key, data), expected)
          << key_size << ", " << data_size;
    }
  }
}

TEST(Sha256Test, StreamEqualsOneShotHoweverItIsCut) {
  const std::string data(1000, 'x');
  for (size_t cut : {0u, 1u, 63u, 64u, 65u, 999u, 1000u}) {
    Sha256Stream stream;
    stream.Update(absl::string_view(data).substr(0, cut));
    stream.Update(absl::string_view(data).substr(cut));
    EXPECT_EQ(stream.Finish(), Sha256(data));
  }
}

// A thread of gRPC may be within OpenSSL when the process exits. The handler is
// registered before OpenSSL is used, so one of OpenSSL's would run before it,
// and nothing could begin in it any more.
TEST(Sha256DeathTest, OpenSslIsStillThereWhileTheProcessExits) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto exit_late = [] {
    std::atexit([] {
      std::_Exit(
          OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CRYPTO_STRINGS, nullptr) == 1
              ? 7
              : 8);
    });
    std::exit(Sha256("a") == Sha256("a") ? 1 : 2);
  };
  EXPECT_EXIT(exit_late(), testing::ExitedWithCode(7), "");
}

TEST(DigestTest, TextAndBytesRoundTripAndMalformedIsRefused) {
  const Digest digest = Sha256("x");
  EXPECT_EQ(*Digest::Parse(digest.ToString()), digest);
  EXPECT_EQ(*Digest::FromBytes(digest.AsBytes()), digest);
  for (const char* bad : {"", "00", "zz"}) {
    EXPECT_EQ(GetReason(Digest::Parse(bad).status()), "DIGEST_MALFORMED");
  }
  EXPECT_FALSE(Digest::FromBytes("short").ok());
}

}  // namespace
}  // namespace archpool
