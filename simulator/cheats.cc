// SPDX-License-Identifier: Apache-2.0
#include "simulator/cheats.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/counter_rng.h"
#include "common/base/status.h"
#include "server/core/pool.h"
#include "server/core/rules/training_steps.h"
#include "server/core/state/queries.h"

namespace archpool {
namespace {

constexpr int64_t kSegments = 16;
constexpr int64_t kDatasetExamples = 10'000;
constexpr int kMiners = 4;  // the first one cheats
constexpr absl::Duration kTraining = absl::Seconds(60);
// Reporting and asking for the next take a moment, for every worker.
constexpr absl::Duration kMoment = absl::Seconds(1);

CheckpointChain MakeChain(int64_t segments) {
  std::vector<CheckpointFiles> boundaries;
  for (int64_t k = 0; k <= segments; ++k) {
    boundaries.push_back({Sha256(absl::StrCat("weights ", k)), 100,
                          Sha256(absl::StrCat("optimizer ", k)), 100});
  }
  return CheckpointChain(boundaries);
}

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
  std::vector<Dimension> dimensions(3);
  for (size_t d = 0; d < dimensions.size(); ++d) {
    dimensions[d].name = absl::StrCat("d", d);
    for (int64_t c = 0; c < 32; ++c) dimensions[d].choices.emplace_back(c);
  }
  TaskSpec spec;
  spec.name = "cheated";
  spec.dataset = manifest.Id();
  const auto space = SearchSpace::CreatePlain(dimensions);
  ARCHPOOL_CHECK(space.ok());
  spec.space = *space;
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
        pool_(MakePolicy(), PoolSnapshot()) {}

