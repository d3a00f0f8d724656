// SPDX-License-Identifier: Apache-2.0
#include "simulator/client_cheats.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/counter_rng.h"
#include "common/base/status.h"
#include "server/core/state/queries.h"
#include "simulator/prompt_pool.h"

namespace archpool {
namespace {

constexpr int64_t kSegments = PromptPool::kTrainingSegments;
constexpr int64_t kImages = 10'000;
constexpr int kHonestMiners = 6;
constexpr absl::Duration kTraining = absl::Seconds(60);
constexpr absl::Duration kMoment = absl::Seconds(1);
// What is left for work after the fee and any bonus, of either task at its full
// price: far more than is trained, so that neither ends by itself.
constexpr Amount kWorkPot = 100'000 * kAmountPerCoin;
constexpr WorkUnits kBudget = 1'000'000'000'000;
constexpr int64_t kBaitPpm = 475'000;  // half of what the fee leaves

DatasetManifest Images(const std::string& client) {
  DatasetManifest manifest;
  manifest.shape = {1, 8, 8};
  manifest.classes = 10;
  manifest.train_count = absl::ToInt64Microseconds(kTraining);
  manifest.validation_count = kImages;
  manifest.held_out_count = kImages;
  manifest.train = Sha256(absl::StrCat("train ", client));
  manifest.validation = Sha256(absl::StrCat("validation ", client));
  manifest.deviation_ppm = 1'000'000;
  return manifest;
}

PoolPolicy PolicyOf(const ClientPlan& plan) {
  PoolPolicy policy;
  policy.backups = false;  // everybody is equally quick
  policy.leases_on_trust = 1'000'000;
  policy.silence_term = absl::Hours(1);  // no heartbeats here
  policy.reward_rule = plan.rule;
  // Some fifty trainings, so that a run is many windows long.
  policy.pplns_window_units = 50 * absl::ToInt64Microseconds(kTraining);
  policy.payout_min = 1;
  return policy;
}

TaskSpec SpecOf(const PoolPolicy& policy, const DatasetManifest& manifest,
                double price, bool baits) {
  TaskSpec spec;
  spec.name = "task";
  spec.dataset = manifest.Id();
  spec.space = PlainSpace();
  spec.budget.work_units = kBudget;
  spec.budget.time_limit = limits::kTimeLimit.max;
  spec.terms.finders_bonus_ppm = baits ? kBaitPpm : 0;
  if (baits) spec.terms.bonus_accuracy_min_ppm = 990'000;
  const double work_ppm = static_cast<double>(1'000'000 - policy.fee_ppm -
                                              spec.terms.finders_bonus_ppm);
  spec.terms.reward = std::llround(static_cast<double>(kWorkPot) * price *
                                   1'000'000 / work_ppm);
  spec.subspaces = 16;
  spec.trials_per_lease = 1;
  spec.recipe.segments = kSegments;
  return spec;
}

class ClientSimulation {
 public:
  ClientSimulation(const ClientPlan& plan, int64_t duration, uint64_t seed)
      : plan_(plan),
        end_(absl::UnixEpoch() +
             static_cast<double>(duration) * (kTraining + kMoment)),
        cancel_(absl::UnixEpoch() +
                plan.cancels_after * (end_ - absl::UnixEpoch())),
        seed_(seed),
        pool_(PolicyOf(plan), [this](const Event& event) { Watch(event); }) {}

  ClientOutcome Run() {
    Open();
    bool is_cancelled = false;
    while (true) {
      const auto next = std::min_element(
          miners_.begin(), miners_.end(),
          [](const Miner& a, const Miner& b) { return a.free < b.free; });
      if (next->free >= end_) break;
      if (!is_cancelled && next->free >= cancel_) {
        is_cancelled = true;
        pool_.MoveTo(cancel_);
        pool_.Must(CancelTask{task_, {}});
      }
      pool_.MoveTo(next->free);
      Work(*next);
    }
    pool_.MoveTo(end_);
    for (const TaskId task : {task_, others_task_}) {
      if (pool_.state().Find(task) != nullptr) pool_.Must(CancelTask{task, {}});
    }
    // What was begun is paid, however a task ends.
    std::sort(miners_.begin(), miners_.end(),
              [](const Miner& a, const Miner& b) { return a.free < b.free; });
    for (Miner& miner : miners_) {
      if (!miner.lease) continue;
      pool_.MoveTo(miner.free);
      FinishTrial(miner);
    }
    while (!pool_.state().tasks().all().empty()) {
      AnswerAndVerify();
      pool_.MoveTo(pool_.now() + absl::Minutes(1));
    }
    return Finish();
  }

 private:
  struct Miner {
    bool is_own = false;
    AccountId account;
    SessionId session;
    absl::Time free;
    std::optional<Lease> lease;  // whose first trial is in training
    TrialId trial;
  };
  struct Paid {
    TaskId task;
    TrialState state = TrialState::kAssigned;
    bool is_honest = false;
  };

