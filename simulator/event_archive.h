// SPDX-License-Identifier: Apache-2.0
// An archive made of events alone, for those that run a pool without a store:
// the simulator and tests.
//
// Not thread-safe.
#ifndef ARCHPOOL_SIMULATOR_EVENT_ARCHIVE_H_
#define ARCHPOOL_SIMULATOR_EVENT_ARCHIVE_H_

#include <optional>
#include <string>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/core/records/archive.h"
#include "server/core/records/entities.h"
#include "server/core/records/request_key.h"

namespace archpool {

class EventArchive : public Archive {
 public:
  // The events of one commit.
  void Take(absl::Span<const Event> events);

  absl::StatusOr<std::optional<Task>> FindTask(
      AccountId client, const std::string& request_id) override;
  absl::StatusOr<std::optional<TransferId>> FindDeposit(
      const std::string& request_id) override;
  absl::StatusOr<std::optional<Payout>> FindPayout(
      AccountId account, const std::string& request_id) override;
  absl::StatusOr<std::optional<DatasetRecord>> FindDataset(
      const Digest& id) override;

 private:
  void Note(const Task& task) { tasks_[RequestKey::Of(task)] = task; }
  void Note(const Transfer& transfer) {
    if (transfer.request_id.empty()) return;
    deposits_[transfer.request_id] = transfer.id;
  }
  void Note(const Payout& payout) {
    if (payout.request_id.empty()) return;
    payouts_[RequestKey::Of(payout)] = payout;
  }
  void Note(const DatasetRecord& dataset) { datasets_[dataset.id] = dataset; }
  template <typename Record>
  void Note(const Record&) {}

  absl::btree_map<RequestKey, Task> tasks_;
  absl::btree_map<std::string, TransferId> deposits_;
  absl::btree_map<RequestKey, Payout> payouts_;
  absl::btree_map<Digest, DatasetRecord> datasets_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SIMULATOR_EVENT_ARCHIVE_H_
