// SPDX-License-Identifier: Apache-2.0
// Bearer tokens: what an account is known by; and codes of invitations, by
// which one is made.
#ifndef ARCHPOOL_COMMON_CRYPTO_TOKEN_H_
#define ARCHPOOL_COMMON_CRYPTO_TOKEN_H_

#include <string>

#include "absl/strings/string_view.h"
#include "common/crypto/sha256.h"

namespace archpool {

// "ap_" and 64 hex digits: 256 unpredictable bits.
std::string MakeToken();

// "inv_" and 32 hex digits: 128 unpredictable bits, short enough to be typed.
std::string MakeInvitationCode();

// What is stored of a token or a code. They are random, so one plain hash
// suffices.
Digest HashToken(absl::string_view token);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_CRYPTO_TOKEN_H_
