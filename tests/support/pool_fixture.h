// SPDX-License-Identifier: Apache-2.0
// A small pool for tests: a tiny space, a dataset, and the accounts that the
// commands need. Header only; the pool itself is the real core.
#ifndef ARCHPOOL_TESTS_SUPPORT_POOL_FIXTURE_H_
#define ARCHPOOL_TESTS_SUPPORT_POOL_FIXTURE_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "common/base/check.h"
#include "server/core/pool.h"
#include "server/core/state/look_up.h"
#include "server/core/state/queries.h"
#include "tests/support/fake_commitment.h"

namespace archpool {

// Three dimensions, `widths` × 2 × 2 networks of one stage.
inline SearchSpace TinySpace(int widths) {
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

inline DatasetManifest TinyManifest() {
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

inline TaskSpec TinySpec(int widths) {
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

// Every trial is audited: nothing in a test hangs on a draw.
inline PoolPolicy AuditEverything() {
  PoolPolicy policy;
  policy.audit_floor_ppm = 1'000'000;
  return policy;
}

// Time starts at the epoch and moves when a test says so.
class TestPool {
 public:
  explicit TestPool(const PoolPolicy& pool_policy = AuditEverything())
      : policy(pool_policy), pool(pool_policy, PoolSnapshot()) {
    Do(UpgradeRecords{});
    Do(Tick{});
    client = Make("client", Role::kClient);
    verifier = Make("verifier", Role::kVerifier);
    Do(Deposit{"client", 1'000 * kAmountPerCoin, "seed-money"});
    Do(RegisterDataset{client, TinyManifest(), Sha256("held-out")});
    Advance(2 * policy.silence_term);  // past the hold after a start
  }

  template <typename Command>
  absl::StatusOr<typename Command::Reply> Try(const Command& command) {
    auto reply = Execute(pool, command);
    if (twin) {
      const auto other = Execute(*twin, command);
      ARCHPOOL_CHECK(other.status() == reply.status());
      if constexpr (requires { *other == *reply; }) {
        ARCHPOOL_CHECK(!reply.ok() || *other == *reply);
      }
    }
    return reply;
  }
  template <typename Command>
  typename Command::Reply Do(const Command& command) {
    auto reply = Try(command);
    if (!reply.ok()) {
      std::fprintf(stderr, "%s\n", reply.status().ToString().c_str());
    }
    ARCHPOOL_CHECK(reply.ok());
    return *std::move(reply);
  }

  AccountId Make(const std::string& name, Role role) {
    return Do(CreateAccount{name, role, Sha256(name)}).id;
  }
  SessionId Open(AccountId miner, const std::string& worker) {
    return Do(OpenSession{miner, worker, 1});
  }
  TaskId Submit(const TaskSpec& spec, const std::string& request_id = "r1") {
    return Do(SubmitTask{client, spec, request_id, Sha256("secret")});
  }
  void Advance(absl::Duration duration) {
    const absl::Time end = now + duration;
    while (now < end) {
      now = std::min(end, now + policy.silence_term / 4);
      Do(Tick{});
    }
  }
  // Commits one trial with a claim; what the pool wants of it.
  ReportTrials::Result Commit(AccountId miner, SessionId session,
                              const Lease& lease, TrialId trial,
                              int64_t claim) {
    const int64_t segments =
        pool.state().Find(lease.task)->spec->recipe.segments;
    auto results = Do(ReportTrials{miner,
                                   session,
                                   lease.id,
                                   lease.attempt,
                                   {FakeReport(trial, segments, claim)}})
                       .results;
    ARCHPOOL_CHECK(results[0].status.ok());
    return results[0];
  }
  // Sends what is wanted of a committed trial, an audit's segment included.
  void Answer(AccountId miner, TrialId id) {
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
  // Commits one trial with a claim, and delivers what is wanted of it.
  void Deliver(AccountId miner, SessionId session, const Lease& lease,
               TrialId trial, int64_t claim) {
    Commit(miner, session, lease, trial, claim);
    Answer(miner, trial);
  }
  // Answers and passes every audit that is open, those that this brings
  // included, as a pool of honest miners does when its tasks end.
  void VerifyAll() {
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
      // What is settled in steps.
      while (!ReadyToSettle(pool.state()).empty()) {
        more = true;
        Do(Tick{});
      }
    }
  }
  // Takes the next audit and reports what was measured; where that blames its
  // miner, a second verifier measures the same.
  ReportAudit::Reply Verify(int64_t validation_correct,
                            int64_t held_out_correct) {
    ReportAudit::Reply reply;
    for (const char* name : {"v1", "v2"}) {
      const auto grant = Do(AcquireAudit{verifier, name});
      ARCHPOOL_CHECK(grant.has_value());
      reply = Do(
          ReportAudit{verifier, grant->audit.id, grant->audit.attempt, name,
                      WeightsMeasured{validation_correct, held_out_correct}});
      const Audit* open = pool.state().Find(grant->audit.id);
      if (open == nullptr || !IsBlamed(*open)) break;
    }
    return reply;
  }

  PoolPolicy policy;
  absl::Time now = absl::UnixEpoch();
  Pool pool;
  // Where it is set, hears every command too, and is to decide the same.
  std::optional<Pool> twin;
  // Where it is set, each pool is told of it what it does not hold itself, as
  // an engine does from its store. REQUIRES: it has what was taken of `pool`.
  Archive* archive = nullptr;
  AccountId client;
  AccountId verifier;

 private:
  template <typename Command>
  absl::StatusOr<typename Command::Reply> Execute(Pool& to, Command command) {
    if (archive != nullptr) {
      ARCHPOOL_CHECK(LookUp(to.state(), *archive, command).ok());
    }
    return to.Execute(command, now);
  }
};

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_SUPPORT_POOL_FIXTURE_H_
