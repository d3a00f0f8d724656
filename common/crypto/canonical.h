// SPDX-License-Identifier: Apache-2.0
// The canonical encoding that every hash of archpool is taken over
// (docs/protocol.md, with test vectors): a domain tag, then fields in a fixed
// order. Integers are 64-bit little-endian two's complement; texts, bytes and
// lists carry their length first. Two different values never share an encoding.
#ifndef ARCHPOOL_COMMON_CRYPTO_CANONICAL_H_
#define ARCHPOOL_COMMON_CRYPTO_CANONICAL_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "common/crypto/sha256.h"

namespace archpool {

// Value type; thread-compatible.
class CanonicalWriter {
 public:
  // `domain` names what is hashed, e.g. "archpool/architecture/v1".
  explicit CanonicalWriter(absl::string_view domain) { Bytes(domain); }

  CanonicalWriter& Int(int64_t value);
  CanonicalWriter& Bytes(absl::string_view bytes);
  CanonicalWriter& Fixed(const Digest& digest);

  const std::string& encoding() const { return encoding_; }
  Digest Hash() const { return Sha256(encoding_); }

 private:
  std::string encoding_;
};

// Reads an encoding back, field by field, in the order in which it was written.
// Safe on whatever anybody sends: what is not there reads as 0, "" or the zero
// digest, and the reader has failed from then on. Thread-compatible.
class CanonicalReader {
 public:
  // `encoding` outlives this. Fails at once where it has another domain.
  CanonicalReader(absl::string_view domain, absl::string_view encoding);

  int64_t Int();
  absl::string_view Bytes();
  Digest Fixed();

  // Whether every field so far was there.
  bool ok() const { return ok_; }
  // Whether they all were, and nothing is left over.
  bool IsDone() const { return ok_ && rest_.empty(); }

 private:
  absl::string_view Take(size_t size_bytes);

  absl::string_view rest_;
  bool ok_ = true;
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_CRYPTO_CANONICAL_H_
