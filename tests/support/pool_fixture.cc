// SPDX-License-Identifier: Apache-2.0
#include "tests/support/pool_fixture.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "tests/support/fake_commitment.h"

namespace archpool {

SearchSpace TinySpace(int widths) {
  std::vector<ChoiceValue> width_choices;
  for (int64_t i = 1; i <= widths; ++i) width_choices.emplace_back(4 * i);
  ChainTemplate chain;
  chain.stem_width = int64_t{4};
  chain.stages = {StageTemplate{
      .stride = 2,
      .blocks = {BlockTemplate{.operation = DimensionRef{"operation"},
                               .kernel = DimensionRef{"kernel"},
                               .width = DimensionRef{"width"}}}}};
  auto space = SearchSpace::Create(
      {{"width", width_choices},
       {"kernel", {int64_t{3}, int64_t{5}}},
       {"operation", {std::string("conv"), std::string("separable")}}},
      chain);
  ARCHPOOL_CHECK(space.ok());
  return *space;
}

DatasetManifest TinyManifest() {
  DatasetManifest manifest;
  manifest.shape = {1, 8, 8};
  manifest.classes = 10;
  manifest.train_count = 1000;
  manifest.validation_count = 1000;
  manifest.held_out_count = 1000;
  manifest.train = Sha256("train");
  manifest.validation = Sha256("validation");
  manifest.deviation_ppm = 1'000'000;
  return manifest;
}

TaskSpec TinySpec(int widths) {
  TaskSpec spec;
  spec.name = "tiny";
  spec.dataset = TinyManifest().Id();
  spec.space = TinySpace(widths);
  spec.budget.work_units = 1'000'000'000;
  spec.budget.time_limit = absl::Hours(1);
  spec.terms.reward = 100 * kAmountPerCoin;
  spec.subspaces = 4;
  spec.trials_per_lease = 2;
  return spec;
}

PoolPolicy AuditEverything() {
  PoolPolicy policy;
  policy.audit_floor_ppm = 1'000'000;
  return policy;
}

TestPool::TestPool(const PoolPolicy& pool_policy)
    : policy(pool_policy), pool(pool_policy, PoolSnapshot()) {
  Do(UpgradeRecords{});
  Do(Tick{});
  client = Make("client", Role::kClient);
  verifier = Make("verifier", Role::kVerifier);
  Do(Deposit{"client", 1'000 * kAmountPerCoin, "seed-money"});
  Do(RegisterDataset{client, TinyManifest(), Sha256("held-out")});
  Advance(2 * policy.silence_term);  // past the hold after a start
}

AccountId TestPool::Make(const std::string& name, Role role) {
  return Do(CreateAccount{name, role, Sha256(name)}).id;
}

SessionId TestPool::Open(AccountId miner, const std::string& worker) {
  return Do(OpenSession{miner, worker, 1});
}

TaskId TestPool::Submit(const TaskSpec& spec, const std::string& request_id) {
  return Do(SubmitTask{client, spec, request_id, Sha256("secret")});
}

void TestPool::Advance(absl::Duration duration) {
  const absl::Time end = now + duration;
  while (now < end) {
    now = std::min(end, now + policy.silence_term / 4);
    Do(Tick{});
  }
}

ReportTrials::Result TestPool::Commit(AccountId miner, SessionId session,
                                      const Lease& lease, TrialId trial,
                                      int64_t claim) {
  const int64_t segments = pool.state().Find(lease.task)->spec->recipe.segments;
  auto results = Do(ReportTrials{miner,
                                 session,
                                 lease.id,
                                 lease.attempt,
                                 {FakeReport(trial, segments, claim)}})
                     .results;
  ARCHPOOL_CHECK(results[0].status.ok());
  return results[0];
}

void TestPool::Answer(AccountId miner, TrialId id) {
  const Trial* trial = pool.state().Find(id);
  if (trial == nullptr) return;
  const Digest weights = CommitmentOf(*trial).weights_digest;
  const bool wants_weights = trial->state == TrialState::kCommitted;
  const Audit* audit = pool.state().Find(pool.state().audits().Of(id));
  if (audit != nullptr && audit->state == AuditState::kAsked) {
    const int64_t segment = audit->segment;
    const CheckpointChain chain =
        FakeChain(id, pool.state().Find(trial->task)->spec->recipe.segments);
    Do(RevealSegment{miner, id, chain.Open(segment)});
    if (segment > 0) {
      Do(ConfirmUpload{miner, id, chain.boundary(segment).weights, true});
      Do(ConfirmUpload{miner, id, chain.boundary(segment).optimizer, true});
    }
    Do(ConfirmUpload{miner, id, weights});
  } else if (wants_weights) {
    Do(ConfirmUpload{miner, id, weights});
  }
}

void TestPool::Deliver(AccountId miner, SessionId session, const Lease& lease,
                       TrialId trial, int64_t claim) {
  Commit(miner, session, lease, trial, claim);
  Answer(miner, trial);
}

void TestPool::VerifyAll() {
  for (bool more = true; more;) {
    more = false;
    std::vector<std::pair<AccountId, TrialId>> asked;
    for (const auto& [id, task] : pool.state().tasks().all()) {
      for (const AuditId audit : pool.state().IndexOf(id).audits) {
        const TrialId trial = pool.state().Find(audit)->trial;
        asked.push_back({pool.state().Find(trial)->account, trial});
      }
    }
    for (const auto& [miner, trial] : asked) Answer(miner, trial);
    while (const auto grant = Do(AcquireAudit{verifier, "v1"})) {
      more = true;
      const int64_t correct = CommitmentOf(grant->trial).claimed_correct;
      Do(ReportAudit{verifier, grant->audit.id, grant->audit.attempt, "v1",
                     WeightsMeasured{correct, correct}});
    }
    // What is judged and settled in steps.
    while (!pool.state().accounts().judged().empty() ||
           !ReadyToSettle(pool.state()).empty()) {
      more = true;
      Do(Tick{});
    }
  }
}

ReportAudit::Reply TestPool::Verify(int64_t validation_correct,
                                    int64_t held_out_correct) {
  ReportAudit::Reply reply;
  for (const char* name : {"v1", "v2"}) {
    const auto grant = Do(AcquireAudit{verifier, name});
    ARCHPOOL_CHECK(grant.has_value());
    reply =
        Do(ReportAudit{verifier, grant->audit.id, grant->audit.attempt, name,
                       WeightsMeasured{validation_correct, held_out_correct}});
    const Audit* open = pool.state().Find(grant->audit.id);
    if (open == nullptr || !IsBlamed(*open)) break;
  }
  return reply;
}
}  // namespace archpool
