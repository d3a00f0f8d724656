// SPDX-License-Identifier: Apache-2.0
#include "common/crypto/random.h"

#include <openssl/rand.h>

#include "common/base/check.h"

namespace archpool {

Digest RandomSecret() {
  Digest secret;
  ARCHPOOL_CHECK(RAND_bytes(secret.bytes.data(),
                            static_cast<int>(secret.bytes.size())) == 1);
  return secret;
}

}  // namespace archpool
