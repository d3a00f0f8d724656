// SPDX-License-Identifier: Apache-2.0
#include "common/crypto/signature.h"

#include <string>

#include "absl/strings/escaping.h"
#include "common/base/hex.h"
#include "common/base/status.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

std::string BytesOf(const char* hex) {
  const auto bytes = FromHex(hex);
  EXPECT_TRUE(bytes.ok()) << hex;
  return {bytes->begin(), bytes->end()};
}

// RFC 8032, 7.1: tests 1 and 2.
TEST(SignatureTest, KnownSignatures) {
  struct Known {
    const char* seed;
    const char* public_key;
    const char* message;
    const char* signature;
  };
  const Known known[] = {
      {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
       "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
       "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821"
       "590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
      {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
       "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
       "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e"
       "43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"}};
  for (const Known& one : known) {
    const auto key = SigningKey::FromSeed(BytesOf(one.seed));
    ASSERT_TRUE(key.ok()) << key.status();
    EXPECT_EQ(absl::BytesToHexString(key->public_key().AsBytes()),
              one.public_key);
    const std::string message = BytesOf(one.message);
    const Signature signature = key->Sign(message);
    EXPECT_EQ(absl::BytesToHexString(signature.AsBytes()), one.signature);
    EXPECT_TRUE(VerifySignature(key->public_key(), message, signature));
  }
}

TEST(SignatureTest, NothingElsePasses) {
  const SigningKey key = SigningKey::Generate();
  const SigningKey other = SigningKey::Generate();
  EXPECT_NE(key.public_key(), other.public_key());
  const Signature signature = key.Sign("a commitment");
  EXPECT_TRUE(VerifySignature(key.public_key(), "a commitment", signature));
  EXPECT_FALSE(VerifySignature(key.public_key(), "another", signature));
  EXPECT_FALSE(VerifySignature(other.public_key(), "a commitment", signature));
  for (size_t i = 0; i < signature.bytes.size(); ++i) {
    Signature touched = signature;
    touched.bytes[i] ^= 1;
    EXPECT_FALSE(VerifySignature(key.public_key(), "a commitment", touched));
  }
}

TEST(SignatureTest, ASeedMakesTheSameKeyAgain) {
  const SigningKey key = SigningKey::Generate();
  const auto again = SigningKey::FromSeed(key.seed());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->public_key(), key.public_key());
  EXPECT_EQ(again->Sign("m"), key.Sign("m"));
}

TEST(SignatureTest, RefusesBytesOfAnotherLength) {
  EXPECT_EQ(GetReason(SigningKey::FromSeed("short").status()), "KEY_MALFORMED");
  EXPECT_EQ(GetReason(PublicKey::FromBytes(std::string(33, 'k')).status()),
            "KEY_MALFORMED");
  EXPECT_EQ(GetReason(Signature::FromBytes("").status()),
            "SIGNATURE_MALFORMED");
}

}  // namespace
}  // namespace archpool
