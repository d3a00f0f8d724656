// SPDX-License-Identifier: Apache-2.0
// Ed25519 (RFC 8032), by OpenSSL. Value types; thread-compatible.
#ifndef ARCHPOOL_COMMON_CRYPTO_SIGNATURE_H_
#define ARCHPOOL_COMMON_CRYPTO_SIGNATURE_H_

#include <array>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace archpool {

struct PublicKey {
  std::array<uint8_t, 32> bytes{};
  // INVALID_ARGUMENT (KEY_MALFORMED): not 32 bytes.
  static absl::StatusOr<PublicKey> FromBytes(absl::string_view bytes);
  std::string AsBytes() const;
  friend auto operator<=>(const PublicKey&, const PublicKey&) = default;
};

struct Signature {
  std::array<uint8_t, 64> bytes{};
  // INVALID_ARGUMENT (SIGNATURE_MALFORMED): not 64 bytes.
  static absl::StatusOr<Signature> FromBytes(absl::string_view bytes);
  std::string AsBytes() const;
  friend bool operator==(const Signature&, const Signature&) = default;
};

class SigningKey {
 public:
  static constexpr size_t kSeedSizeBytes = 32;

  // From the operating system's randomness.
  static SigningKey Generate();
  // INVALID_ARGUMENT (KEY_MALFORMED): not 32 bytes.
  static absl::StatusOr<SigningKey> FromSeed(absl::string_view bytes);

  // The secret itself: for the file that keeps it.
  std::string seed() const;
  const PublicKey& public_key() const { return public_key_; }
  Signature Sign(absl::string_view message) const;

 private:
  explicit SigningKey(const std::array<uint8_t, kSeedSizeBytes>& seed);
  std::array<uint8_t, kSeedSizeBytes> seed_;
  PublicKey public_key_;
};

// Safe on whatever anybody sends.
bool VerifySignature(const PublicKey& key, absl::string_view message,
                     const Signature& signature);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_CRYPTO_SIGNATURE_H_
