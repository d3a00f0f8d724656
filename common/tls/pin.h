// SPDX-License-Identifier: Apache-2.0
// What a program knows its pool's server by: one line that people copy. Value
// type.
#ifndef ARCHPOOL_COMMON_TLS_PIN_H_
#define ARCHPOOL_COMMON_TLS_PIN_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/crypto/sha256.h"

namespace archpool {

inline constexpr char kPinPrefix[] = "sha256:";

// The SHA-256 of a certificate's public key (its SubjectPublicKeyInfo in DER).
struct Pin {
  Digest key;

  // "sha256:" and 43 characters of base64url, or 64 hex digits as openssl
  // prints them; blanks around it are left out. INVALID_ARGUMENT
  // (PIN_MALFORMED).
  static absl::StatusOr<Pin> Parse(absl::string_view text);
  // "sha256:" and 43 characters of base64url.
  std::string ToString() const;

  friend bool operator==(const Pin&, const Pin&) = default;
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_TLS_PIN_H_
