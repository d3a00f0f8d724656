// SPDX-License-Identifier: Apache-2.0
// The table of rows.h that says who may join.
#include "server/storage/postgres/rows.h"
#include "server/storage/postgres/table_impl.h"

namespace archpool::postgres {

template struct Table<Invitation>;
const Table<Invitation>& InvitationTable() {
  using R = Invitation;
  static const auto* const kTable =
      new Table<R>{"invitation",
                   "account_id, number",
                   {Field<R>("account_id", ARCHPOOL_FIELD(key.inviter)),
                    Field<R>("number", ARCHPOOL_FIELD(key.number)),
                    Field<R>("role", ARCHPOOL_FIELD(role)),
                    Field<R>("code_hash", ARCHPOOL_FIELD(code_hash)),
                    Field<R>("uses_max", ARCHPOOL_FIELD(uses_max)),
                    Field<R>("uses", ARCHPOOL_FIELD(uses)),
                    Field<R>("create_time", ARCHPOOL_FIELD(create_time)),
                    Field<R>("expire_time", ARCHPOOL_FIELD(expire_time))}};
  return *kTable;
}

}  // namespace archpool::postgres
