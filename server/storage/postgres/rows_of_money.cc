// SPDX-License-Identifier: Apache-2.0
// The tables of rows.h that hold money.
#include "server/storage/postgres/optional_columns.h"
#include "server/storage/postgres/rows.h"
#include "server/storage/postgres/table_impl.h"

namespace archpool::postgres {

template struct Table<Balance>;
const Table<Balance>& BalanceTable() {
  using R = Balance;
  static const auto* const kTable =
      new Table<R>{"balance",
                   "kind, place_id",
                   {Field<R>("kind", ARCHPOOL_FIELD(place.kind)),
                    Field<R>("place_id", ARCHPOOL_FIELD(place.id)),
                    Field<R>("amount", ARCHPOOL_FIELD(amount))}};
  return *kTable;
}

template struct Table<Transfer>;
const Table<Transfer>& TransferTable() {
  using R = Transfer;
  static const auto* const kTable = new Table<R>{
      "transfer",
      "id",
      {Field<R>("id", ARCHPOOL_FIELD(id)),
       Field<R>("debit_kind", ARCHPOOL_FIELD(from.kind)),
       Field<R>("debit_id", ARCHPOOL_FIELD(from.id)),
       Field<R>("credit_kind", ARCHPOOL_FIELD(to.kind)),
       Field<R>("credit_id", ARCHPOOL_FIELD(to.id)),
       Field<R>("amount", ARCHPOOL_FIELD(amount)),
       Field<R>("kind", ARCHPOOL_FIELD(kind)),
       Nullable<R>("task_id", ARCHPOOL_FIELD(task), TaskId{}),
       Nullable<R>("payout_id", ARCHPOOL_FIELD(payout), PayoutId{}),
       Nullable<R>("request_id", ARCHPOOL_FIELD(request_id), std::string()),
       Field<R>("create_time", ARCHPOOL_FIELD(create_time))}};
  return *kTable;
}

template struct Table<Payout>;
const Table<Payout>& PayoutTable() {
  using R = Payout;
  static const auto* const kTable = new Table<R>{
      "payout",
      "id",
      {Field<R>("id", ARCHPOOL_FIELD(id)),
       Field<R>("account_id", ARCHPOOL_FIELD(account)),
       Field<R>("amount", ARCHPOOL_FIELD(amount)),
       Field<R>("address", ARCHPOOL_FIELD(address)),
       Nullable<R>("request_id", ARCHPOOL_FIELD(request_id), std::string()),
       Field<R>("rail_key", ARCHPOOL_FIELD(key)),
       Field<R>("state", ARCHPOOL_FIELD(state)),
       Field<R>("attempt", ARCHPOOL_FIELD(attempt)),
       Nullable<R>("reference", ARCHPOOL_FIELD(reference), std::string()),
       Nullable<R>("reason", ARCHPOOL_FIELD(reason), std::string()),
       Field<R>("create_time", ARCHPOOL_FIELD(create_time)),
       Optional<R>("end_time", ARCHPOOL_FIELD(end_time))}};
  return *kTable;
}

template struct Table<Owed>;
const Table<Owed>& OwedTable() {
  using R = Owed;
  static const auto* const kTable =
      new Table<R>{"owed",
                   "account_id, position",
                   {Field<R>("account_id", ARCHPOOL_FIELD(account)),
                    Field<R>("position", ARCHPOOL_FIELD(position)),
                    Field<R>("amount", ARCHPOOL_FIELD(amount))}};
  return *kTable;
}

template struct Table<Receipt>;
const Table<Receipt>& ReceiptTable() {
  using R = Receipt;
  static const auto* const kTable =
      new Table<R>{"receipt",
                   "id",
                   {Field<R>("id", ARCHPOOL_FIELD(id)),
                    Field<R>("account_id", ARCHPOOL_FIELD(account)),
                    BytesField<R>("content", ARCHPOOL_FIELD(content))}};
  return *kTable;
}

template struct Table<SealRow>;
const Table<SealRow>& SealTable() {
  using R = SealRow;
  static const auto* const kTable =
      new Table<R>{"receipt_epoch",
                   "number",
                   {Field<R>("number", ARCHPOOL_FIELD(number)),
                    Field<R>("last_receipt_id", ARCHPOOL_FIELD(last_receipt)),
                    BytesField<R>("content", ARCHPOOL_FIELD(content)),
                    BytesField<R>("signature", ARCHPOOL_FIELD(signature))}};
  return *kTable;
}

template struct Table<StatementRow>;
const Table<StatementRow>& StatementTable() {
  using R = StatementRow;
  static const auto* const kTable =
      new Table<R>{"receipt_statement",
                   "account_id",
                   {Field<R>("account_id", ARCHPOOL_FIELD(account)),
                    Field<R>("count", ARCHPOOL_FIELD(count)),
                    Field<R>("balance", ARCHPOOL_FIELD(balance)),
                    BytesField<R>("peaks", ARCHPOOL_FIELD(peaks))}};
  return *kTable;
}

}  // namespace archpool::postgres
