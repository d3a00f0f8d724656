// SPDX-License-Identifier: Apache-2.0
// Bearer tokens: what an account is known by.
#ifndef ARCHPOOL_COMMON_CRYPTO_TOKEN_H_
#define ARCHPOOL_COMMON_CRYPTO_TOKEN_H_

#include <string>

#include "absl/strings/string_view.h"
#include "common/crypto/sha256.h"

namespace archpool {

// "ap_" and 64 hex digits: 256 unpredictable bits.
std::string MakeToken();

// What is stored of a token. Tokens are random, so one plain hash suffices.
Digest HashToken(absl::string_view token);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_CRYPTO_TOKEN_H_
