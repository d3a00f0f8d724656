// SPDX-License-Identifier: Apache-2.0
// The pool's secret and its database, which belong together.
#ifndef ARCHPOOL_SERVER_POOL_SECRET_H_
#define ARCHPOOL_SERVER_POOL_SECRET_H_

#include <string>

#include "absl/status/statusor.h"
#include "common/crypto/sha256.h"
#include "server/data_directory.h"

namespace archpool {

// What the key that signs receipts is derived for.
inline constexpr char kReceiptKeyDomain[] = "archpool/receipt-key/v1";

// What a database keeps of its pool's secret, to know it again.
Digest FingerprintOf(const Digest& secret);

// The secret in `directory`, once it is sure that the database behind
// `connection_string` is this pool's. Only where neither of the two has been a
// pool's is a new secret drawn, and a line says that a new pool is made.
//
// FAILED_PRECONDITION: SECRET_MISMATCH (the database is another pool's, or its
// receipts are signed with another secret's key), SECRET_MISSING (the database
// is a pool's and the directory has no secret), DATABASE_MISSING (the directory
// is a pool's and the database is new). Else errors as
// DataDirectory::PoolSecret, ReadPoolIdentity and ReceiptStore::Seals.
absl::StatusOr<Digest> OpenPoolSecret(const DataDirectory& directory,
                                      const std::string& connection_string);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_POOL_SECRET_H_
