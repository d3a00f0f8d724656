#include "common/crypto/sha256.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

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

// Fetched once: a fetch by name takes locks and costs more than a short hash.
const EVP_MD* Sha256Method() {
  static const EVP_MD* const kMethod = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return kMethod;
}

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

struct Sha256Stream::Context {
  EVP_MD_CTX* evp = EVP_MD_CTX_new();
  ~Context() { EVP_MD_CTX_free(evp); }
};

Sha256Stream::Sha256Stream() : context_(std::make_unique<Context>()) {
  ARCHPOOL_CHECK(EVP_DigestInit_ex(context_->evp, Sha256Method(), nullptr) ==
                 1);
}
Sha256Stream::~Sha256Stream() = default;
Sha256Stream::Sha256Stream(Sha256Stream&&) noexcept = default;
Sha256Stream& Sha256Stream::operator=(Sha256Stream&&) noexcept = default;

void Sha256Stream::Update(absl::Span<const uint8_t> data) {
  ARCHPOOL_CHECK(EVP_DigestUpdate(context_->evp, data.data(), data.size()) ==
                 1);
}

void Sha256Stream::Update(absl::string_view data) { Update(Bytes(data)); }

Digest Sha256Stream::Finish() {
  Digest digest;
  ARCHPOOL_CHECK(
      EVP_DigestFinal_ex(context_->evp, digest.bytes.data(), nullptr) == 1);
  return digest;
}

Digest Sha256(absl::Span<const uint8_t> data) {
  Digest digest;
  ARCHPOOL_CHECK(EVP_Digest(data.data(), data.size(), digest.bytes.data(),
                            nullptr, Sha256Method(), nullptr) == 1);
  return digest;
}

Digest Sha256(absl::string_view data) { return Sha256(Bytes(data)); }

Digest HmacSha256(absl::Span<const uint8_t> key,
                  absl::Span<const uint8_t> data) {
  Digest digest;
  unsigned int size = 0;
  ARCHPOOL_CHECK(HMAC(Sha256Method(), key.data(), static_cast<int>(key.size()),
                      data.data(), data.size(), digest.bytes.data(),
                      &size) != nullptr &&
                 size == digest.bytes.size());
  return digest;
}

Digest HmacSha256(const Digest& key, absl::string_view data) {
  return HmacSha256(key.bytes, Bytes(data));
}

}  // namespace archpool
