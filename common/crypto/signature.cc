// SPDX-License-Identifier: Apache-2.0
#include "common/crypto/signature.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status.h"

namespace archpool {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

Key PrivateKeyOf(const std::array<uint8_t, SigningKey::kSeedSizeBytes>& seed) {
  Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(),
                                       seed.size()),
          &EVP_PKEY_free);
  ARCHPOOL_CHECK(key != nullptr);
  return key;
}

Context NewContext() {
  Context context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  ARCHPOOL_CHECK(context != nullptr);
  return context;
}

const uint8_t* BytesOf(absl::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

template <typename Array>
absl::Status Fill(absl::string_view reason, absl::string_view bytes,
                  Array& array) {
  if (bytes.size() != array.size()) {
    return InvalidArgument(
        reason, absl::StrCat("it has ", bytes.size(), " bytes; it must have ",
                             array.size()));
  }
  std::copy(bytes.begin(), bytes.end(), array.begin());
  return absl::OkStatus();
}

template <typename Array>
std::string Text(const Array& array) {
  return std::string(array.begin(), array.end());
}

}  // namespace

absl::StatusOr<PublicKey> PublicKey::FromBytes(absl::string_view bytes) {
  PublicKey key;
  ARCHPOOL_RETURN_IF_ERROR(Fill("KEY_MALFORMED", bytes, key.bytes));
  return key;
}

std::string PublicKey::AsBytes() const { return Text(bytes); }

absl::StatusOr<Signature> Signature::FromBytes(absl::string_view bytes) {
  Signature signature;
  ARCHPOOL_RETURN_IF_ERROR(Fill("SIGNATURE_MALFORMED", bytes, signature.bytes));
  return signature;
}

std::string Signature::AsBytes() const { return Text(bytes); }

SigningKey::SigningKey(const std::array<uint8_t, kSeedSizeBytes>& seed)
    : seed_(seed) {
  size_t size = public_key_.bytes.size();
  ARCHPOOL_CHECK(EVP_PKEY_get_raw_public_key(PrivateKeyOf(seed).get(),
                                             public_key_.bytes.data(),
                                             &size) == 1 &&
                 size == public_key_.bytes.size());
}

SigningKey SigningKey::Generate() {
  std::array<uint8_t, kSeedSizeBytes> seed;
  ARCHPOOL_CHECK(RAND_bytes(seed.data(), static_cast<int>(seed.size())) == 1);
  return SigningKey(seed);
}

absl::StatusOr<SigningKey> SigningKey::FromSeed(absl::string_view bytes) {
  std::array<uint8_t, kSeedSizeBytes> seed;
  ARCHPOOL_RETURN_IF_ERROR(Fill("KEY_MALFORMED", bytes, seed));
  return SigningKey(seed);
}

std::string SigningKey::seed() const { return Text(seed_); }

Signature SigningKey::Sign(absl::string_view message) const {
  const Key key = PrivateKeyOf(seed_);
  const Context context = NewContext();
  Signature signature;
  size_t size = signature.bytes.size();
  ARCHPOOL_CHECK(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr,
                                    key.get()) == 1 &&
                 EVP_DigestSign(context.get(), signature.bytes.data(), &size,
                                BytesOf(message), message.size()) == 1 &&
                 size == signature.bytes.size());
  return signature;
}

bool VerifySignature(const PublicKey& key, absl::string_view message,
                     const Signature& signature) {
  const Key public_key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.bytes.data(),
                                  key.bytes.size()),
      &EVP_PKEY_free);
  if (public_key == nullptr) return false;
  const Context context = NewContext();
  return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr,
                              public_key.get()) == 1 &&
         EVP_DigestVerify(context.get(), signature.bytes.data(),
                          signature.bytes.size(), BytesOf(message),
                          message.size()) == 1;
}

}  // namespace archpool
