// SPDX-License-Identifier: Apache-2.0
#include "server/pool_secret.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/crypto/signature.h"
#include "common/log/log.h"
#include "common/model/receipt.h"
#include "server/storage/postgres/pool_identity.h"
#include "server/storage/postgres/postgres_receipts.h"

namespace archpool {
namespace {

absl::Status Mismatch(const DataDirectory& directory, absl::string_view what) {
  return FailedPrecondition(
      "SECRET_MISMATCH",
      absl::StrCat("the database and the data directory ", directory.path(),
                   " are not of the same pool: ", what,
                   "; nothing was changed. Start with the data directory that "
                   "this database was used with, or restore its pool-secret "
                   "from a backup"));
}

// A database from before fingerprints were kept tells its secret by its
// receipts alone.
absl::Status CheckReceipts(const DataDirectory& directory,
                           const std::string& connection_string) {
  PostgresReceipts receipts(connection_string);
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<SignedSeal> first,
                            receipts.Seals(/*after=*/0, /*limit=*/1));
  if (first.empty()) return absl::OkStatus();
  ARCHPOOL_ASSIGN_OR_RETURN(const SigningKey key,
                            directory.DeriveKey(kReceiptKeyDomain));
  if (VerifySignature(key.public_key(), Encode(first[0].seal),
                      first[0].signature)) {
    return absl::OkStatus();
  }
  return Mismatch(directory,
                  "its receipts are signed with the key of another secret");
}

absl::StatusOr<Digest> MakeNew(const DataDirectory& directory,
                               const PoolIdentity& identity) {
  if (identity.has_accounts || identity.secret_fingerprint.has_value()) {
    return FailedPrecondition(
        "SECRET_MISSING",
        absl::StrCat("the database is a pool's, and the data directory ",
                     directory.path(),
                     " has no pool-secret; nothing was changed. Start with the "
                     "data directory that this database was used with, or "
                     "restore pool-secret from a backup"));
  }
  LogWarn("pool_created", "a new pool is made in this directory",
          "keep its file pool-secret with the backups of the database: neither "
          "is of use without the other. If there was a pool already, stop, and "
          "start with its --data-dir",
          {{"directory", directory.path()}});
  return directory.MakePoolSecret();
}

}  // namespace

Digest FingerprintOf(const Digest& secret) {
  return HmacSha256(secret, "archpool/secret-fingerprint/v1");
}

absl::StatusOr<Digest> OpenPoolSecret(const DataDirectory& directory,
                                      const std::string& connection_string) {
  ARCHPOOL_ASSIGN_OR_RETURN(const PoolIdentity identity,
                            ReadPoolIdentity(connection_string));
  const bool is_database_new =
      !identity.has_accounts && !identity.secret_fingerprint.has_value();
  if (is_database_new && directory.HadDatabase()) {
    return FailedPrecondition(
        "DATABASE_MISSING",
        absl::StrCat("the database is empty, and the data directory ",
                     directory.path(),
                     " is of a pool that had one; nothing was changed. Name "
                     "that database with --database-url or restore it, or give "
                     "an empty --data-dir for a new pool"));
  }
  absl::StatusOr<Digest> secret = directory.PoolSecret();
  if (GetReason(secret.status()) == "SECRET_MISSING") {
    secret = MakeNew(directory, identity);
  }
  ARCHPOOL_RETURN_IF_ERROR(secret.status());
  const Digest fingerprint = FingerprintOf(*secret);
  if (!identity.secret_fingerprint.has_value()) {
    ARCHPOOL_RETURN_IF_ERROR(CheckReceipts(directory, connection_string));
    ARCHPOOL_RETURN_IF_ERROR(BindPool(connection_string, fingerprint));
  } else if (*identity.secret_fingerprint != fingerprint) {
    return Mismatch(directory,
                    "the database was made with another pool-secret");
  }
  ARCHPOOL_RETURN_IF_ERROR(directory.NoteDatabase());
  return *secret;
}

}  // namespace archpool
