#include "server/storage/memory_transaction.h"

#include <functional>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

namespace archpool::memory {
namespace {

AccountId KeyOf(const Account& record) { return record.id; }
Digest KeyOf(const DatasetRecord& record) { return record.id; }
TaskId KeyOf(const Task& record) { return record.id; }
SubspaceId KeyOf(const SubspaceRecord& record) { return record.id; }
SessionId KeyOf(const Session& record) { return record.id; }
LeaseId KeyOf(const Lease& record) { return record.id; }
TrialId KeyOf(const Trial& record) { return record.id; }
AuditId KeyOf(const Audit& record) { return record.id; }
Place KeyOf(const Balance& record) { return record.place; }
TransferId KeyOf(const Transfer& record) { return record.id; }
TaskId KeyOf(const Ranking& record) { return record.task; }
PayoutId KeyOf(const Payout& record) { return record.id; }
std::pair<AccountId, int64_t> KeyOf(const Owed& record) {
  return {record.account, record.position};
}
ReceiptId KeyOf(const Receipt& record) { return record.id; }
int KeyOf(const PoolClock&) { return 1; }  // there is one
VerifierKey KeyOf(const VerifierRecord& record) { return record.key; }

template <typename Record>
auto& MapOf(Tables& tables, const Record& record) {
  return tables.All<decltype(KeyOf(record)), Record>();
}

class Transaction {
 public:
  explicit Transaction(Tables& tables) : tables_(tables) {}
  ~Transaction() {
    if (kept_) return;
    for (auto undo = undo_.rbegin(); undo != undo_.rend(); ++undo) (*undo)();
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  void Keep() { kept_ = true; }

  template <typename Record>
  void Put(const Record& record) {
    auto& map = MapOf(tables_, record);
    const auto key = KeyOf(record);
    const auto found = map.find(key);
    std::optional<Record> before;
    if (found != map.end()) before = found->second;
    if (before) Claim(*before, -1);
    Claim(record, +1);
    map[key] = record;
    undo_.push_back([this, &map, key, record, before] {
      Claim(record, -1);
      if (before) {
        Claim(*before, +1);
        map[key] = *before;
      } else {
        map.erase(key);
      }
    });
  }

  // Transfers and receipts are only added.
  template <typename Record>
  bool Add(const Record& record) {
    if (MapOf(tables_, record).contains(record.id)) return false;
    Put(record);
    return true;
  }

  // Looks at the record as the whole transaction left it.
  template <typename Record>
  std::string BrokenBy(const Record& event) {
    const Record& record = MapOf(tables_, event).at(KeyOf(event));
    if (std::string broken = BrokenCheck(record); !broken.empty()) {
      return broken;
    }
    for (const UniqueKey& key : UniqueKeysOf(record)) {
      if (tables_.claims.at(key) > 1) return key.constraint;
    }
    return BrokenReference(record);
  }

 private:
  template <typename Record>
  void Claim(const Record& record, int64_t sign) {
    for (const UniqueKey& key : UniqueKeysOf(record)) {
      const int64_t claims = (tables_.claims[key] += sign);
      if (claims == 0) tables_.claims.erase(key);
    }
  }

  template <typename Record, typename Key>
  bool Has(const Key& key) const {
    return tables_.All<Key, Record>().contains(key);
  }

  std::string BrokenReference(const Account&) const { return ""; }
  std::string BrokenReference(const DatasetRecord& record) const {
    return Has<Account>(record.owner) ? "" : "dataset_owner_fkey";
  }
  std::string BrokenReference(const Task& record) const {
    if (!Has<Account>(record.client)) return "task_client_fkey";
    return Has<DatasetRecord>(record.spec->dataset) ? "" : "task_dataset_fkey";
  }
  std::string BrokenReference(const SubspaceRecord& record) const {
    return Has<Task>(record.task) ? "" : "subspace_task_fkey";
  }
  std::string BrokenReference(const Session& record) const {
    return Has<Account>(record.account) ? "" : "session_account_fkey";
  }
  std::string BrokenReference(const Lease& record) const {
    if (!Has<Task>(record.task)) return "lease_task_fkey";
    if (!Has<SubspaceRecord>(record.subspace)) return "lease_subspace_fkey";
    if (!Has<Session>(record.session)) return "lease_session_fkey";
    return Has<Account>(record.account) ? "" : "lease_account_fkey";
  }
  std::string BrokenReference(const Trial& record) const {
    return Has<Lease>(record.lease) ? "" : "trial_lease_fkey";
  }
  std::string BrokenReference(const Audit& record) const {
    if (!Has<Trial>(record.trial)) return "audit_trial_fkey";
    const bool known =
        !record.verifier.IsSet() || Has<Account>(record.verifier);
    return known ? "" : "audit_verifier_fkey";
  }
  std::string BrokenReference(const Balance&) const { return ""; }
  std::string BrokenReference(const Transfer& record) const {
    if (record.task.IsSet() && !Has<Task>(record.task)) {
      return "transfer_task_fkey";
    }
    const bool known = !record.payout.IsSet() || Has<Payout>(record.payout);
    return known ? "" : "transfer_payout_fkey";
  }
  std::string BrokenReference(const Payout& record) const {
    return Has<Account>(record.account) ? "" : "payout_account_fkey";
  }

  std::string BrokenReference(const PoolClock&) const { return ""; }
  std::string BrokenReference(const VerifierRecord& record) const {
    return Has<Account>(record.key.account) ? "" : "verifier_account_fkey";
  }
  std::string BrokenReference(const Owed& record) const {
    return Has<Account>(record.account) ? "" : "owed_account_fkey";
  }
  std::string BrokenReference(const Receipt&) const { return ""; }
  std::string BrokenReference(const Ranking& record) const {
    return Has<Task>(record.task) ? "" : "ranking_task_fkey";
  }

  Tables& tables_;
  std::vector<std::function<void()>> undo_;
  bool kept_ = false;
};

}  // namespace

std::string Apply(Tables& tables, absl::Span<const Event> events) {
  Transaction transaction(tables);
  for (const Event& event : events) {
    if (const auto* transfer = std::get_if<Transfer>(&event)) {
      if (!transaction.Add(*transfer)) return "transfer_pkey";
    } else if (const auto* receipt = std::get_if<Receipt>(&event)) {
      if (!transaction.Add(*receipt)) return "receipt_pkey";
    } else {
      std::visit([&](const auto& record) { transaction.Put(record); }, event);
    }
  }
  for (const Event& event : events) {
    std::string broken = std::visit(
        [&](const auto& record) { return transaction.BrokenBy(record); },
        event);
    if (!broken.empty()) return broken;
  }
  transaction.Keep();
  return "";
}

}  // namespace archpool::memory
