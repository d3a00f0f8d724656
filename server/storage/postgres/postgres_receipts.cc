// SPDX-License-Identifier: Apache-2.0
#include "server/storage/postgres/postgres_receipts.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/base/status.h"
#include "server/storage/postgres/load.h"
#include "server/storage/postgres/query.h"
#include "server/storage/postgres/rows.h"
#include "server/storage/postgres/statement_watch.h"

namespace archpool {
namespace {

// All that is open of a large pool.
constexpr absl::Duration kTransactionMax = absl::Minutes(2);

using postgres::Parameters;
using postgres::SealRow;
using postgres::SealTable;
using postgres::Select;
using postgres::StatementRow;
using postgres::StatementTable;

StatementRow RowOf(const AccountReceipts& account) {
  StatementRow row{.account = account.account,
                   .count = account.tree.count(),
                   .balance = account.balance};
  for (const Digest& peak : account.tree.peaks()) row.peaks += peak.AsBytes();
  return row;
}

absl::Status CorruptReceipts(const std::string& what) {
  return Internal("STORE_CORRUPT",
                  absl::StrCat("the database holds a broken ", what));
}

absl::StatusOr<AccountReceipts> AccountOf(const StatementRow& row) {
  std::vector<Digest> peaks;
  for (size_t begin = 0; begin < row.peaks.size(); begin += 32) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        const Digest peak,
        Digest::FromBytes(absl::string_view(row.peaks).substr(begin, 32)));
    peaks.push_back(peak);
  }
  std::optional<MerkleFrontier> tree =
      MerkleFrontier::Restore(row.count, std::move(peaks));
  if (!tree) return CorruptReceipts("statement");
  return AccountReceipts{row.account, *std::move(tree), row.balance};
}

absl::StatusOr<SignedSeal> SealOf(const SealRow& row) {
  SignedSeal seal;
  ARCHPOOL_ASSIGN_OR_RETURN(seal.seal, DecodeSeal(row.content));
  ARCHPOOL_ASSIGN_OR_RETURN(seal.signature,
                            Signature::FromBytes(row.signature));
  return seal;
}

absl::StatusOr<SealedReceipts> SealedIn(pqxx::transaction_base& transaction) {
  SealedReceipts sealed;
  ARCHPOOL_ASSIGN_OR_RETURN(
      const std::vector<SealRow> seals,
      Select(transaction, SealTable(), "ORDER BY number DESC LIMIT 1", {}));
  if (!seals.empty()) {
    ARCHPOOL_ASSIGN_OR_RETURN(sealed.latest, SealOf(seals[0]));
    sealed.last_receipt = seals[0].last_receipt;
  }
  ARCHPOOL_ASSIGN_OR_RETURN(
      const std::vector<StatementRow> rows,
      Select(transaction, StatementTable(), "ORDER BY account_id", {}));
  for (const StatementRow& row : rows) {
    ARCHPOOL_ASSIGN_OR_RETURN(AccountReceipts account, AccountOf(row));
    sealed.accounts.push_back(std::move(account));
  }
  return sealed;
}

}  // namespace

class PostgresReceipts::Connection {
 public:
  Connection(std::string connection_string, const Patience& patience)
      : connection_string_(std::move(connection_string)), watch_(patience) {}

  // Runs `body` in one transaction that sees one snapshot.
  absl::Status Run(
      const std::function<absl::Status(pqxx::transaction_base&)>& body)
      ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    bool was_cut = false;
    const absl::Status status = postgres::RunGuarded(
        [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) -> absl::Status {
          if (connection_ == nullptr) {
            connection_ = postgres::Connect(connection_string_, watch_);
          }
          const postgres::StatementWatch::Guard guard(
              watch_, connection_->sock(), kTransactionMax, &was_cut);
          pqxx::work transaction(*connection_);
          transaction.exec(
              "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;"
              "SET LOCAL statement_timeout = '60s'");
          ARCHPOOL_RETURN_IF_ERROR(body(transaction));
          transaction.commit();
          return absl::OkStatus();
        },
        connection_string_);
    if (!postgres::IsConnectionSound(status)) connection_ = nullptr;
    // Who seals in doubt finds out by opening again.
    if (absl::IsUnknown(status)) {
      return postgres::NameSilence(
          Unavailable("STORE_UNREACHABLE", status.message()), was_cut);
    }
    return postgres::NameSilence(status, was_cut);
  }

 private:
  const std::string connection_string_;
  postgres::StatementWatch watch_;
  absl::Mutex mutex_;
  std::unique_ptr<pqxx::connection> connection_ ABSL_GUARDED_BY(mutex_);
};

PostgresReceipts::PostgresReceipts(std::string connection_string,
                                   const Patience& patience)
    : connection_(std::make_unique<Connection>(std::move(connection_string),
                                               patience)) {}

PostgresReceipts::~PostgresReceipts() = default;

