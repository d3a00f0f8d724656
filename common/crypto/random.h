// SPDX-License-Identifier: Apache-2.0
// Secrets for the edges (OpenSSL's generator). The core never calls this:
// secrets reach it inside commands.
#ifndef ARCHPOOL_COMMON_CRYPTO_RANDOM_H_
#define ARCHPOOL_COMMON_CRYPTO_RANDOM_H_

#include "common/crypto/sha256.h"

namespace archpool {

// 32 unpredictable bytes. Thread-safe.
Digest RandomSecret();

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_CRYPTO_RANDOM_H_
