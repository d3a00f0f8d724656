// SPDX-License-Identifier: Apache-2.0
#include "common/crypto/sha256.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <vector>

#include "common/base/check.h"
#include "common/base/hex.h"
#include "common/base/status.h"

namespace archpool {
namespace {

absl::Span<const uint8_t> Bytes(absl::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// OpenSSL frees what it holds as the process exits, beside threads that are
// still within it: those of gRPC are not waited for, and crash in its freed
// memory (github.com/grpc/grpc/issues/38539). What stays costs nothing, since
// the process is at its end. It has to be said before any other call.
[[maybe_unused]] const bool kStaysUntilTheEnd =
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr) == 1;

// Fetched once: a fetch by name takes locks and costs more than a short hash.
const EVP_MD* Sha256Method() {
  static const EVP_MD* const kMethod = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return kMethod;
}

// May hash one thing after another.
class Hasher {
 public:
  Hasher() = default;
  ~Hasher() { EVP_MD_CTX_free(context_); }
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  void Begin() {
    ARCHPOOL_CHECK(EVP_DigestInit_ex(context_, Sha256Method(), nullptr) == 1);
  }
  void Update(absl::Span<const uint8_t> data) {
    ARCHPOOL_CHECK(EVP_DigestUpdate(context_, data.data(), data.size()) == 1);
  }
  Digest Finish() {
    Digest digest;
    ARCHPOOL_CHECK(EVP_DigestFinal_ex(context_, digest.bytes.data(), nullptr) ==
                   1);
    return digest;
  }

 private:
  EVP_MD_CTX* const context_ = EVP_MD_CTX_new();
};

absl::Status Malformed() {
  return InvalidArgument("DIGEST_MALFORMED",
                         "a digest is 32 bytes, or 64 hex digits as text");
}

}  // namespace

std::string Digest::ToString() const { return ToHex(bytes); }

absl::StatusOr<Digest> Digest::Parse(absl::string_view text) {
  const auto decoded = FromHex(text);
  if (!decoded.ok() || decoded->size() != 32) return Malformed();
  Digest digest;
  std::copy(decoded->begin(), decoded->end(), digest.bytes.begin());
  return digest;
}

absl::StatusOr<Digest> Digest::FromBytes(absl::string_view bytes) {
  if (bytes.size() != 32) return Malformed();
  Digest digest;
  std::copy(bytes.begin(), bytes.end(), digest.bytes.begin());
  return digest;
}

std::string Digest::AsBytes() const {
  return std::string(bytes.begin(), bytes.end());
}

uint64_t Digest::Prefix64() const {
  uint64_t value = 0;
  for (int i = 7; i >= 0; --i) value = (value << 8) | bytes[size_t(i)];
  return value;
}

bool AreEqualInConstantTime(const Digest& a, const Digest& b) {
  return CRYPTO_memcmp(a.bytes.data(), b.bytes.data(), a.bytes.size()) == 0;
}

struct Sha256Stream::Context {
  Hasher hasher;
};

Sha256Stream::Sha256Stream() : context_(std::make_unique<Context>()) {
  context_->hasher.Begin();
}
Sha256Stream::~Sha256Stream() = default;
Sha256Stream::Sha256Stream(Sha256Stream&&) noexcept = default;
Sha256Stream& Sha256Stream::operator=(Sha256Stream&&) noexcept = default;

void Sha256Stream::Update(absl::Span<const uint8_t> data) {
  context_->hasher.Update(data);
}

void Sha256Stream::Update(absl::string_view data) { Update(Bytes(data)); }

Digest Sha256Stream::Finish() { return context_->hasher.Finish(); }

Digest Sha256(absl::Span<const uint8_t> data) {
  Digest digest;
  ARCHPOOL_CHECK(EVP_Digest(data.data(), data.size(), digest.bytes.data(),
                            nullptr, Sha256Method(), nullptr) == 1);
  return digest;
}

Digest Sha256(absl::string_view data) { return Sha256(Bytes(data)); }

// As RFC 2104 has it. OpenSSL's own fetches what it is made of by name, each
// time, and takes four times as long for what is mostly a hundred bytes.
Digest HmacSha256(absl::Span<const uint8_t> key,
                  absl::Span<const uint8_t> data) {
  constexpr size_t kBlock = 64;
  constexpr uint8_t kInner = 0x36;
  constexpr uint8_t kOuter = 0x5c;
  if (key.size() > kBlock) return HmacSha256(Sha256(key).bytes, data);
  std::array<uint8_t, kBlock> pad{};
  std::copy(key.begin(), key.end(), pad.begin());
  for (uint8_t& byte : pad) byte ^= kInner;
  Hasher hasher;
  const auto hash = [&hasher](absl::Span<const uint8_t> first,
                              absl::Span<const uint8_t> second) {
    hasher.Begin();
    hasher.Update(first);
    hasher.Update(second);
    return hasher.Finish();
  };
  const Digest inner = hash(pad, data);
  for (uint8_t& byte : pad) byte ^= kInner ^ kOuter;
  const Digest digest = hash(pad, inner.bytes);
  OPENSSL_cleanse(pad.data(), pad.size());
  return digest;
}

Digest HmacSha256(const Digest& key, absl::string_view data) {
  return HmacSha256(key.bytes, Bytes(data));
}

}  // namespace archpool
