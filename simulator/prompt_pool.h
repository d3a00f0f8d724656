// SPDX-License-Identifier: Apache-2.0
// A pool in simulated time, in which nobody is slow to answer: what the
// simulations of cheats have in common.
#ifndef ARCHPOOL_SIMULATOR_PROMPT_POOL_H_
#define ARCHPOOL_SIMULATOR_PROMPT_POOL_H_

#include <cstdint>
#include <functional>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/check.h"
#include "common/model/commitment.h"
#include "common/nas/search_space.h"
#include "server/core/pool.h"

namespace archpool {

// Thread-compatible.
class PromptPool {
 public:
  // The segments of every training.
  static constexpr int64_t kTrainingSegments = 16;

  // `watch` is told each change, in order.
  PromptPool(const PoolPolicy& policy, std::function<void(const Event&)> watch);

  const PoolState& state() const { return pool_.state(); }
  absl::Time now() const { return now_; }
  // The checkpoints that every training commits to: what is in them is never
  // looked at.
  const CheckpointChain& chain() const { return chain_; }

  template <typename Command>
  absl::StatusOr<typename Command::Reply> Try(const Command& command) {
    auto reply = pool_.Execute(command, now_);
    for (const Event& event : pool_.TakeEvents()) watch_(event);
    return reply;
  }

  template <typename Command>
  typename Command::Reply Must(const Command& command) {
    auto reply = Try(command);
    ARCHPOOL_CHECK(reply.ok());
    return *std::move(reply);
  }

  // With a tick every minute, and at its end.
  void MoveTo(absl::Time time);

  // Reveals and uploads whatever audits ask for, but for trials that `leaves`
  // names.
  void AnswerAudits(absl::FunctionRef<bool(TrialId)> leaves);

  // Two verifiers of the account examine all that was answered. `find` says
  // what comes of it.
  void ExamineAudits(AccountId verifier,
                     absl::FunctionRef<AuditFinding(const AuditGrant&)> find);

 private:
  void Answer(TrialId trial, int64_t segment);

  absl::Time now_ = absl::UnixEpoch();
  Pool pool_;
  const std::function<void(const Event&)> watch_;
  const CheckpointChain chain_;
};

// Three dimensions of 32 choices that mean nothing.
SearchSpace PlainSpace();

}  // namespace archpool

#endif  // ARCHPOOL_SIMULATOR_PROMPT_POOL_H_