absl::StatusOr<OpenReceipts> PostgresReceipts::Open(int64_t limit) {
  OpenReceipts open;
  ARCHPOOL_RETURN_IF_ERROR(
      connection_->Run([&](pqxx::transaction_base& t) -> absl::Status {
        open = OpenReceipts();
        ARCHPOOL_ASSIGN_OR_RETURN(open.sealed, SealedIn(t));
        ARCHPOOL_ASSIGN_OR_RETURN(
            open.receipts,
            Select(t, postgres::ReceiptTable(),
                   "WHERE id > $1::bigint ORDER BY id LIMIT $2::bigint",
                   {absl::StrCat(open.sealed.last_receipt.value),
                    absl::StrCat(limit)}));
        open.is_all = std::ssize(open.receipts) < limit;
        ARCHPOOL_ASSIGN_OR_RETURN(open.balances,
                                  Select(t, postgres::BalanceTable(), "", {}));
        open.last_account =
            AccountId{t.exec("SELECT coalesce(max(id), 0) FROM account")
                          .at(0)
                          .at(0)
                          .as<int64_t>()};
        return absl::OkStatus();
      }));
  std::sort(
      open.balances.begin(), open.balances.end(),
      [](const Balance& a, const Balance& b) { return a.place < b.place; });
  return open;
}

absl::Status PostgresReceipts::AddSeal(
    const SignedSeal& seal, ReceiptId last_receipt,
    absl::Span<const AccountReceipts> changed) {
  const SealRow seal_row{.number = seal.seal.number,
                         .last_receipt = last_receipt,
                         .content = Encode(seal.seal),
                         .signature = seal.signature.AsBytes()};
  std::vector<StatementRow> rows;
  rows.reserve(changed.size());
  for (const AccountReceipts& account : changed) rows.push_back(RowOf(account));
  std::vector<const StatementRow*> pointers;
  for (const StatementRow& row : rows) pointers.push_back(&row);
  const absl::Status status =
      connection_->Run([&](pqxx::transaction_base& t) -> absl::Status {
        ARCHPOOL_ASSIGN_OR_RETURN(const Parameters seal_parameters,
                                  SealTable().ParametersOf({&seal_row}));
        postgres::Execute(t, SealTable().InsertSql(), seal_parameters);
        if (pointers.empty()) return absl::OkStatus();
        ARCHPOOL_ASSIGN_OR_RETURN(const Parameters parameters,
                                  StatementTable().ParametersOf(pointers));
        postgres::Execute(t, StatementTable().UpsertSql(), parameters);
        return absl::OkStatus();
      });
  if (GetReason(status) == "CONSTRAINT") {
    return MakeError(absl::StatusCode::kAborted, "SEAL_EXISTS",
                     status.message());
  }
  return status;
}

absl::StatusOr<SealedReceipts> PostgresReceipts::Sealed() {
  SealedReceipts sealed;
  ARCHPOOL_RETURN_IF_ERROR(
      connection_->Run([&](pqxx::transaction_base& t) -> absl::Status {
        ARCHPOOL_ASSIGN_OR_RETURN(sealed, SealedIn(t));
        return absl::OkStatus();
      }));
  return sealed;
}

absl::StatusOr<std::vector<SignedSeal>> PostgresReceipts::Seals(int64_t after,
                                                                int64_t limit) {
  std::vector<SignedSeal> seals;
  ARCHPOOL_RETURN_IF_ERROR(
      connection_->Run([&](pqxx::transaction_base& t) -> absl::Status {
        seals.clear();
        ARCHPOOL_ASSIGN_OR_RETURN(
            const std::vector<SealRow> rows,
            Select(t, SealTable(),
                   "WHERE number > $1::bigint ORDER BY number"
                   " LIMIT $2::bigint",
                   {absl::StrCat(after), absl::StrCat(limit)}));
        for (const SealRow& row : rows) {
          ARCHPOOL_ASSIGN_OR_RETURN(SignedSeal seal, SealOf(row));
          seals.push_back(std::move(seal));
        }
        return absl::OkStatus();
      }));
  return seals;
}

absl::StatusOr<std::vector<Receipt>> PostgresReceipts::ReceiptsOf(
    AccountId account, ReceiptId after, int64_t limit) {
  std::vector<Receipt> receipts;
  ARCHPOOL_RETURN_IF_ERROR(
      connection_->Run([&](pqxx::transaction_base& t) -> absl::Status {
        ARCHPOOL_ASSIGN_OR_RETURN(
            receipts, Select(t, postgres::ReceiptTable(),
                             "WHERE account_id = $1::bigint AND id > $2::bigint"
                             " AND id <= coalesce((SELECT last_receipt_id FROM"
                             " receipt_epoch ORDER BY number DESC LIMIT 1), 0)"
                             " ORDER BY id LIMIT $3::bigint",
                             {absl::StrCat(account.value),
                              absl::StrCat(after.value), absl::StrCat(limit)}));
        return absl::OkStatus();
      }));
  return receipts;
}

}  // namespace archpool
