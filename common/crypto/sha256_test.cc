#include "common/crypto/sha256.h"

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

// RFC 4231, test case 2.
TEST(Sha256Test, HmacMatchesTheRfcsExample) {
  const std::string key = "Jefe";
  const std::string data = "what do ya want for nothing?";
  const Digest digest = HmacSha256(
      absl::Span<const uint8_t>(reinterpret_cast<const uint8_t*>(key.data()),
                                key.size()),
      absl::Span<const uint8_t>(reinterpret_cast<const uint8_t*>(data.data()),
                                data.size()));
  EXPECT_EQ(digest.ToString(),
            "5bdcc146bf60754e6a042426089575c7"
            "5a003f089d2739839dec58b964ec3843");
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
