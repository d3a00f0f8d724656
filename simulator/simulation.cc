// SPDX-License-Identifier: Apache-2.0
#include "simulator/simulation.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <queue>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "simulator/pool_host.h"
#include "simulator/tally.h"

namespace archpool {
namespace {

constexpr double kStragglersPace = 4;
const absl::Duration kRetry = kMeanTrialTime / 50;

double Uniform(CounterRng& rng) {
  return (static_cast<double>(rng.Below(1'000'000'000)) + 0.5) / 1e9;
}

// Around 1, never below a fifth.
double DrawPace(CounterRng& rng, double deviation) {
  const double normal = std::sqrt(-2 * std::log(Uniform(rng))) *
                        std::cos(2 * 3.14159265358979 * Uniform(rng));
  return std::max(0.2, 1 + deviation * normal);
}

// A trial of one unit per microsecond of the mean training time.
DatasetManifest SimulatedManifest() {
  DatasetManifest manifest;
  manifest.shape = {3, 32, 32};
  manifest.classes = 1'000'000;  // nothing counts as no better than chance
  manifest.train_count = absl::ToInt64Microseconds(kMeanTrialTime);
  manifest.validation_count = kExamples;
  manifest.held_out_count = kExamples;
  manifest.train = Sha256("train");
  manifest.validation = Sha256("validation");
  manifest.deviation_ppm = 1'000'000;
  return manifest;
}

PoolPolicy PolicyOf(const SimulationOptions& options) {
  PoolPolicy policy;
  const absl::Duration list =
      static_cast<double>(options.list_length) * kMeanTrialTime;
  policy.lease_term = 2 * list;
  policy.silence_term = options.silence * policy.lease_term;
  // Lists are as long as the task says, whatever the worker's pace.
  policy.lease_span = 100 * list;
  policy.list_ahead = options.list_length;
  policy.backups = options.backups;
  policy.leases_on_trust = 1'000'000;
  policy.upload_term = policy.lease_term;
  policy.audit_term = policy.lease_term;
  return policy;
}

constexpr Amount kRewardPerTask = 1'000'000 * kAmountPerCoin;

TaskSpec SpecOf(const SimulationOptions& options,
                const DatasetManifest& manifest) {
  TaskSpec spec;
  spec.name = "simulated";
  spec.dataset = manifest.Id();
  spec.space = options.space;
  spec.budget.work_units = kWorkUnitsMax;
  spec.budget.trials_max = options.budget_trials;
  spec.budget.time_limit = limits::kTimeLimit.max;
  spec.terms.reward = kRewardPerTask;
  spec.subspaces = options.subspaces;
  spec.trials_per_lease = options.list_length;
  spec.recipe.segments = 1;
  return spec;
}

struct Miner {
  AccountId account;
  SessionId session;
  double pace = 1;
  bool is_liar = false;
  bool is_colluder = false;
  bool has_left = false;
  int64_t generation = 0;  // of what it is doing: older happenings are void
  std::optional<Lease> lease;
  std::deque<Assignment> list;
  absl::Time dark_from = absl::InfiniteFuture();  // it forgets its lease
  absl::Time cut_off_from = absl::InfiniteFuture();
  absl::Time cut_off_until;
};

struct Happening {
  enum class Kind { kTick, kAsk, kFinish, kBeat, kLeave } kind = Kind::kTick;
  absl::Time time;
  int64_t order = 0;  // of equal times, the first scheduled comes first
  size_t miner = 0;
  int64_t generation = 0;
  friend bool operator<(const Happening& a, const Happening& b) {
    return std::tie(b.time, b.order) < std::tie(a.time, a.order);
  }
};

class Simulation {
 public:
  explicit Simulation(const SimulationOptions& options)
      : options_(options),
        rng_(options.seed, 2),
        policy_(PolicyOf(options)),
        host_({.policy = policy_,
               .search = options.search,
               .faults_ppm = static_cast<int64_t>(1e6 * options.faults),
               .seed = options.seed},
              [this](const Event& event) { tally_.Note(event, host_.now); }),
        tally_(options) {}

  SimulationResult Run() {
    Open();
    const auto is_over = [this] {
      return is_over_ || (options_.stops_at_target && tally_.is_target_met());
    };
    while (!queue_.empty() && !is_over()) {
      const Happening next = queue_.top();
      queue_.pop();
      host_.now = std::max(host_.now, next.time);
      Happen(next);
    }
    return Finish();
  }

 private:
  using Kind = Happening::Kind;

  template <typename Command>
  typename Command::Reply Must(const Command& command) {
    for (int tries = 0; tries < 100; ++tries) {
      auto reply = host_.Do(command);
      if (reply.ok()) return *std::move(reply);
    }
    ARCHPOOL_CHECK(false);
  }

  // A late message may have closed the session: then it is opened again.
  template <typename Command>
  auto InSession(Miner& miner, Command command) {
    auto reply = host_.Do(command);
    if (GetReason(reply.status()) == "SESSION_UNKNOWN") {
      miner.session = Must(OpenSession{miner.account, "w", 1});
      command.session = miner.session;
      reply = host_.Do(command);
    }
    return reply;
  }

  AccountId Make(const std::string& name, Role role) {
    // It may have been made though the reply was lost.
    for (;;) {
      const Account* made = host_.pool().state().accounts().Find(name);
      if (made != nullptr) return made->id;
      (void)host_.Do(CreateAccount{name, role, Sha256(name)});
    }
  }

  void SubmitNext() {
    const std::string name = absl::StrCat("task ", ++tasks_submitted_);
    task_ = Must(SubmitTask{
        client_, SpecOf(options_, SimulatedManifest()), name,
        Sha256(absl::StrCat("secret ", options_.seed, " of ", name))});
  }

  void GoOnIfTaskEnded() {
    if (host_.pool().state().Find(task_) != nullptr) return;
    if (tasks_submitted_ >= options_.tasks) {
      is_over_ = true;
      return;
    }
    tally_.CloseTask(host_.now);
    SubmitNext();
  }

  void Open() {
    Must(Tick{});
    client_ = Make("client", Role::kClient);
    verifier_ = Make("verifier", Role::kVerifier);
    const DatasetManifest manifest = SimulatedManifest();
    Must(Deposit{"client", options_.tasks * kRewardPerTask, "deposit"});
    Must(RegisterDataset{client_, manifest, Sha256("held-out")});
    SubmitNext();
    for (int64_t i = 0; i < options_.miners; ++i) AddMiner();
    tally_.Begin(host_.now);
    Schedule(Kind::kTick, policy_.silence_term / 4, 0);
  }

  void AddMiner() {
    const size_t index = miners_.size();
    Miner& miner = miners_.emplace_back();
    const std::string name = absl::StrCat("miner", index);
    miner.account = Make(name, Role::kMiner);
    miner.session = Must(OpenSession{miner.account, "w", 1});
    miner.pace = DrawPace(rng_, options_.speed_deviation);
    if (Happens(options_.stragglers)) miner.pace *= kStragglersPace;
    miner.is_liar = Uniform(rng_) < options_.liars;
    miner.is_colluder = Happens(options_.colluders);
    Schedule(Kind::kAsk, absl::ZeroDuration(), index);
    if (options_.churn > 0) {
      const double terms =
          std::log(Uniform(rng_)) / std::log1p(-options_.churn);
      Schedule(Kind::kLeave, terms * policy_.lease_term, index);
    }
  }

  // What never happens draws nothing: settings do not change each other's
  // seeds.
  bool Happens(double share) { return share > 0 && Uniform(rng_) < share; }

  void Schedule(Kind kind, absl::Duration in, size_t miner) {
    queue_.push({.kind = kind,
                 .time = host_.now + in,
                 .order = ++order_,
                 .miner = miner,
                 .generation = kind == Kind::kTick || kind == Kind::kLeave
                                   ? 0
                                   : miners_[miner].generation});
  }

  void Happen(const Happening& what) {
    if (what.kind == Kind::kTick) {
      // As the engine does: a settlement's steps follow upon each other.
      for (auto tick = host_.Do(Tick{});
           tick.ok() && (tick->settles || tick->more);) {
        tick = host_.Do(Tick{});
      }
      AnswerAll();
      Verify();
      GoOnIfTaskEnded();
      return Schedule(Kind::kTick, policy_.silence_term / 4, 0);
    }
    Miner& miner = miners_[what.miner];
    if (miner.has_left) return;
    if (what.kind == Kind::kLeave) {
      miner.has_left = true;
      left_.insert(miner.account);
      return AddMiner();
    }
    if (what.generation != miner.generation) return;
    switch (what.kind) {
      case Kind::kAsk:
        return Ask(what.miner);
      case Kind::kFinish:
        return FinishTrial(what.miner);
      case Kind::kBeat:
        return Beat(what.miner);
      case Kind::kTick:
      case Kind::kLeave:
        return;
    }
  }

  void AskAgain(size_t index, absl::Duration in) {
    Miner& miner = miners_[index];
    ++miner.generation;
    miner.lease.reset();
    miner.list.clear();
    miner.dark_from = absl::InfiniteFuture();
    miner.cut_off_from = absl::InfiniteFuture();
    Schedule(Kind::kAsk, in, index);
  }

  void Ask(size_t index) {
    Miner& miner = miners_[index];
    host_.Rank();
    auto reply =
        InSession(miner, AcquireLease{miner.account, miner.session, {}});
    if (!reply.ok()) {
      if (GetReason(reply.status()) == "ACCOUNT_SUSPENDED") {
        // A miner that was caught comes back under another name.
        miner.has_left = true;
        return AddMiner();
      }
      return AskAgain(index, kRetry);
    }
    GoOnIfTaskEnded();
    if (!reply->grant) {
      // What is left of the budget is being worked on: no hurry.
      const bool may_wait = reply->idle_reason == "BUDGET_RESERVED";
      return AskAgain(index, may_wait ? 10 * kRetry : kRetry);
    }
    ++miner.generation;
    miner.lease = reply->grant->lease;
    miner.list.assign(reply->grant->assignments.begin(),
                      reply->grant->assignments.end());
    if (Uniform(rng_) < options_.lost_leases) {
      miner.dark_from = host_.now + Uniform(rng_) *
                                        static_cast<double>(miner.list.size()) *
                                        kMeanTrialTime;
    }
    if (Happens(options_.partitions)) {
      miner.cut_off_from = host_.now + Uniform(rng_) * policy_.lease_term / 2;
      miner.cut_off_until = miner.cut_off_from + policy_.lease_term / 2;
    }
    Schedule(Kind::kBeat, policy_.silence_term / 2, index);
    StartTrial(index);
  }

  void StartTrial(size_t index) {
    Miner& miner = miners_[index];
    if (miner.list.empty()) return AskAgain(index, absl::ZeroDuration());
    const Outcome outcome = options_.outcome_of(miner.list[0].architecture);
    if (miner.is_colluder &&
        colluders_results_.contains(miner.list[0].architecture_id)) {
      tally_.NoteCopy(miner.list[0].trial);
      return Schedule(Kind::kFinish, absl::ZeroDuration(), index);
    }
    Schedule(Kind::kFinish, outcome.duration * miner.pace * kMeanTrialTime,
             index);
  }

  // Forgets its lease, and asks again when that has run out.
  bool IsDark(size_t index) {
    if (host_.now < miners_[index].dark_from) return false;
    AskAgain(index, 2 * policy_.silence_term);
    return true;
  }

  // What it would say waits until it is heard again.
  bool IsCutOff(Kind kind, size_t index) {
    const Miner& miner = miners_[index];
    if (host_.now < miner.cut_off_from || miner.cut_off_until <= host_.now) {
      return false;
    }
    Schedule(kind, miner.cut_off_until - host_.now, index);
    return true;
  }

  void FinishTrial(size_t index) {
    if (IsDark(index) || IsCutOff(Kind::kFinish, index)) return;
    Miner& miner = miners_[index];
    const Assignment done = miner.list.front();
    const Outcome outcome = options_.outcome_of(done.architecture);
    const double claim =
        outcome.metric + (miner.is_liar ? options_.liars_delta : 0);
    const auto reply = InSession(
        miner, ReportTrials{miner.account,
                            miner.session,
                            miner.lease->id,
                            miner.lease->attempt,
                            {ReportOf(done.trial, CorrectOf(claim), outcome)}});
    if (!reply.ok()) {  // says it again a little later
      Schedule(Kind::kFinish, kRetry, index);
      return;
    }
    if (!reply->results[0].status.ok()) {
      return AskAgain(index, absl::ZeroDuration());
    }
    Answer(done.trial);
    if (miner.is_colluder) colluders_results_.insert(done.architecture_id);
    Verify();
    miner.list.pop_front();
    miner.list.insert(miner.list.end(), reply->appended.begin(),
                      reply->appended.end());
    StartTrial(index);
  }

  void Beat(size_t index) {
    if (IsDark(index) || IsCutOff(Kind::kBeat, index)) return;
    Miner& miner = miners_[index];
    const auto reply = InSession(
        miner, RenewLease{miner.account, miner.session, miner.lease->id});
    if (!reply.ok()) {
      if (GetReason(reply.status()) == "LEASE_ENDED") {
        return AskAgain(index, absl::ZeroDuration());
      }
      return Schedule(Kind::kBeat, kRetry, index);
    }
    const std::set<TrialId> withdrawn(reply->withdrawn.begin(),
                                      reply->withdrawn.end());
    const bool stops =
        !miner.list.empty() && withdrawn.contains(miner.list[0].trial);
    std::erase_if(miner.list, [&](const Assignment& one) {
      return withdrawn.contains(one.trial);
    });
    if (stops) {
      ++miner.generation;
      StartTrial(index);
      if (!miner.lease) return;
    }
    Schedule(Kind::kBeat, policy_.silence_term / 2, index);
  }

  TrialReport ReportOf(TrialId trial, int64_t claim,
                       const Outcome& outcome) const {
    const CheckpointFiles& end = chain_.boundary(1);
    return {.trial = trial,
            .weights_digest = end.weights,
            .weights_size_bytes = end.weights_size_bytes,
            .validation_correct = claim,
            .train_time = outcome.duration * kMeanTrialTime,
            .checkpoint_root = chain_.Root(),
            .final_optimizer = end.optimizer,
            .final_proof = chain_.ProofOf(1)};
  }

  // What is asked of a trial comes at once, unless its miner has left.
  void Answer(TrialId id) {
    const PoolState& state = host_.pool().state();
    const Trial* trial = state.Find(id);
    const Audit* audit = state.Find(state.audits().Of(id));
    if (trial == nullptr || audit == nullptr ||
        audit->state != AuditState::kAsked) {
      return;
    }
    const AccountId account = trial->account;
    const Digest weights = CommitmentOf(*trial).weights_digest;
    (void)host_.Do(RevealSegment{account, id, chain_.Open(0)});
    (void)host_.Do(ConfirmUpload{account, id, weights});
  }

  // Those asked long after the commitment: when a task ends.
  void AnswerAll() {
    const PoolState& state = host_.pool().state();
    std::vector<TrialId> asked;
    for (const auto& [id, task] : state.tasks().all()) {
      for (const AuditId audit : state.IndexOf(id).audits) {
        const TrialId trial = state.Find(audit)->trial;
        if (!left_.contains(state.Find(trial)->account)) asked.push_back(trial);
      }
    }
    for (const TrialId trial : asked) Answer(trial);
  }

  // Verifiers are quick: verdicts come with the trials.
  void Verify() {
    for (;;) {
      const auto grant = host_.Do(AcquireAudit{verifier_, "v"});
      if (!grant.ok() || !grant->has_value()) return;
      const Trial& trial = (*grant)->trial;
      const int64_t measured =
          options_.audits
              ? CorrectOf(options_.outcome_of(trial.architecture).metric)
              : CommitmentOf(trial).claimed_correct;
      (void)host_.Do(ReportAudit{verifier_, (*grant)->audit.id,
                                 (*grant)->audit.attempt, "v",
                                 WeightsMeasured{measured, measured}});
    }
  }

  SimulationResult Finish() {
    tally_.CloseTask(host_.now);
    host_.oracle().CheckAll();
    SimulationResult result = tally_.result();
    result.seed = options_.seed;
    result.commands = host_.commands();
    result.events_sha256 = host_.oracle().EventsDigest().ToString();
    result.violations = host_.oracle().Violations();
    return result;
  }

  const SimulationOptions& options_;
  CounterRng rng_;
  PoolPolicy policy_;
  PoolHost host_;
  AccountId client_;
  AccountId verifier_;
  TaskId task_;
  int64_t tasks_submitted_ = 0;
  bool is_over_ = false;
  int64_t order_ = 0;
  std::priority_queue<Happening> queue_;
  std::deque<Miner> miners_;
  std::set<AccountId> left_;
  Tally tally_;
  std::set<Digest> colluders_results_;
  // Every training's commitment: what is in it, the simulated verifier knows.
  const CheckpointChain chain_{
      {{.weights = Sha256("start"), .optimizer = Sha256("rest")},
       {.weights = Sha256("end"),
        .weights_size_bytes = 100,
        .optimizer = Sha256("rest")}}};
};

}  // namespace

SimulationResult Simulate(const SimulationOptions& options) {
  return Simulation(options).Run();
}

}  // namespace archpool