  CheatOutcome Run() {
    Open();
    while (true) {
      const auto next = std::min_element(
          miners_.begin(), miners_.end(),
          [](const Miner& a, const Miner& b) { return a.free < b.free; });
      if (next->free >= end_) break;
      MoveTo(next->free);
      Work(*next);
    }
    MoveTo(end_);
    Must(CancelTask{task_, {}});
    // Until what nobody answers for is given up, and what follows from that.
    while (pool_.state().Find(task_) != nullptr) {
      AnswerAndVerify();
      MoveTo(now_ + absl::Minutes(1));
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

  template <typename Command>
  typename Command::Reply Must(const Command& command) {
    auto reply = pool_.Execute(command, now_);
    ARCHPOOL_CHECK(reply.ok());
    Watch();
    return *std::move(reply);
  }

  void MoveTo(absl::Time time) {
    while (now_ < time) {
      now_ = std::min(time, now_ + absl::Minutes(1));
      Must(Tick{});
    }
  }

  void Open() {
    Must(Tick{});
    const AccountId client =
        Must(CreateAccount{"client", Role::kClient, Sha256("client")}).id;
    verifier_ =
        Must(CreateAccount{"verifier", Role::kVerifier, Sha256("v")}).id;
    const DatasetManifest manifest = MakeManifest();
    const TaskSpec spec = MakeSpec(manifest);
    Must(Deposit{"client", spec.terms.reward, "deposit"});
    Must(RegisterDataset{client, manifest, Sha256("held-out")});
    task_ = Must(SubmitTask{client, spec, "task",
                            Sha256(absl::StrCat("secret ", seed_))});
    miners_.resize(kMiners);
    miners_[0].cheats = true;
    for (Miner& miner : miners_) {
      Register(miner);
      // Not all at one moment.
      miner.free = now_ + kMoment * (&miner - miners_.data());
    }
  }

  void Register(Miner& miner) {
    const std::string name = absl::StrCat("miner-", ++accounts_);
    miner.account = Must(CreateAccount{name, Role::kMiner, Sha256(name)}).id;
    miner.session = Must(OpenSession{miner.account, "w", 1});
    miner.committed = 0;
    miner.list.clear();
    if (miner.cheats) persons_accounts_.insert(miner.account);
  }

  // One step: finishes the trial under way, or begins the next.
  void Work(Miner& miner) {
    if (miner.is_training) FinishTrial(miner);
    if (miner.cheats && plan_.falls_silent && IsAskedForFake(miner.account)) {
      if (!plan_.moves_on) {
        miner.free = now_ + kTraining;
        return;
      }
      Register(miner);
    }
    if (miner.list.empty() && !TakeLease(miner)) {
      miner.free = now_ + kMoment;
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
    auto reply =
        pool_.Execute(AcquireLease{miner.account, miner.session, {}}, now_);
    Watch();
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
    miner.free = now_ + trained * kTraining + kMoment;
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
    auto reply = pool_.Execute(
        ReportTrials{miner.account,
                     miner.session,
                     miner.lease.id,
                     miner.lease.attempt,
                     {ReportOf(done.trial, claim, miner.is_faking)}},
        now_);
    Watch();
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
    const CheckpointFiles& end = chain_.boundary(kSegments);
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
        .checkpoint_root = chain_.Root(),
        .final_optimizer = end.optimizer,
        .final_proof = chain_.ProofOf(kSegments)};
  }

  // The steps of every training.
  int64_t Steps() const {
    const Task& task = *pool_.state().Find(task_);
    return StepsOf(task.spec->recipe, ManifestOf(pool_.state(), task_),
                   Trial());
  }

  void AnswerAndVerify() {
    const PoolState& state = pool_.state();
    std::vector<std::pair<TrialId, int64_t>> asked;
    for (const auto& [id, task] : state.tasks().all()) {
      for (const AuditId audit : state.IndexOf(id).audits) {
        const Audit& record = *state.Find(audit);
        if (record.state != AuditState::kAsked) continue;
        if (plan_.leaves_audits && fakes_.contains(record.trial)) continue;
        asked.push_back({record.trial, record.segment});
      }
    }
    for (const auto& [trial, segment] : asked) Answer(trial, segment);
    for (const char* verifier : {"v1", "v2"}) Verify(verifier);
  }

  void Answer(TrialId trial, int64_t segment) {
    const AccountId account = pool_.state().Find(trial)->account;
    Must(RevealSegment{account, trial, chain_.Open(segment)});
    const CheckpointFiles& begin = chain_.boundary(segment);
    const CheckpointFiles& end = chain_.boundary(kSegments);
    for (const Digest& file : {begin.weights, begin.optimizer}) {
      (void)pool_.Execute(ConfirmUpload{account, trial, file, true}, now_);
    }
    (void)pool_.Execute(ConfirmUpload{account, trial, end.weights}, now_);
    Watch();
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

  void Verify(const std::string& name) {
    while (const auto grant = Must(AcquireAudit{verifier_, name})) {
      const Audit& audit = grant->audit;
      outcome_.replayed_trainings +=
          audit.kind == AuditKind::kWhole ? 1 : 1.0 / kSegments;
      ReportAudit report{verifier_, audit.id, audit.attempt, name,
                         TrainingRefuted{}};
      if (plan_.breaks_verifiers && fakes_.contains(audit.trial) &&
          audit.kind == AuditKind::kSegment) {
        report.finding = AuditInconclusive{"EXAMINER_CRASHED"};
      } else if (IsFalse(audit)) {
        report.finding = TrainingRefuted{"SEGMENT_FALSE"};
      } else {
        const double accuracy = CommitmentOf(grant->trial).diverged_at_step
                                    ? 0
                                    : AccuracyOf(grant->trial.architecture_id);
        const auto truth = static_cast<int64_t>(accuracy * kDatasetExamples);
        const bool is_credible = CommitmentOf(grant->trial).claimed_correct <=
                                 truth + kDatasetExamples / 25;
        report.finding =
            WeightsMeasured{truth, truth, audit.measures_all || !is_credible};
      }
      Must(report);
    }
  }

  void Watch() {
    for (const Event& event : pool_.TakeEvents()) {
      const auto* trial = std::get_if<Trial>(&event);
      if (trial == nullptr) continue;
      const bool is_persons = persons_accounts_.contains(trial->account);
      if (trial->state == TrialState::kAccepted) {
        if (is_persons) accepted_[trial->id] = PaidShareOf(*trial);
        continue;
      }
      accepted_.erase(trial->id);
      if (trial->state != TrialState::kRejected) continue;
      if (!is_persons) ++outcome_.honest_rejected;
      if (is_persons && trial->reason != "CREDIT_VOID" && first_fake_ > 0 &&
          !outcome_.found_after) {
        outcome_.found_after = outcome_.committed_trials - first_fake_ + 1;
      }
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
  absl::Time now_ = absl::UnixEpoch();
  Pool pool_;
  const CheckpointChain chain_ = MakeChain(kSegments);
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
