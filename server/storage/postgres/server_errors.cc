// SPDX-License-Identifier: Apache-2.0
#include "server/storage/postgres/server_errors.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <regex>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "common/base/countdown.h"
#include "common/base/status.h"

namespace archpool::postgres {
namespace {

constexpr int kVersionMin = 130'000;
constexpr absl::Duration kAskedFor = absl::Seconds(2);

struct ServerError {
  const char* sqlstate;
  const char* reason;
  bool is_setting;  // it stays so until somebody changes a setting
  const char* advice;
};

// Appendix A of PostgreSQL's manual has the codes. $ROLE and $DATABASE stand
// for those of the connection.
constexpr ServerError kErrors[] = {
    {"28P01", "STORE_LOGIN", true,
     "the password for PostgreSQL is wrong: give the role's own in "
     "--database-url, PGPASSWORD or ~/.pgpass"},
    {"28000", "STORE_LOGIN", true,
     "PostgreSQL does not let the role in: it must be there and may log in "
     "(CREATE ROLE $ROLE LOGIN), and pg_hba.conf must have a line for it, its "
     "database and this machine"},
    {"3D000", "STORE_DATABASE_MISSING", true,
     "there is no such database: CREATE DATABASE $DATABASE OWNER $ROLE "
     "ENCODING "
     "'UTF8' TEMPLATE template0 (or createdb --encoding=UTF8 "
     "--template=template0 --owner=$ROLE $DATABASE), or name another in "
     "--database-url"},
    {"55000", "STORE_DATABASE_CLOSED", true,
     "the database takes no connections: ALTER DATABASE $DATABASE "
     "ALLOW_CONNECTIONS true"},
    {"42501", "STORE_FORBIDDEN", true,
     "the role lacks a right in the database: GRANT CONNECT ON DATABASE "
     "$DATABASE TO $ROLE; GRANT CREATE, USAGE ON SCHEMA public TO $ROLE; or "
     "make it the owner of the database and of what archpool made there (ALTER "
     "DATABASE $DATABASE OWNER TO $ROLE)"},
    {"26000", "STORE_POOLER", true,
     "prepared statements get lost, as behind a pooler that hands out "
     "connections by transaction: let --database-url name PostgreSQL itself, "
     "or a pool by session"},
    {"42P05", "STORE_POOLER", true,
     "prepared statements are others' already, as behind a pooler that hands "
     "out connections by transaction: let --database-url name PostgreSQL "
     "itself, or a pool by session"},
    {"25006", "STORE_READ_ONLY", false,
     "the database takes no writes, as a standby or by "
     "default_transaction_read_only: let --database-url name the primary, or "
     "turn that off"},
    {"53300", "STORE_CONNECTIONS", false,
     "PostgreSQL has no connection to spare (archpool-server takes up to ten): "
     "raise max_connections, or the CONNECTION LIMIT (ALTER ROLE $ROLE "
     "CONNECTION LIMIT -1; ALTER DATABASE $DATABASE CONNECTION LIMIT -1), or "
     "end others"},
    {"53100", "STORE_DISK_FULL", false,
     "PostgreSQL's disk is full: make room where its data directory is"},
    {"53200", "STORE_MEMORY", false,
     "PostgreSQL ran out of memory: give it more, or lower shared_buffers and "
     "work_mem"},
    {"57014", "STORE_SLOW", false,
     "PostgreSQL was given up as it took too long for a statement: see what "
     "its machine and its disk do (pg_stat_activity)"},
    {"55P03", "STORE_LOCKED", false,
     "another session keeps the pool's rows locked: end it "
     "(pg_stat_activity, pg_terminate_backend)"},
    {"57P03", "STORE_UNREACHABLE", false,
     "PostgreSQL is starting, or stopping: wait for it"},
};

struct Finish {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};

// The code in "FATAL:  28P01: password …", in whatever language the first word
// is.
std::string SqlStateIn(const std::string& message) {
  static const std::regex* const kForm =
      new std::regex(":  ([0-9][0-9A-Z]{4}): ");
  std::smatch match;
  return std::regex_search(message, match, *kForm) ? match[1].str() : "";
}

bool WaitFor(PGconn* connection, PostgresPollingStatusType wanted,
             const Countdown& rest) {
  pollfd socket{.fd = PQsocket(connection), .events = 0, .revents = 0};
  socket.events = wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT;
  const absl::Duration left = rest.left();
  if (socket.fd < 0 || left <= absl::ZeroDuration()) return false;
  return poll(&socket, 1, static_cast<int>(absl::ToInt64Milliseconds(left))) >
         0;
}

}  // namespace

namespace {

// As SQL takes it.
std::string QuotedName(const std::string& name) {
  const bool is_plain =
      !absl::ascii_isdigit(static_cast<unsigned char>(name.front())) &&
      std::all_of(name.begin(), name.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return absl::ascii_islower(byte) || absl::ascii_isdigit(byte) ||
               c == '_';
      });
  if (is_plain) return name;
  return absl::StrCat("\"", absl::StrReplaceAll(name, {{"\"", "\"\""}}), "\"");
}

}  // namespace

