// SPDX-License-Identifier: Apache-2.0
// Whose database it is: a pool's data directory and its database belong
// together, by the secret that lies in the one and whose fingerprint lies in
// the other.
#ifndef ARCHPOOL_SERVER_STORAGE_POSTGRES_POOL_IDENTITY_H_
#define ARCHPOOL_SERVER_STORAGE_POSTGRES_POOL_IDENTITY_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/crypto/sha256.h"

namespace archpool {

struct PoolIdentity {
  std::optional<Digest> secret_fingerprint;  // unset before the first BindPool
  bool has_accounts = false;
};

// The identity of the database behind `connection_string`, which has this
// program's schema. Errors as postgres::RunGuarded.
absl::StatusOr<PoolIdentity> ReadPoolIdentity(
    const std::string& connection_string);

// Writes the fingerprint where there is none yet. Errors as
// postgres::RunGuarded.
absl::Status BindPool(const std::string& connection_string,
                      const Digest& secret_fingerprint);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_STORAGE_POSTGRES_POOL_IDENTITY_H_
