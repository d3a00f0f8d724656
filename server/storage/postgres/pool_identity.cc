// SPDX-License-Identifier: Apache-2.0
#include "server/storage/postgres/pool_identity.h"

#include "common/base/status.h"
#include "server/storage/postgres/query.h"
#include "server/storage/postgres/statement_watch.h"

namespace archpool {
namespace {
constexpr absl::Duration kStatementsMax = absl::Seconds(30);
}  // namespace

absl::StatusOr<PoolIdentity> ReadPoolIdentity(
    const std::string& connection_string) {
  PoolIdentity identity;
  ARCHPOOL_RETURN_IF_ERROR(postgres::RunGuarded(
      [&]() -> absl::Status {
        postgres::StatementWatch watch;
        const auto connection = postgres::Connect(connection_string, watch);
        const postgres::StatementWatch::Guard guard(watch, connection->sock(),
                                                    kStatementsMax);
        pqxx::nontransaction transaction(*connection);
        identity.has_accounts =
            !transaction.exec("SELECT 1 FROM account LIMIT 1").empty();
        const pqxx::result rows = transaction.exec(
            "SELECT encode(secret_fingerprint, 'hex') FROM pool_identity");
        if (rows.empty()) return absl::OkStatus();
        ARCHPOOL_ASSIGN_OR_RETURN(identity.secret_fingerprint,
                                  Digest::Parse(postgres::TextOf(rows[0][0])));
        return absl::OkStatus();
      },
      connection_string));
  return identity;
}

absl::Status BindPool(const std::string& connection_string,
                      const Digest& secret_fingerprint) {
  return postgres::RunGuarded(
      [&]() -> absl::Status {
        postgres::StatementWatch watch;
        const auto connection = postgres::Connect(connection_string, watch);
        const postgres::StatementWatch::Guard guard(watch, connection->sock(),
                                                    kStatementsMax);
        pqxx::work transaction(*connection);
        postgres::Execute(transaction,
                          "INSERT INTO pool_identity (id, secret_fingerprint)"
                          " VALUES (1, decode($1::text, 'hex'))"
                          " ON CONFLICT DO NOTHING",
                          {secret_fingerprint.ToString()});
        transaction.commit();
        return absl::OkStatus();
      },
      connection_string);
}

}  // namespace archpool
