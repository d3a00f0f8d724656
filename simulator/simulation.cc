#include "simulator/simulation.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <queue>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "simulator/pool_host.h"

namespace archpool {
namespace {

constexpr double kStragglersPace = 4;
constexpr int64_t kExamples = 1'000'000;  // of each split that is counted
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

int64_t CorrectOf(double share) {
  return std::clamp<int64_t>(std::llround(share * kExamples), 0, kExamples);
}

// A trial of one unit per microsecond of the mean training time.
DatasetManifest ManifestOf() {
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

TaskSpec SpecOf(const SimulationOptions& options,
                const DatasetManifest& manifest) {
  TaskSpec spec;
  spec.name = "simulated";
  spec.dataset = manifest.Id();
  spec.space = options.space;
  spec.budget.work_units = kWorkUnitsMax;
  spec.budget.trials_max = options.budget_trials;
  spec.budget.time_limit = kTimeLimitMax;
  spec.terms.reward = 1'000'000 * kAmountPerCoin;
  spec.subspaces = options.subspaces;
  spec.trials_per_lease = options.list_length;
  return spec;
}

struct Miner {
  AccountId account;
  SessionId session;
  double pace = 1;
  bool is_liar = false;
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
              [this](const Event& event) {
                std::visit([this](const auto& record) { Note(record); }, event);
              }) {}

  SimulationResult Run() {
    Open();
    while (!queue_.empty() && !is_over_) {
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

  AccountId Make(const std::string& name, Role role) {
    // It may have been made though the reply was lost.
    for (;;) {
      const Account* made = host_.pool().state().FindAccount(name);
      if (made != nullptr) return made->id;
      (void)host_.Do(CreateAccount{name, role, Sha256(name)});
    }
  }

  void Open() {
    Must(Tick{});
    const AccountId client = Make("client", Role::kClient);
    verifier_ = Make("verifier", Role::kVerifier);
    const DatasetManifest manifest = ManifestOf();
    Must(Deposit{"client", 2'000'000 * kAmountPerCoin, "deposit"});
    Must(RegisterDataset{client, manifest, Sha256("held-out")});
    task_ = Must(SubmitTask{client, SpecOf(options_, manifest), "task",
                            Sha256(absl::StrCat("secret ", options_.seed))});
    for (int64_t i = 0; i < options_.miners; ++i) AddMiner();
    begin_ = host_.now;
    Schedule(Kind::kTick, policy_.silence_term / 4, 0);
  }

  void AddMiner() {
    const size_t index = miners_.size();
    Miner& miner = miners_.emplace_back();
    const std::string name = absl::StrCat("miner", index);
    miner.account = Make(name, Role::kMiner);
    miner.session = Must(OpenSession{miner.account, "w", 1, "simulated"});
    miner.pace = DrawPace(rng_, options_.speed_deviation);
    if (Happens(options_.stragglers)) miner.pace *= kStragglersPace;
    miner.is_liar = Uniform(rng_) < options_.liars;
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
      (void)host_.Do(Tick{});
      Verify();
      is_over_ |= host_.pool().state().Find(task_) == nullptr;
      return Schedule(Kind::kTick, policy_.silence_term / 4, 0);
    }
    Miner& miner = miners_[what.miner];
    if (miner.has_left) return;
    if (what.kind == Kind::kLeave) {
      miner.has_left = true;
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
    auto reply = host_.Do(AcquireLease{miner.account, miner.session, {}});
    if (!reply.ok()) {
      if (GetReason(reply.status()) == "ACCOUNT_SUSPENDED") {
        // Whoever was caught comes again under another name.
        miner.has_left = true;
        return AddMiner();
      }
      return AskAgain(index, kRetry);
    }
    is_over_ |= host_.pool().state().Find(task_) == nullptr;
    if (!reply->grant) return AskAgain(index, kRetry);
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
    const auto reply = host_.Do(
        ReportTrials{miner.account,
                     miner.session,
                     miner.lease->id,
                     miner.lease->attempt,
                     {{done.trial, Sha256(done.trial.ToString()), 100,
                       CorrectOf(claim), outcome.duration * kMeanTrialTime}}});
    if (!reply.ok()) {  // says it again a little later
      Schedule(Kind::kFinish, kRetry, index);
      return;
    }
    if (!reply->results[0].status.ok()) {
      return AskAgain(index, absl::ZeroDuration());
    }
    (void)host_.Do(ConfirmWeights{miner.account, done.trial});
    Verify();
    miner.list.pop_front();
    miner.list.insert(miner.list.end(), reply->appended.begin(),
                      reply->appended.end());
    StartTrial(index);
  }

  void Beat(size_t index) {
    if (IsDark(index) || IsCutOff(Kind::kBeat, index)) return;
    Miner& miner = miners_[index];
    const auto reply =
        host_.Do(RenewLease{miner.account, miner.session, miner.lease->id});
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

  // Verifiers are quick: verdicts come with the trials.
  void Verify() {
    for (;;) {
      const auto grant = host_.Do(AcquireAudit{verifier_, "v"});
      if (!grant.ok() || !grant->has_value()) return;
      const Trial& trial = (*grant)->trial;
      const int64_t measured =
          options_.audits
              ? CorrectOf(options_.outcome_of(trial.architecture).metric)
              : trial.claimed_correct;
      (void)host_.Do(ReportAudit{verifier_, (*grant)->audit.id,
                                 (*grant)->audit.attempt, "v",
                                 Measurement{measured, measured}});
    }
  }

  template <typename Record>
  void Note(const Record&) {}

  void Note(const Lease& lease) {
    const auto [place, is_new] = leases_.insert({lease.id, lease});
    if (!is_new || lease.role != LeaseRole::kPrimary || !lease.high_reward) {
      return;
    }
    Watched& watched = watched_.emplace_back();
    watched.deadline = lease.deadline;
    for (const TrialId trial : lease.trials) {
      watched.architectures.push_back(architecture_of_.at(trial));
    }
  }

  void Note(const Trial& trial) {
    architecture_of_[trial.id] = trial.architecture_id;
    if (trial.state == TrialState::kCommitted) NoteCommit(trial);
    if (trial.state == TrialState::kAccepted) NoteAccepted(trial);
  }

  void NoteCommit(const Trial& trial) {
    if (!committed_.insert(trial.id).second) return;
    ++result_.trials;
    result_.work_units += trial.work_units;
    commit_time_.insert({trial.architecture_id, trial.commit_time});
    if (leases_.at(trial.lease).role == LeaseRole::kBackup) {
      ++result_.backup_trials;
      result_.backup_work_units += trial.work_units;
    }
  }

  LeaseId PrimaryOf(LeaseId id) const {
    const Lease& lease = leases_.at(id);
    return lease.primary.IsSet() ? lease.primary : id;
  }

  void NoteAccepted(const Trial& trial) {
    if (!accepted_.insert(trial.id).second) return;
    const Outcome outcome = options_.outcome_of(trial.architecture);
    result_.false_claims_accepted +=
        trial.claimed_correct > CorrectOf(outcome.metric) ? 1 : 0;
    const auto [first, is_new] = accepted_primary_.insert(
        {trial.architecture_id, PrimaryOf(trial.lease)});
    if (!is_new && first->second != PrimaryOf(trial.lease)) {
      ++result_.paid_twice;
    }
    if (result_.best_architecture.empty() ||
        outcome.judge > result_.best_value) {
      result_.best_value = outcome.judge;
      result_.best_architecture = options_.space.Describe(trial.architecture);
    }
    if (options_.target && !result_.trials_to_target &&
        outcome.judge >= *options_.target) {
      result_.trials_to_target = result_.trials;
      result_.time_to_target =
          absl::FDivDuration(host_.now - begin_, kMeanTrialTime);
      is_over_ |= options_.stops_at_target;
    }
  }

  SimulationResult Finish() {
    host_.AuditAll();
    result_.seed = options_.seed;
    result_.distinct_architectures = static_cast<int64_t>(commit_time_.size());
    for (const Watched& watched : watched_) {
      if (watched.deadline > host_.now) continue;
      ++result_.high_reward_boxes;
      result_.high_reward_boxes_completed_in_time +=
          std::all_of(watched.architectures.begin(),
                      watched.architectures.end(), [&](const Digest& id) {
                        const auto found = commit_time_.find(id);
                        return found != commit_time_.end() &&
                               found->second <= watched.deadline;
                      });
    }
    result_.duration = absl::FDivDuration(host_.now - begin_, kMeanTrialTime);
    result_.commands = host_.commands();
    result_.events_sha256 = host_.events_digest().ToString();
    result_.violations = host_.violations();
    return result_;
  }

  struct Watched {
    absl::Time deadline;
    std::vector<Digest> architectures;
  };

  const SimulationOptions& options_;
  CounterRng rng_;
  PoolPolicy policy_;
  PoolHost host_;
  AccountId verifier_;
  TaskId task_;
  absl::Time begin_;
  bool is_over_ = false;
  int64_t order_ = 0;
  std::priority_queue<Happening> queue_;
  std::deque<Miner> miners_;
  SimulationResult result_;
  std::map<LeaseId, Lease> leases_;  // as they began
  std::map<TrialId, Digest> architecture_of_;
  std::map<Digest, absl::Time> commit_time_;
  std::map<Digest, LeaseId> accepted_primary_;
  std::set<TrialId> committed_;
  std::set<TrialId> accepted_;
  std::vector<Watched> watched_;
};

}  // namespace

SimulationResult Simulate(const SimulationOptions& options) {
  return Simulation(options).Run();
}

}  // namespace archpool
