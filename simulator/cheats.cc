// SPDX-License-Identifier: Apache-2.0
#include "simulator/cheats.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/counter_rng.h"
#include "common/base/status.h"
#include "server/core/rules/training_steps.h"
#include "server/core/state/queries.h"
#include "simulator/prompt_pool.h"

namespace archpool {
namespace {

constexpr int64_t kSegments = PromptPool::kTrainingSegments;
constexpr int64_t kDatasetExamples = 10'000;
constexpr int kMiners = 4;  // the first one cheats
constexpr absl::Duration kTraining = absl::Seconds(60);
// Reporting and asking for the next take a moment, for every worker.
constexpr absl::Duration kMoment = absl::Seconds(1);

DatasetManifest MakeManifest() {
  DatasetManifest manifest;
  manifest.shape = {1, 8, 8};
  manifest.classes = 1'000'000;  // nothing counts as no better than chance
  manifest.train_count = absl::ToInt64Microseconds(kTraining);
  manifest.validation_count = kDatasetExamples;
  manifest.held_out_count = kDatasetExamples;
  manifest.train = Sha256("train");
  manifest.validation = Sha256("validation");
  manifest.deviation_ppm = 1'000'000;
  return manifest;
}

TaskSpec MakeSpec(const DatasetManifest& manifest) {
  TaskSpec spec;
  spec.name = "cheated";
  spec.dataset = manifest.Id();
  spec.space = PlainSpace();
  spec.budget.work_units = kWorkUnitsMax;
  spec.budget.time_limit = limits::kTimeLimit.max;
  spec.terms.reward = 1'000'000 * kAmountPerCoin;
  spec.subspaces = 16;
  spec.trials_per_lease = 1;
  spec.recipe.segments = kSegments;
  return spec;
}

PoolPolicy MakePolicy() {
  PoolPolicy policy;
  policy.backups = false;  // everybody is equally quick
  policy.leases_on_trust = 1'000'000;
  // No heartbeats here: longer than the time between two reports, and too short
  // for a miner to count as there whose answer is due.
  policy.silence_term = absl::Minutes(5);
  return policy;
}

// A share of 1 that belongs to an architecture: its accuracy.
double AccuracyOf(const Digest& architecture) {
  return 0.6 + 0.3 * CounterRng(architecture.Prefix64(), 0).NextUnitFloat();
}

class CheatSimulation {
 public:
  CheatSimulation(const CheatPlan& plan, int64_t duration, uint64_t seed)
      : plan_(plan),
        end_(absl::UnixEpoch() +
             static_cast<double>(duration) * (kTraining + kMoment)),
        rng_(seed, 3),
        seed_(seed),
        pool_(MakePolicy(), [this](const Event& event) { Watch(event); }) {}

  CheatOutcome Run() {
    Open();
    while (true) {
      const auto next = std::min_element(
          miners_.begin(), miners_.end(),
          [](const Miner& a, const Miner& b) { return a.free < b.free; });
      if (next->free >= end_) break;
      pool_.MoveTo(next->free);
      Work(*next);
    }
    pool_.MoveTo(end_);
    pool_.Must(CancelTask{task_, {}});
    // Until what nobody answers for is given up, and what follows from that.
    while (pool_.state().Find(task_) != nullptr) {
      AnswerAndVerify();
      pool_.MoveTo(pool_.now() + absl::Minutes(1));
    }
    return Finish();
  }

 private:
  struct Miner {
    bool cheats = false;
    AccountId account;
    SessionId session;
    absl::Time free;
    int64_t committed = 0;  // under that name
    Lease lease;
    std::deque<Assignment> list;
    bool is_training = false;
    bool is_faking = false;
  };

  void Open() {
    pool_.Must(Tick{});
    const AccountId client =
        pool_.Must(CreateAccount{"client", Role::kClient, Sha256("client")}).id;
    verifier_ =
        pool_.Must(CreateAccount{"verifier", Role::kVerifier, Sha256("v")}).id;
    const DatasetManifest manifest = MakeManifest();
    const TaskSpec spec = MakeSpec(manifest);
    pool_.Must(Deposit{"client", spec.terms.reward, "deposit"});
    pool_.Must(RegisterDataset{client, manifest, Sha256("held-out")});
    task_ = pool_.Must(SubmitTask{client, spec, "task",
                                  Sha256(absl::StrCat("secret ", seed_))});
    miners_.resize(kMiners);
    miners_[0].cheats = true;
    for (Miner& miner : miners_) {
      Register(miner);
      // Not all at one moment.
      miner.free = pool_.now() + kMoment * (&miner - miners_.data());
    }
  }

