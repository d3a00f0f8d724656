// SPDX-License-Identifier: Apache-2.0
// A Store that fails when told to, in every way that a store may fail.
#ifndef ARCHPOOL_TESTS_SUPPORT_FAULTY_STORE_H_
#define ARCHPOOL_TESTS_SUPPORT_FAULTY_STORE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "common/base/status.h"
#include "server/storage/store.h"

namespace archpool {

enum class Fault {
  kNone,
  kUnreachable,      // UNAVAILABLE; nothing was written or read
  kDoubtWritten,     // UNKNOWN; it was written
  kDoubtNotWritten,  // UNKNOWN; it was not
  kConstraint,       // FAILED_PRECONDITION; nothing was written
  kFencedByAnother,  // another writer takes over first
};

// As thread-safe as the store behind it and `plan` are.
class FaultyStore : public Store {
 public:
  enum class Call { kTakeOver, kCommit, kFind };
  // Asked before every call what is to happen to it. For kTakeOver and kFind
  // only kUnreachable counts.
  using Plan = std::function<Fault(Call)>;

  // `store` outlives this object.
  FaultyStore(Store& store, Plan plan)
      : store_(store), plan_(std::move(plan)) {}

  absl::StatusOr<LoadedPool> TakeOver() override {
    if (plan_(Call::kTakeOver) == Fault::kUnreachable) return Unreachable();
    return store_.TakeOver();
  }

  absl::Status Commit(int64_t generation, int64_t sequence,
                      absl::Span<const Event> events) override {
    const absl::Status doubt =
        MakeError(absl::StatusCode::kUnknown, "COMMIT_IN_DOUBT",
                  "injected: the commit may have happened");
    switch (plan_(Call::kCommit)) {
      case Fault::kNone:
        break;
      case Fault::kUnreachable:
        return Unreachable();
      case Fault::kDoubtWritten: {
        const absl::Status status = store_.Commit(generation, sequence, events);
        return status.ok() ? doubt : status;
      }
      case Fault::kDoubtNotWritten:
        return doubt;
      case Fault::kConstraint:
        return FailedPrecondition("CONSTRAINT", "injected: a row was refused");
      case Fault::kFencedByAnother:
        ARCHPOOL_RETURN_IF_ERROR(store_.TakeOver().status());
        break;
    }
    return store_.Commit(generation, sequence, events);
  }

  absl::StatusOr<std::optional<Task>> FindTask(
      AccountId client, const std::string& request_id) override {
    if (plan_(Call::kFind) == Fault::kUnreachable) return Unreachable();
    return store_.FindTask(client, request_id);
  }
  absl::StatusOr<std::optional<TransferId>> FindDeposit(
      const std::string& request_id) override {
    if (plan_(Call::kFind) == Fault::kUnreachable) return Unreachable();
    return store_.FindDeposit(request_id);
  }
  absl::StatusOr<std::optional<Payout>> FindPayout(
      AccountId account, const std::string& request_id) override {
    if (plan_(Call::kFind) == Fault::kUnreachable) return Unreachable();
    return store_.FindPayout(account, request_id);
  }
  absl::StatusOr<std::optional<DatasetRecord>> FindDataset(
      const Digest& id) override {
    if (plan_(Call::kFind) == Fault::kUnreachable) return Unreachable();
    return store_.FindDataset(id);
  }

 private:
  static absl::Status Unreachable() {
    return Unavailable("STORE_UNREACHABLE", "injected: nothing was written");
  }

  Store& store_;
  Plan plan_;
};

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_SUPPORT_FAULTY_STORE_H_