ConnectionNames NamesIn(const std::string& connection_string) {
  ConnectionNames names;
  PQconninfoOption* const options =
      PQconninfoParse(connection_string.c_str(), nullptr);
  if (options == nullptr) return names;
  std::string role;
  std::string database;
  for (const PQconninfoOption* one = options; one->keyword != nullptr; ++one) {
    if (one->val == nullptr) continue;
    if (absl::string_view(one->keyword) == "user") role = one->val;
    if (absl::string_view(one->keyword) == "dbname") database = one->val;
  }
  PQconninfoFree(options);
  if (!role.empty()) names.role = QuotedName(role);
  if (!database.empty()) names.database = QuotedName(database);
  return names;
}

std::optional<absl::Status> NameServerError(absl::string_view sqlstate,
                                            absl::string_view what,
                                            const ConnectionNames& names) {
  const auto* const found = std::find_if(
      std::begin(kErrors), std::end(kErrors),
      [&](const ServerError& e) { return e.sqlstate == sqlstate; });
  if (found == std::end(kErrors)) return std::nullopt;
  const std::string advice = absl::StrReplaceAll(
      found->advice, {{"$ROLE", names.role}, {"$DATABASE", names.database}});
  return Unavailable(found->reason, absl::StrCat(advice, " (", what,
                                                 "); nothing was written"));
}

absl::Status AsSeenAtStart(const absl::Status& status) {
  const std::string reason = GetReason(status);
  const bool is_setting = std::any_of(
      std::begin(kErrors), std::end(kErrors),
      [&](const ServerError& e) { return e.is_setting && e.reason == reason; });
  return is_setting ? FailedPrecondition(reason, status.message()) : status;
}

std::string SqlStateOfRefusal(const std::string& connection_string) {
  const std::unique_ptr<PGconn, Finish> connection(
      PQconnectStart(connection_string.c_str()));
  if (connection == nullptr) return "";
  PQsetErrorVerbosity(connection.get(), PQERRORS_VERBOSE);
  const Countdown rest(kAskedFor);
  PostgresPollingStatusType next = PGRES_POLLING_WRITING;
  while (PQstatus(connection.get()) != CONNECTION_BAD &&
         (next == PGRES_POLLING_READING || next == PGRES_POLLING_WRITING)) {
    if (!WaitFor(connection.get(), next, rest)) return "";
    next = PQconnectPoll(connection.get());
  }
  return SqlStateIn(PQerrorMessage(connection.get()));
}

absl::Status CheckConnectionString(const std::string& connection_string) {
  char* error = nullptr;
  PQconninfoOption* const options =
      PQconninfoParse(connection_string.c_str(), &error);
  std::string what = error == nullptr ? "" : error;
  PQfreemem(error);
  if (options != nullptr) {
    PQconninfoFree(options);
    return absl::OkStatus();
  }
  // What cannot be read may hold a password.
  if (connection_string.find('@') != std::string::npos ||
      connection_string.find("password") != std::string::npos) {
    what = "what is wrong with it is not said, as it may hold a password";
  }
  return InvalidArgument(
      "DATABASE_URL_MALFORMED",
      absl::StrCat("--database-url cannot be read (",
                   absl::StripSuffix(what, "\n"),
                   "): give postgresql://ROLE@HOST:PORT/NAME, or host=HOST "
                   "user=ROLE dbname=NAME"));
}

absl::Status CheckServer(int version, absl::string_view encoding) {
  if (version < kVersionMin) {
    return FailedPrecondition("STORE_TOO_OLD",
                              absl::StrCat("PostgreSQL ", version / 10'000,
                                           " is too old: archpool "
                                           "needs ",
                                           kVersionMin / 10'000, " or newer"));
  }
  if (encoding != "UTF8") {
    return FailedPrecondition(
        "STORE_ENCODING",
        absl::StrCat("the database's encoding is ", encoding,
                     ": make one with createdb --encoding=UTF8 "
                     "--template=template0 NAME"));
  }
  return absl::OkStatus();
}

}  // namespace archpool::postgres