  void Register(Miner& miner) {
    const std::string name = absl::StrCat("miner-", ++accounts_);
    miner.account =
        pool_.Must(CreateAccount{name, Role::kMiner, Sha256(name)}).id;
    miner.session = pool_.Must(OpenSession{miner.account, "w", 1});
    miner.committed = 0;
    miner.list.clear();
    if (miner.cheats) persons_accounts_.insert(miner.account);
  }

  // One step: finishes the trial under way, or begins the next.
  void Work(Miner& miner) {
    if (miner.is_training) FinishTrial(miner);
    if (miner.cheats && plan_.falls_silent && IsAskedForFake(miner.account)) {
      if (!plan_.moves_on) {
        miner.free = pool_.now() + kTraining;
        return;
      }
      Register(miner);
    }
    if (miner.list.empty() && !TakeLease(miner)) {
      miner.free = pool_.now() + kMoment;
      return;
    }
    Begin(miner);
  }

  // An audit of a fake of that account is not decided.
  bool IsAskedForFake(AccountId account) const {
    return std::any_of(fakes_.begin(), fakes_.end(), [&](TrialId id) {
      const Trial* trial = pool_.state().Find(id);
      return trial != nullptr && trial->account == account &&
             pool_.state().audits().Of(id).IsSet();
    });
  }

  bool TakeLease(Miner& miner) {
    const auto reply =
        pool_.Try(AcquireLease{miner.account, miner.session, {}});
    if (GetReason(reply.status()) == "ACCOUNT_SUSPENDED") {
      Register(miner);  // under another name
      return false;
    }
    if (!reply.ok() || !reply->grant) return false;
    miner.lease = reply->grant->lease;
    miner.list.assign(reply->grant->assignments.begin(),
                      reply->grant->assignments.end());
    return !miner.list.empty();
  }

  void Begin(Miner& miner) {
    miner.is_training = true;
    const int64_t committed =
        plan_.moves_on ? miner.committed : outcome_.committed_trials;
    miner.is_faking = miner.cheats && committed >= plan_.honest_trials &&
                      rng_.NextUnitFloat() < static_cast<float>(plan_.trials);
    // A claim that is inflated costs the training; everything else saves it.
    double trained =
        miner.is_faking && plan_.inflation == 0 ? 1 - plan_.segments : 1;
    if (miner.is_faking && plan_.diverges_in > 0 &&
        !plan_.makes_up_divergence) {
      trained = static_cast<double>(plan_.diverges_in - 1) / kSegments;
    }
    if (miner.cheats) outcome_.trained_trials += trained;
    miner.free = pool_.now() + trained * kTraining + kMoment;
  }

  void FinishTrial(Miner& miner) {
    const Assignment done = miner.list.front();
    miner.list.pop_front();
    miner.is_training = false;
    double claim = AccuracyOf(done.architecture_id);
    if (miner.is_faking) {
      claim = plan_.claims_chance || plan_.diverges_in > 0
                  ? 0
                  : claim + plan_.inflation;
      fakes_.insert(done.trial);
    }
    outcome_.trainings += 1;
    if (miner.cheats) {
      ++outcome_.committed_trials;
      ++miner.committed;
      if (first_fake_ == 0 && miner.is_faking) {
        first_fake_ = outcome_.committed_trials;
      }
    }
    const auto reply =
        pool_.Try(ReportTrials{miner.account,
                               miner.session,
                               miner.lease.id,
                               miner.lease.attempt,
                               {ReportOf(done.trial, claim, miner.is_faking)}});
    AnswerAndVerify();
    if (!reply.ok() || !reply->results[0].status.ok() ||
        pool_.state().Find(miner.lease.id) == nullptr) {
      miner.list.clear();
      return;
    }
    miner.list.insert(miner.list.end(), reply->appended.begin(),
                      reply->appended.end());
  }

