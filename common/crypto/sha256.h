// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4) and HMAC-SHA-256 (RFC 2104), over OpenSSL.
#ifndef ARCHPOOL_COMMON_CRYPTO_SHA256_H_
#define ARCHPOOL_COMMON_CRYPTO_SHA256_H_

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace archpool {

// 32 bytes that name something by its content. Value type.
struct Digest {
  std::array<uint8_t, 32> bytes{};

  friend bool operator==(const Digest&, const Digest&) = default;
  // In the order of the bytes. Keys of every large map: mostly the first eight
  // decide, without a call.
  friend std::strong_ordering operator<=>(const Digest& a, const Digest& b) {
    const uint64_t first = a.First64();
    const uint64_t other = b.First64();
    return first != other ? first <=> other : a.bytes <=> b.bytes;
  }
  bool IsZero() const { return *this == Digest{}; }
  // 64 lower-case hex digits.
  std::string ToString() const;
  // INVALID_ARGUMENT (DIGEST_MALFORMED): not 64 hex digits.
  static absl::StatusOr<Digest> Parse(absl::string_view text);
  // INVALID_ARGUMENT (DIGEST_MALFORMED): not 32 bytes.
  static absl::StatusOr<Digest> FromBytes(absl::string_view bytes);
  // The 32 bytes as a string, for the wire.
  std::string AsBytes() const;
  // The first eight bytes, little-endian: a key for CounterRng.
  uint64_t Prefix64() const;

 private:
  // Big-endian.
  uint64_t First64() const {
    uint64_t value = 0;
    for (size_t i = 0; i < 8; ++i) value = value << 8 | bytes[i];
    return value;
  }
};

// As ==, in a time that does not tell where they differ: for hashes of secrets.
bool AreEqualInConstantTime(const Digest& a, const Digest& b);

Digest Sha256(absl::Span<const uint8_t> data);
Digest Sha256(absl::string_view data);
Digest HmacSha256(absl::Span<const uint8_t> key,
                  absl::Span<const uint8_t> data);
Digest HmacSha256(const Digest& key, absl::string_view data);

// Hashes data that comes in pieces. Thread-compatible.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(Sha256Stream&&) noexcept;
  Sha256Stream& operator=(Sha256Stream&&) noexcept;

  void Update(absl::Span<const uint8_t> data);
  void Update(absl::string_view data);
  // REQUIRES: called once, last.
  Digest Finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_CRYPTO_SHA256_H_
