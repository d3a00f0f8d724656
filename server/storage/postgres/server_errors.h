// SPDX-License-Identifier: Apache-2.0
// What PostgreSQL's refusals mean to the pool's operator: which setting it
// is, and what to do. Thread-safe.
#ifndef ARCHPOOL_SERVER_STORAGE_POSTGRES_SERVER_ERRORS_H_
#define ARCHPOOL_SERVER_STORAGE_POSTGRES_SERVER_ERRORS_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace archpool::postgres {

// What statements that help are about, quoted as SQL wants it. Where a
// connection string leaves them out, words stand for them.
struct ConnectionNames {
  std::string role = "ROLE";
  std::string database = "NAME";
};
ConnectionNames NamesIn(const std::string& connection_string);

// UNAVAILABLE with a reason of its own and what to do, then `what`, as
// PostgreSQL says it; nullopt for a SQLSTATE that says no more than that.
std::optional<absl::Status> NameServerError(
    absl::string_view sqlstate, absl::string_view what,
    const ConnectionNames& names = ConnectionNames());

// For a program that starts: what stays so until somebody changes a setting is
// FAILED_PRECONDITION instead, as it is tried again for nothing.
absl::Status AsSeenAtStart(const absl::Status& status);

// Why no connection comes about, as SQLSTATE; "" where no server says. libpqxx
// does not tell, and texts come in the server's language: so it is asked once
// more, for two seconds at most.
std::string SqlStateOfRefusal(const std::string& connection_string);

// INVALID_ARGUMENT (DATABASE_URL_MALFORMED).
absl::Status CheckConnectionString(const std::string& connection_string);

// FAILED_PRECONDITION (STORE_TOO_OLD, STORE_ENCODING). `version` as
// server_version_num.
absl::Status CheckServer(int version, absl::string_view encoding);

}  // namespace archpool::postgres

#endif  // ARCHPOOL_SERVER_STORAGE_POSTGRES_SERVER_ERRORS_H_