  TaskId OpenTask(const std::string& name, double price, bool baits,
                  AccountId* client) {
    *client = pool_.Must(CreateAccount{name, Role::kClient, Sha256(name)}).id;
    const DatasetManifest manifest = Images(name);
    const TaskSpec spec = SpecOf(pool_policy_, manifest, price, baits);
    pool_.Must(Deposit{name, spec.terms.reward, name});
    deposited_[*client] = spec.terms.reward;
    pool_.Must(RegisterDataset{*client, manifest, Sha256("held-out")});
    return pool_.Must(SubmitTask{*client, spec, "task",
                                 Sha256(absl::StrCat("secret ", name, seed_))});
  }

  void Open() {
    pool_.Must(Tick{});
    verifier_ =
        pool_.Must(CreateAccount{"verifier", Role::kVerifier, Sha256("v")}).id;
    AccountId other;
    others_task_ = OpenTask("honest", 1, false, &other);
    task_ = OpenTask("client", plan_.price, plan_.baits, &client_);
    miners_.resize(static_cast<size_t>(kHonestMiners + plan_.own_miners));
    for (size_t i = 0; i < miners_.size(); ++i) {
      miners_[i].is_own = i >= kHonestMiners;
      Register(miners_[i]);
      // Not all at one moment.
      miners_[i].free = pool_.now() + kMoment * static_cast<double>(i);
    }
  }

  void Register(Miner& miner) {
    const std::string name = absl::StrCat("miner-", ++accounts_);
    miner.account =
        pool_.Must(CreateAccount{name, Role::kMiner, Sha256(name)}).id;
    miner.session = pool_.Must(OpenSession{miner.account, "w", 1});
    (miner.is_own ? own_accounts_ : honest_accounts_).insert(miner.account);
  }

  bool Fakes(const Miner& miner) const {
    return miner.is_own && plan_.own == OwnMiners::kFakeItsTask;
  }

  // One step: finishes the trial under way, and begins the next.
  void Work(Miner& miner) {
    if (miner.lease) FinishTrial(miner);
    const auto reply =
        pool_.Try(AcquireLease{miner.account, miner.session, {}});
    miner.free = pool_.now() + kMoment;
    if (GetReason(reply.status()) == "ACCOUNT_SUSPENDED") {
      return Register(miner);  // under another name
    }
    if (!reply.ok() || !reply->grant) return;
    const Lease& lease = reply->grant->lease;
    if (miner.is_own && plan_.own != OwnMiners::kWork && lease.task != task_) {
      pool_.Must(
          ReleaseLease{miner.account, miner.session, lease.id, lease.attempt});
      return;
    }
    miner.lease = lease;
    miner.trial = reply->grant->assignments.at(0).trial;
    if (Fakes(miner)) return;
    miner.free += kTraining;
    (miner.is_own ? outcome_.own_trainings : outcome_.honest_trainings) += 1;
  }

  void FinishTrial(Miner& miner) {
    const Lease lease = *std::exchange(miner.lease, std::nullopt);
    const Trial* trial = pool_.state().Find(miner.trial);
    if (trial == nullptr) return;
    if (Fakes(miner)) fakes_.insert(miner.trial);
    const CheckpointFiles& end = pool_.chain().boundary(kSegments);
    const TrialReport report = {
        .trial = miner.trial,
        .weights_digest = end.weights,
        .weights_size_bytes = end.weights_size_bytes,
        .validation_correct = CorrectOf(*trial),
        .checkpoint_root = pool_.chain().Root(),
        .final_optimizer = end.optimizer,
        .final_proof = pool_.chain().ProofOf(kSegments)};
    const auto reply = pool_.Try(ReportTrials{
        miner.account, miner.session, lease.id, lease.attempt, {report}});
    AnswerAndVerify();
    // What the pool appended to its list is not begun: the next is asked for.
    const Lease* found = pool_.state().Find(lease.id);
    if (!reply.ok() || found == nullptr) return;
    (void)pool_.Try(
        ReleaseLease{miner.account, miner.session, lease.id, lease.attempt});
  }

  int64_t CorrectOf(const Trial& trial) const {
    if (trial.task == task_ && !plan_.learns) return kImages / 10;
    const double accuracy =
        0.6 +
        0.3 * CounterRng(trial.architecture_id.Prefix64(), 0).NextUnitFloat();
    return static_cast<int64_t>(accuracy * kImages);
  }

  void AnswerAndVerify() {
    pool_.AnswerAudits([](TrialId) { return false; });
    pool_.ExamineAudits(verifier_, [this](const AuditGrant& grant) {
      return FindingOf(grant);
    });
  }

  AuditFinding FindingOf(const AuditGrant& grant) const {
    if (fakes_.contains(grant.trial.id)) {
      return TrainingRefuted{"SEGMENT_FALSE"};
    }
    const int64_t correct = CorrectOf(grant.trial);
    return WeightsMeasured{correct, correct, grant.audit.measures_all};
  }

