// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>

#include "server/core/accounts/accounts.h"
#include "server/core/rules/retention.h"
#include "server/core/state/storage.h"

namespace archpool::accounts {
namespace {

// The core holds all files: what it has of them counts, and not what was read.
void EndFiles(Step& step, const BlobClaims& claims, EndClaims::Reply& reply) {
  for (const StoredFile& read : claims.files) {
    const auto found = step.state.files().find(KeyOf(read));
    if (found == step.state.files().end()) continue;
    StoredFile file = found->second;
    if (!IsOver(step.policy.retention, file, step.now)) {
      reply.is_wanted = true;
      continue;
    }
    file.is_gone = true;
    step.state.Put(file);
    TakeStored(step.state, file.account, CountedBytes(file.size_bytes), 0);
    ++reply.ended;
  }
}

void EndDataset(Step& step, DatasetClaim claim, EndClaims::Reply& reply) {
  const DatasetRecord* held = step.state.FindDataset(claim.dataset.id);
  if (held != nullptr) claim.dataset = *held;
  claim.has_open_task |= step.state.IsInUse(claim.dataset.id);
  DatasetRecord& dataset = claim.dataset;
  if (dataset.drop_time) return;
  if (IsOver(step.policy.retention, claim, step.now)) {
    dataset.drop_time = step.now;
    TakeStored(step.state, dataset.owner, dataset.stored_bytes, 0);
    dataset.stored_bytes = 0;
    step.state.Put(dataset);
    reply.dropped.push_back(dataset.id);
    ++reply.ended;
    return;
  }
  reply.is_wanted = true;
  if (dataset.register_time || claim.last_end_time || claim.has_open_task) {
    return;
  }
  // Nobody noted when it was registered: it is as if it had been now.
  dataset.register_time = step.now;
  step.state.Put(dataset);
}

void EndWeights(Step& step, const BlobClaims& claims, EndClaims::Reply& reply) {
  const bool is_of_open_task =
      std::any_of(claims.trials.begin(), claims.trials.end(),
                  [&](const WeightsClaim& claim) {
                    return step.state.Find(claim.task) != nullptr;
                  });
  if (is_of_open_task ||
      IsWantedByTrials(step.policy.retention, claims, step.now)) {
    reply.is_wanted = true;
    return;
  }
  for (StoredWeights weights : claims.weights) {
    weights.is_gone = true;
    step.state.Put(weights);
    TakeStored(step.state, weights.account, 0, weights.size_bytes);
    ++reply.ended;
  }
}

}  // namespace

absl::StatusOr<EndClaims::Reply> Execute(Step& step, const EndClaims& command) {
  EndClaims::Reply reply;
  EndFiles(step, command.claims, reply);
  for (const DatasetClaim& claim : command.claims.datasets) {
    EndDataset(step, claim, reply);
  }
  EndWeights(step, command.claims, reply);
  return reply;
}

}  // namespace archpool::accounts