  TrialReport ReportOf(TrialId trial, double claim, bool is_fake) const {
    const CheckpointFiles& end = pool_.chain().boundary(kSegments);
    std::optional<int64_t> diverged;
    if (is_fake && plan_.diverges_in > 0) {
      diverged = Steps() * (plan_.diverges_in - 1) / kSegments;
    }
    return {
        .trial = trial,
        .weights_digest = end.weights,
        .weights_size_bytes = end.weights_size_bytes,
        .validation_correct = std::min(
            kDatasetExamples, static_cast<int64_t>(claim * kDatasetExamples)),
        .diverged_at_step = diverged,
        .checkpoint_root = pool_.chain().Root(),
        .final_optimizer = end.optimizer,
        .final_proof = pool_.chain().ProofOf(kSegments)};
  }

  // The steps of every training.
  int64_t Steps() const {
    const Task& task = *pool_.state().Find(task_);
    return StepsOf(task.spec->recipe, ManifestOf(pool_.state(), task_),
                   Trial());
  }

  void AnswerAndVerify() {
    pool_.AnswerAudits([this](TrialId trial) {
      return plan_.leaves_audits && fakes_.contains(trial);
    });
    pool_.ExamineAudits(verifier_, [this](const AuditGrant& grant) {
      outcome_.replayed_trainings +=
          grant.audit.kind == AuditKind::kWhole ? 1 : 1.0 / kSegments;
      return FindingOf(grant);
    });
  }

  // Whether the audit's replay leads elsewhere.
  bool IsFalse(const Audit& audit) {
    if (!fakes_.contains(audit.trial) || plan_.inflation > 0) return false;
    if (plan_.has_false_start || audit.kind == AuditKind::kWhole) return true;
    if (plan_.diverges_in > 0) {
      return !plan_.makes_up_divergence &&
             audit.segment == plan_.diverges_in - 1;
    }
    // The same segment is as false for the second verifier.
    CounterRng segment(static_cast<uint64_t>(audit.trial.value), seed_);
    return segment.NextUnitFloat() < static_cast<float>(plan_.segments);
  }

  AuditFinding FindingOf(const AuditGrant& grant) {
    const Audit& audit = grant.audit;
    if (plan_.breaks_verifiers && fakes_.contains(audit.trial) &&
        audit.kind == AuditKind::kSegment) {
      return AuditInconclusive{"EXAMINER_CRASHED"};
    }
    if (IsFalse(audit)) return TrainingRefuted{"SEGMENT_FALSE"};
    const double accuracy = CommitmentOf(grant.trial).diverged_at_step
                                ? 0
                                : AccuracyOf(grant.trial.architecture_id);
    const auto truth = static_cast<int64_t>(accuracy * kDatasetExamples);
    const bool is_credible = CommitmentOf(grant.trial).claimed_correct <=
                             truth + kDatasetExamples / 25;
    return WeightsMeasured{truth, truth, audit.measures_all || !is_credible};
  }

  void Watch(const Event& event) {
    const auto* trial = std::get_if<Trial>(&event);
    if (trial == nullptr) return;
    const bool is_persons = persons_accounts_.contains(trial->account);
    if (trial->state == TrialState::kAccepted) {
      if (is_persons) accepted_[trial->id] = PaidShareOf(*trial);
      return;
    }
    accepted_.erase(trial->id);
    if (trial->state != TrialState::kRejected) return;
    if (!is_persons) ++outcome_.honest_rejected;
    if (is_persons && trial->reason != "CREDIT_VOID" && first_fake_ > 0 &&
        !outcome_.found_after) {
      outcome_.found_after = outcome_.committed_trials - first_fake_ + 1;
    }
  }

  // If a training diverged, the segments before that are paid.
  double PaidShareOf(const Trial& trial) const {
    if (!CommitmentOf(trial).diverged_at_step) return 1;
    return static_cast<double>(plan_.diverges_in - 1) / kSegments;
  }

  CheatOutcome Finish() {
    for (const auto& [trial, share] : accepted_) outcome_.paid_trials += share;
    return outcome_;
  }

  const CheatPlan plan_;
  const absl::Time end_;
  CounterRng rng_;
  const uint64_t seed_;
  PromptPool pool_;
  AccountId verifier_;
  TaskId task_;
  std::vector<Miner> miners_;
  int64_t accounts_ = 0;
  std::set<AccountId> persons_accounts_;
  std::set<TrialId> fakes_;
  std::map<TrialId, double> accepted_;  // the cheater's, as parts of a whole
  int64_t first_fake_ = 0;
  CheatOutcome outcome_;
};

}  // namespace

CheatOutcome SimulateCheat(const CheatPlan& plan, int64_t duration,
                           uint64_t seed) {
  return CheatSimulation(plan, duration, seed).Run();
}

}  // namespace archpool
