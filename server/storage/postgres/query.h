// SPDX-License-Identifier: Apache-2.0
// The one place that speaks libpqxx: connections, statements, and the mapping
// of its exceptions. The two releases in use (6.4 and 7.10) differ in how
// parameters are passed; that difference ends here.
#ifndef ARCHPOOL_SERVER_STORAGE_POSTGRES_QUERY_H_
#define ARCHPOOL_SERVER_STORAGE_POSTGRES_QUERY_H_

#include <functional>
#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace archpool::postgres {

class StatementWatch;

// Runs `body`, which may throw what libpqxx throws, and maps it. Advice names
// the role and the database of `connection_string`, where one is given.
// FAILED_PRECONDITION (CONSTRAINT): the database refused a row.
// UNKNOWN (COMMIT_IN_DOUBT): the connection broke while a commit was under way.
// INTERNAL (STORE_QUERY): a statement that the database does not understand.
// UNAVAILABLE (STORE_UNREACHABLE, or a reason of server_errors.h): anything
// else; nothing was written.
absl::Status RunGuarded(const std::function<absl::Status()>& body,
                        const std::string& connection_string = "");

// Whether a connection that gave this status may be used again.
bool IsConnectionSound(const absl::Status& status);

// Throws as libpqxx does. The session is set up so that texts and bytes come
// back in the one form that the rows are read in. A server that takes the
// connection and answers nothing is given up after seconds, by `watch`, or by
// a watch of its own.
std::unique_ptr<pqxx::connection> Connect(const std::string& connection_string,
                                          StatementWatch& watch);
std::unique_ptr<pqxx::connection> Connect(const std::string& connection_string);

using Parameters = std::vector<std::string>;

// Inside RunGuarded. Parameters travel apart from the statement.
pqxx::result Execute(pqxx::transaction_base& transaction,
                     const std::string& sql, const Parameters& parameters);
pqxx::result ExecutePrepared(pqxx::transaction_base& transaction,
                             const std::string& name,
                             const Parameters& parameters);

inline absl::string_view TextOf(const pqxx::field& field) {
  return absl::string_view(field.c_str(), field.size());
}

}  // namespace archpool::postgres

#endif  // ARCHPOOL_SERVER_STORAGE_POSTGRES_QUERY_H_