  void Watch(const Event& event) {
    const auto* trial = std::get_if<Trial>(&event);
    if (trial == nullptr || !trial->commitment) return;
    trials_[trial->id] = {trial->task, trial->state,
                          honest_accounts_.contains(trial->account)};
    units_ = trial->work_units;
  }

  double IncomeOf(const std::set<AccountId>& accounts) const {
    Amount income = 0;
    for (const AccountId account : accounts) {
      income += pool_.state().money().BalanceOf(Place::Of(account));
    }
    // Under kPplns, what others' work to come will pay out to them.
    for (const auto& [key, owed] : pool_.state().money().owed()) {
      if (accounts.contains(owed.account)) income += owed.amount;
    }
    return InTrainings(income);
  }

  double InTrainings(Amount amount) const {
    const double price = static_cast<double>(kWorkPot) *
                         static_cast<double>(units_) /
                         static_cast<double>(kBudget);
    return static_cast<double>(amount) / price;
  }

  ClientOutcome Finish() {
    outcome_.honest_unpaid = outcome_.honest_trainings;
    for (const auto& [id, trial] : trials_) {
      if (trial.state != TrialState::kAccepted) continue;
      if (trial.is_honest) outcome_.honest_unpaid -= 1;
      if (trial.task == task_ && plan_.learns) outcome_.results += 1;
    }
    outcome_.spent =
        InTrainings(deposited_.at(client_) -
                    pool_.state().money().BalanceOf(Place::Of(client_))) -
        IncomeOf(own_accounts_);
    outcome_.honest_income = IncomeOf(honest_accounts_);
    return outcome_;
  }

  const ClientPlan plan_;
  const absl::Time end_;
  const absl::Time cancel_;
  const uint64_t seed_;
  const PoolPolicy pool_policy_ = PolicyOf(plan_);
  PromptPool pool_;
  AccountId verifier_;
  AccountId client_;
  TaskId task_;
  TaskId others_task_;
  std::map<AccountId, Amount> deposited_;
  std::vector<Miner> miners_;
  int64_t accounts_ = 0;
  std::set<AccountId> own_accounts_;
  std::set<AccountId> honest_accounts_;
  std::set<TrialId> fakes_;
  std::map<TrialId, Paid> trials_;  // that were committed
  WorkUnits units_ = 0;             // of every training
  ClientOutcome outcome_;
};

}  // namespace

ClientOutcome SimulateClient(const ClientPlan& plan, int64_t duration,
                             uint64_t seed) {
  return ClientSimulation(plan, duration, seed).Run();
}

ClientPlan HonestOf(const ClientPlan& plan) {
  return {.name = "honest", .rule = plan.rule, .price = plan.price};
}

std::vector<ClientPlan> KnownClientCheats() {
  std::vector<ClientPlan> plans;
  for (const RewardRule rule :
       {RewardRule::kProportional, RewardRule::kPplns}) {
    const std::vector<ClientPlan> under_rule = {
        {.name = "a bonus that nothing reaches", .baits = true},
        {.name = "labels that say nothing", .learns = false},
        {.name = "cancels half-way", .cancels_after = 0.5},
        {.name = "mines its own task alone",
         .own_miners = 2,
         .own = OwnMiners::kOnlyItsTask},
        {.name = "mines its own cheap task alone",
         .price = 0.1,
         .own_miners = 2,
         .own = OwnMiners::kOnlyItsTask},
        {.name = "fakes its own task",
         .own_miners = 2,
         .own = OwnMiners::kFakeItsTask},
        {.name = "fakes its own cheap task",
         .price = 0.1,
         .own_miners = 2,
         .own = OwnMiners::kFakeItsTask},
    };
    for (ClientPlan plan : under_rule) {
      plan.rule = rule;
      plans.push_back(std::move(plan));
    }
  }
  return plans;
}

double ClientProfit(const ClientOutcome& outcome) {
  return kWorthOfResult * outcome.results - outcome.spent -
         kCostOfTraining * outcome.own_trainings;
}

double ProfitWithout(const ClientOutcome& honest, const ClientOutcome& cheat) {
  return ClientProfit(honest) +
         (kWorthOfResult - kCostOfTraining) * cheat.own_trainings;
}

double MinersProfit(const ClientOutcome& outcome) {
  return 100 *
         (outcome.honest_income / outcome.honest_trainings - kCostOfTraining);
}

bool Pays(const ClientOutcome& honest, const ClientOutcome& cheat) {
  return ClientProfit(cheat) >
         ProfitWithout(honest, cheat) +
             0.01 * kWorthOfResult * (honest.results + cheat.own_trainings);
}

bool MinersArePaid(const ClientOutcome& honest, const ClientOutcome& cheat) {
  return cheat.honest_unpaid == 0 &&
         MinersProfit(cheat) > MinersProfit(honest) - 1;
}

}  // namespace archpool
