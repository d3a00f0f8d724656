// SPDX-License-Identifier: Apache-2.0
// Who names a blob, as the database has it.
#ifndef ARCHPOOL_SERVER_STORAGE_POSTGRES_BLOB_CLAIMS_H_
#define ARCHPOOL_SERVER_STORAGE_POSTGRES_BLOB_CLAIMS_H_

#include <pqxx/pqxx>
#include <vector>

#include "absl/status/statusor.h"
#include "common/crypto/sha256.h"
#include "server/core/records/blob_claims.h"

namespace archpool::postgres {

// As Reader::FindClaims. Throws as libpqxx does. INTERNAL (STORE_CORRUPT).
absl::StatusOr<std::vector<BlobClaims>> FindClaims(
    pqxx::transaction_base& transaction, const std::vector<Digest>& blobs);

}  // namespace archpool::postgres

#endif  // ARCHPOOL_SERVER_STORAGE_POSTGRES_BLOB_CLAIMS_H_
