// SPDX-License-Identifier: Apache-2.0
// The table of rows.h that says what accounts are known by.
#include "server/storage/postgres/optional_columns.h"
#include "server/storage/postgres/rows.h"
#include "server/storage/postgres/table_impl.h"

namespace archpool::postgres {

template struct Table<AccountToken>;
const Table<AccountToken>& AccountTokenTable() {
  using R = AccountToken;
  static const auto* const kTable = new Table<R>{
      "account_token",
      "account_id, number",
      {Field<R>("account_id", ARCHPOOL_FIELD(key.account)),
       Field<R>("number", ARCHPOOL_FIELD(key.number)),
       Field<R>("name", ARCHPOOL_FIELD(name)),
       Field<R>("scope", ARCHPOOL_FIELD(scope)),
       Field<R>("hash", ARCHPOOL_FIELD(hash)),
       Field<R>("create_time", ARCHPOOL_FIELD(create_time)),
       Optional<R>("expire_time", ARCHPOOL_FIELD(expire_time)),
       Optional<R>("revoke_time", ARCHPOOL_FIELD(revoke_time)),
       Optional<R>("last_use_time", ARCHPOOL_FIELD(last_use_time))}};
  return *kTable;
}

}  // namespace archpool::postgres
