// SPDX-License-Identifier: Apache-2.0
#include "server/core/state/look_up.h"

#include "common/base/status.h"

namespace archpool {

absl::Status LookUp(const PoolState& state, Archive& archive,
                    SubmitTask& command) {
  command.earlier = std::nullopt;
  command.dataset = std::nullopt;
  if (command.only_check) return absl::OkStatus();
  const int64_t known = state.requests().Find(
      RequestKey::OfTask(command.caller, command.request_id));
  if (state.Find(TaskId{known}) != nullptr) return absl::OkStatus();
  ARCHPOOL_ASSIGN_OR_RETURN(
      command.earlier, archive.FindTask(command.caller, command.request_id));
  if (known != 0 || command.earlier ||
      state.FindDataset(command.spec.dataset) != nullptr) {
    return absl::OkStatus();
  }
  ARCHPOOL_ASSIGN_OR_RETURN(command.dataset,
                            archive.FindDataset(command.spec.dataset));
  return absl::OkStatus();
}

absl::Status LookUp(const PoolState& state, Archive& archive,
                    Deposit& command) {
  command.earlier = std::nullopt;
  if (state.requests().Find(RequestKey::OfDeposit(command.request_id)) != 0) {
    return absl::OkStatus();
  }
  ARCHPOOL_ASSIGN_OR_RETURN(command.earlier,
                            archive.FindDeposit(command.request_id));
  return absl::OkStatus();
}

absl::Status LookUp(const PoolState& state, Archive& archive,
                    RequestPayout& command) {
  command.earlier = std::nullopt;
  const int64_t known = state.requests().Find(
      RequestKey::OfPayout(command.caller, command.request_id));
  if (state.Find(PayoutId{known}) != nullptr) return absl::OkStatus();
  ARCHPOOL_ASSIGN_OR_RETURN(
      command.earlier, archive.FindPayout(command.caller, command.request_id));
  return absl::OkStatus();
}

absl::Status LookUp(const PoolState& state, Archive& archive,
                    RegisterDataset& command) {
  command.earlier = std::nullopt;
  const Digest id = command.manifest.Id();
  if (state.FindDataset(id) != nullptr) return absl::OkStatus();
  ARCHPOOL_ASSIGN_OR_RETURN(command.earlier, archive.FindDataset(id));
  return absl::OkStatus();
}

}  // namespace archpool
