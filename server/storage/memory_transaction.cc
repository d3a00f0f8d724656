// SPDX-License-Identifier: Apache-2.0
#include "server/storage/memory_transaction.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "server/core/records/keys.h"
#include "server/storage/memory_constraints.h"

namespace archpool::memory {
namespace {

// Which constraint refuses a second one of the same id.
const char* PrimaryKeyOf(const Transfer&) { return "transfer_pkey"; }
const char* PrimaryKeyOf(const Receipt&) { return "receipt_pkey"; }

constexpr char kNothingThere[] = "that what goes was there";

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

  // The constraint that refuses it at once, or "".
  template <typename Record>
  std::string Write(const Record& record) {
    if constexpr (kIsOnlyAdded<Record>) {
      if (tables_.All<Record>().contains(KeyOf(record))) {
        return PrimaryKeyOf(record);
      }
    }
    if (IsGone(record)) return Remove(record);
    Put(record);
    return "";
  }

  // Looks at the record as the whole transaction left it.
  template <typename Record>
  std::string BrokenBy(const Record& event) {
    const auto& map = tables_.All<Record>();
    const auto found = map.find(KeyOf(event));
    return found == map.end() ? "" : BrokenConstraint(tables_, &found->second);
  }

 private:
  template <typename Record>
  std::string Remove(const Record& record) {
    auto& map = tables_.All<Record>();
    const auto found = map.find(KeyOf(record));
    if (found == map.end()) return kNothingThere;
    const Record before = found->second;
    Claim(before, -1);
    map.erase(found);
    undo_.push_back([this, &map, before] {
      Claim(before, +1);
      map[KeyOf(before)] = before;
    });
    return "";
  }

  template <typename Record>
  void Put(const Record& record) {
    auto& map = tables_.All<Record>();
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

  template <typename Record>
  void Claim(const Record& record, int64_t sign) {
    for (const UniqueKey& key : UniqueKeysOf(&record)) {
      const int64_t claims = (tables_.claims[key] += sign);
      if (claims == 0) tables_.claims.erase(key);
    }
  }

  Tables& tables_;
  std::vector<std::function<void()>> undo_;
  bool kept_ = false;
};

}  // namespace

std::string Apply(Tables& tables, absl::Span<const Event> events) {
  Transaction transaction(tables);
  for (const Event& event : events) {
    std::string broken = std::visit(
        [&](const auto& record) { return transaction.Write(record); }, event);
    if (!broken.empty()) return broken;
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
