// SPDX-License-Identifier: Apache-2.0
#include "simulator/event_archive.h"

#include <variant>

namespace archpool {
namespace {

template <typename Map>
std::optional<typename Map::mapped_type> LookUpIn(
    const Map& map, const typename Map::key_type& key) {
  const auto found = map.find(key);
  if (found == map.end()) return std::nullopt;
  return found->second;
}

}  // namespace

void EventArchive::Take(absl::Span<const Event> events) {
  for (const Event& event : events) {
    std::visit([this](const auto& record) { Note(record); }, event);
  }
}

absl::StatusOr<std::optional<Task>> EventArchive::FindTask(
    AccountId client, const std::string& request_id) {
  return LookUpIn(tasks_, RequestKey::OfTask(client, request_id));
}

absl::StatusOr<std::optional<TransferId>> EventArchive::FindDeposit(
    const std::string& request_id) {
  return LookUpIn(deposits_, request_id);
}

absl::StatusOr<std::optional<Payout>> EventArchive::FindPayout(
    AccountId account, const std::string& request_id) {
  return LookUpIn(payouts_, RequestKey::OfPayout(account, request_id));
}

absl::StatusOr<std::optional<DatasetRecord>> EventArchive::FindDataset(
    const Digest& id) {
  return LookUpIn(datasets_, id);
}

}  // namespace archpool
