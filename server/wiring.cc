// SPDX-License-Identifier: Apache-2.0
#include "server/wiring.h"

namespace archpool {
namespace {

constexpr int64_t kChoresWaitingMax = 10'000;

}  // namespace

Wiring::Wiring(const WiringParts& parts, const WiringOptions& options)
    : parts_(parts),
      drops_(1, kChoresWaitingMax),
      reports_(1, kChoresWaitingMax),
      search_(options.search
                  ? std::make_unique<SearchRunner>(
                        parts.engine, *options.search, options.policy)
                  : nullptr),
      audit_log_(parts.reader, reports_, options.audit_budget_ppm),
      cleaner_(parts.checkpoints, drops_),
      clock_log_(options.policy.silence_term, parts.metrics) {}

Wiring::~Wiring() { Stop(); }

absl::Status Wiring::StartEngine() {
  Engine& engine = parts_.engine;
  // Ranks what is tried next, on a thread of its own.
  if (search_ != nullptr) engine.Subscribe(*search_);
  // Accounts, sessions, task views, watches, long polls: before the reply goes
  // out, its caller's next question is answered by what was committed.
  engine.Subscribe(parts_.server.listener());
  engine.Subscribe(audit_log_);
  engine.Subscribe(cleaner_);
  engine.Subscribe(clock_log_);
  return engine.Start();
}

void Wiring::Stop() {
  parts_.server.Stop();
  parts_.engine.Stop();
  if (search_ != nullptr) search_->Stop();
  drops_.Stop();
  reports_.Stop();
}

}  // namespace archpool
