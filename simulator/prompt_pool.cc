// SPDX-License-Identifier: Apache-2.0
#include "simulator/prompt_pool.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"

namespace archpool {
namespace {

CheckpointChain AnyChain(int64_t segments) {
  std::vector<CheckpointFiles> boundaries;
  for (int64_t k = 0; k <= segments; ++k) {
    boundaries.push_back({Sha256(absl::StrCat("weights ", k)), 100,
                          Sha256(absl::StrCat("optimizer ", k)), 100});
  }
  return CheckpointChain(boundaries);
}

}  // namespace

PromptPool::PromptPool(const PoolPolicy& policy,
                       std::function<void(const Event&)> watch)
    : pool_(policy, PoolSnapshot()),
      watch_(std::move(watch)),
      chain_(AnyChain(kTrainingSegments)) {}

void PromptPool::MoveTo(absl::Time time) {
  while (now_ < time) {
    now_ = std::min(time, now_ + absl::Minutes(1));
    Must(Tick{});
  }
}

void PromptPool::AnswerAudits(absl::FunctionRef<bool(TrialId)> leaves) {
  // An answer changes what is gone through here.
  std::vector<std::pair<TrialId, int64_t>> asked;
  for (const auto& [id, task] : state().tasks().all()) {
    for (const AuditId audit : state().IndexOf(id).audits) {
      const Audit& record = *state().Find(audit);
      if (record.state != AuditState::kAsked || leaves(record.trial)) continue;
      asked.push_back({record.trial, record.segment});
    }
  }
  for (const auto& [trial, segment] : asked) Answer(trial, segment);
}

void PromptPool::Answer(TrialId trial, int64_t segment) {
  const AccountId account = state().Find(trial)->account;
  Must(RevealSegment{account, trial, chain_.Open(segment)});
  const CheckpointFiles& begin = chain_.boundary(segment);
  const CheckpointFiles& end = chain_.boundary(kTrainingSegments);
  // A file that is not wanted any more is refused.
  for (const Digest& file : {begin.weights, begin.optimizer}) {
    (void)Try(ConfirmUpload{account, trial, file, true});
  }
  (void)Try(ConfirmUpload{account, trial, end.weights});
}

void PromptPool::ExamineAudits(
    AccountId verifier,
    absl::FunctionRef<AuditFinding(const AuditGrant&)> find) {
  for (const char* name : {"v1", "v2"}) {
    while (const auto grant = Must(AcquireAudit{verifier, name})) {
      const Audit& audit = grant->audit;
      Must(ReportAudit{verifier, audit.id, audit.attempt, name, find(*grant)});
    }
  }
}

SearchSpace PlainSpace() {
  std::vector<Dimension> dimensions(3);
  for (size_t d = 0; d < dimensions.size(); ++d) {
    dimensions[d].name = absl::StrCat("d", d);
    for (int64_t c = 0; c < 32; ++c) dimensions[d].choices.emplace_back(c);
  }
  const auto space = SearchSpace::CreatePlain(dimensions);
  ARCHPOOL_CHECK(space.ok());
  return *space;
}

}  // namespace archpool
