// SPDX-License-Identifier: Apache-2.0
#include "server/storage/postgres/query.h"

#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "common/base/status.h"
#include "server/storage/postgres/server_errors.h"
#include "server/storage/postgres/statement_watch.h"

namespace archpool::postgres {
namespace {

constexpr absl::Duration kSetUpMax = absl::Seconds(10);

std::string OneLine(const char* what) {
  std::string line = absl::StrReplaceAll(what, {{"\n", " "}});
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

absl::Status Unreachable(const std::exception& e) {
  return Unavailable(
      "STORE_UNREACHABLE",
      absl::StrCat("PostgreSQL is unreachable or dropped the connection: ",
                   OneLine(e.what()), "; nothing was written"));
}

// A connection that PostgreSQL refused, and said why.
class RefusedConnection : public std::runtime_error {
 public:
  RefusedConnection(const std::string& what, absl::Status status)
      : std::runtime_error(what), status_(std::move(status)) {}
  const absl::Status& status() const { return status_; }

 private:
  absl::Status status_;
};

template <typename Type>
bool Is(const std::exception& e) {
  return dynamic_cast<const Type*>(&e) != nullptr;
}

// Some releases of libpqxx leave it out where the type says as much.
std::string SqlStateOf(const pqxx::sql_error& e) {
  if (!e.sqlstate().empty()) return e.sqlstate();
  if (Is<pqxx::insufficient_privilege>(e)) return "42501";
  if (Is<pqxx::disk_full>(e)) return "53100";
  if (Is<pqxx::out_of_memory>(e)) return "53200";
  if (Is<pqxx::invalid_sql_statement_name>(e)) return "26000";
  return "";
}

absl::Status Refused(const std::exception& e) {
  return FailedPrecondition(
      "CONSTRAINT",
      absl::StrCat("the database refused a row: ", OneLine(e.what())));
}

absl::Status InDoubt(const std::exception& e) {
  return MakeError(absl::StatusCode::kUnknown, "COMMIT_IN_DOUBT",
                   absl::StrCat("the connection broke during a commit, which "
                                "may have happened: ",
                                OneLine(e.what())));
}

// A database that vanished from the network is noticed within half a minute,
// instead of the hours that kernels wait. First among the parameters: what an
// operator says counts.
std::string WithPatience(const std::string& connection_string) {
  const std::vector<std::string> patience = {
      "connect_timeout=5",      "keepalives_idle=15",
      "keepalives_interval=5",  "keepalives_count=3",
      "tcp_user_timeout=30000", "fallback_application_name=archpool-server"};
  if (connection_string.find("://") == std::string::npos) {
    return absl::StrCat(absl::StrJoin(patience, " "), " ", connection_string);
  }
  const std::vector<std::string> parts =
      absl::StrSplit(connection_string, absl::MaxSplits('?', 1));
  return absl::StrCat(parts[0], "?", absl::StrJoin(patience, "&"),
                      parts.size() > 1 ? absl::StrCat("&", parts[1]) : "");
}

}  // namespace

absl::Status RunGuarded(const std::function<absl::Status()>& body,
                        const std::string& connection_string) {
  try {
    return body();
  } catch (const pqxx::in_doubt_error& e) {
    return InDoubt(e);
  } catch (const pqxx::statement_completion_unknown& e) {
    return InDoubt(e);
  } catch (const pqxx::integrity_constraint_violation& e) {
    return Refused(e);
  } catch (const pqxx::data_exception& e) {
    return Refused(e);
  } catch (const pqxx::syntax_error& e) {
    // Undefined tables and columns as well: the schema is not ours.
    return Internal("STORE_QUERY", OneLine(e.what()));
  } catch (const pqxx::sql_error& e) {
    return NameServerError(SqlStateOf(e), OneLine(e.what()),
                           NamesIn(connection_string))
        .value_or(Unreachable(e));
  } catch (const RefusedConnection& e) {
    return e.status();
  } catch (const std::exception& e) {
    return Unreachable(e);
  }
}

bool IsConnectionSound(const absl::Status& status) {
  return status.ok() || GetReason(status) == "CONSTRAINT" ||
         GetReason(status) == "FENCED" ||
         status.code() == absl::StatusCode::kNotFound;
}

namespace {

std::unique_ptr<pqxx::connection> Open(const std::string& connection_string) {
  try {
    return std::make_unique<pqxx::connection>(connection_string);
  } catch (const pqxx::broken_connection& e) {
    const std::optional<absl::Status> named =
        NameServerError(SqlStateOfRefusal(connection_string), OneLine(e.what()),
                        NamesIn(connection_string));
    if (named) throw RefusedConnection(e.what(), *named);
    throw;
  }
}

}  // namespace

std::unique_ptr<pqxx::connection> Connect(
    const std::string& connection_string) {
  StatementWatch watch;
  return Connect(connection_string, watch);
}

std::unique_ptr<pqxx::connection> Connect(const std::string& connection_string,
                                          StatementWatch& watch) {
  auto connection = Open(WithPatience(connection_string));
  const StatementWatch::Guard guard(watch, connection->sock(), kSetUpMax);
  pqxx::nontransaction setup(*connection);
  setup.exec(
      "SET client_encoding = 'UTF8'; SET bytea_output = 'hex';"
      // A connection whose peer is gone must not hold the pool's head.
      "SET tcp_keepalives_idle = 15; SET tcp_keepalives_interval = 5;"
      "SET tcp_keepalives_count = 3;"
      // Nor must a server that froze in mid-commit.
      "SET idle_in_transaction_session_timeout = '30s';"
      // Durable before visible, whatever the database's default is.
      "SET synchronous_commit = on");
  return connection;
}

#if PQXX_VERSION_MAJOR >= 7
namespace {
pqxx::params ParamsOf(const Parameters& parameters) {
  pqxx::params params;
  for (const std::string& parameter : parameters) params.append(parameter);
  return params;
}
}  // namespace

pqxx::result Execute(pqxx::transaction_base& transaction,
                     const std::string& sql, const Parameters& parameters) {
  return transaction.exec(sql, ParamsOf(parameters));
}

pqxx::result ExecutePrepared(pqxx::transaction_base& transaction,
                             const std::string& name,
                             const Parameters& parameters) {
  return transaction.exec(pqxx::prepped{name}, ParamsOf(parameters));
}
#else
pqxx::result Execute(pqxx::transaction_base& transaction,
                     const std::string& sql, const Parameters& parameters) {
  return transaction.exec_params(
      sql, pqxx::prepare::make_dynamic_params(parameters));
}

pqxx::result ExecutePrepared(pqxx::transaction_base& transaction,
                             const std::string& name,
                             const Parameters& parameters) {
  return transaction.exec_prepared(
      name, pqxx::prepare::make_dynamic_params(parameters));
}
#endif

}  // namespace archpool::postgres
