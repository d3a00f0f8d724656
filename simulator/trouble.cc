// SPDX-License-Identifier: Apache-2.0
#include "simulator/trouble.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/counter_rng.h"
#include "simulator/troubled_miner.h"
#include "simulator/troubled_pool.h"
#include "simulator/troubled_verifier.h"

namespace archpool {
namespace {

constexpr absl::Duration kTick = absl::Seconds(1);
constexpr size_t kOpenTasks = 2;
constexpr Amount kReward = 100 * kAmountPerCoin;
// The longest outage, and three waits for verifiers or for the answers of slow
// machines over slow lines, with room.
constexpr absl::Duration kDrainMax = absl::Hours(48);

DatasetManifest ManifestOf() {
  DatasetManifest manifest;
  manifest.shape = {3, 32, 32};
  manifest.classes = kTroubleClasses;
  manifest.train_count = absl::ToInt64Microseconds(kTroubleTraining);
  manifest.validation_count = kTroubleExamples;
  manifest.held_out_count = kTroubleExamples;
  manifest.train = Sha256("train");
  manifest.validation = Sha256("validation");
  manifest.deviation_ppm = 1'000'000;
  return manifest;
}

SearchSpace SpaceOf() {
  std::vector<Dimension> dimensions(6);
  for (size_t d = 0; d < dimensions.size(); ++d) {
    dimensions[d].name = absl::StrCat("d", d);
    for (int64_t c = 0; c < 4; ++c) dimensions[d].choices.emplace_back(c);
  }
  const auto space = SearchSpace::CreatePlain(dimensions);
  ARCHPOOL_CHECK(space.ok());
  return *space;
}

class TroubleSimulation {
 public:
  explicit TroubleSimulation(const TroubleOptions& options)
      : options_(options),
        rng_(options.seed, 4),
        clock_rng_(options.seed, 5),
        pool_({.policy = options.policy,
               .search = {.kind = SearchPolicyKind::kRandom},
               .faults_ppm = static_cast<int64_t>(1e6 * options.faults),
               .seed = options.seed},
              [this](const Event& event) { Watch(event); }) {}

  TroubleResult Run() {
    Open();
    const absl::Time end = pool_.agenda.now() + options_.duration;
    while (pool_.agenda.now() < end && pool_.agenda.Step()) {
    }
    Close();
    const absl::Time last = end + kDrainMax;
    while ((!pool_.is_up() || !pool_.state().tasks().all().empty()) &&
           pool_.agenda.now() < last && pool_.agenda.Step()) {
    }
    return Finish();
  }

 private:
  using Health = TroubledVerifier::Health;

  double Uniform() {
    return (static_cast<double>(rng_.Below(1'000'000'000)) + 0.5) / 1e9;
  }
  bool Happens(double share) { return Uniform() < share; }
  // As likely in each order of magnitude.
  absl::Duration Between(absl::Duration least, absl::Duration most) {
    return least * std::pow(absl::FDivDuration(most, least), Uniform());
  }
  template <typename Command>
  typename Command::Reply Must(const Command& command) {
    for (int tries = 0; tries < 100; ++tries) {
      auto reply = pool_.Do(command);
      if (reply.ok()) return *std::move(reply);
    }
    ARCHPOOL_CHECK(false);
  }
  AccountId Make(const std::string& name, Role role) {
    for (;;) {
      const Account* made = pool_.state().accounts().Find(name);
      if (made != nullptr) return made->id;
      (void)pool_.Do(CreateAccount{name, role, Sha256(name)});
    }
  }

  // Again and again, this many times an hour at the mean, until the end.
  void Often(double per_hour, std::function<bool()> what) {
    if (per_hour <= 0) return;
    pool_.agenda.In(-std::log(Uniform()) / per_hour * absl::Hours(1),
                    [this, per_hour, what = std::move(what)] {
                      if (!is_closed_ && what()) Often(per_hour, what);
                    });
  }

  void Open();
  void Close();
  void TickOn();
  void ManageTasks();
  void Submit();
  void AddMiner(bool cheats);
  void ReplaceSuspended(size_t index);
  bool HaveOutage();
  bool HaveMaintenance();
  void EndMaintenance();
  bool HaveDrought();
  bool Sicken(size_t index);
  bool HaveMishap(TroubledMiner& miner);
  void Watch(const Event& event);
  void NoteEnd(const Task& task);
  TroubleResult Finish();

  const TroubleOptions options_;
  CounterRng rng_;
  CounterRng clock_rng_;  // clocks change nothing else
  TroubledPool pool_;
  AccountId client_;
  std::deque<TroubledMiner> miners_;
  std::deque<TroubledVerifier> verifiers_;
  int64_t submitted_ = 0;
  bool is_closed_ = false;
  bool is_drought_ = false;
  std::map<TaskId, std::map<TrialId, Trial>> trials_;  // of open tasks
  TroubleResult result_;
};

void TroubleSimulation::Open() {
  Must(Tick{});
  client_ = Make("client", Role::kClient);
  Must(Deposit{"client", 10'000 * kReward, "deposit"});
  Must(RegisterDataset{client_, ManifestOf(), Sha256("held-out")});
  for (int64_t i = 0; i < options_.verifiers; ++i) {
    const AccountId account =
        Make(i % 2 == 0 ? "verifier-a" : "verifier-b", Role::kVerifier);
    verifiers_.emplace_back(account, absl::StrCat("v", i), 0.2 + Uniform(),
                            pool_);
  }
  for (int64_t i = 0; i < options_.miners; ++i) {
    AddMiner(Happens(options_.cheats));
  }
  for (size_t i = 0; i < verifiers_.size(); ++i) {
    Often(options_.sicknesses, [this, i] { return Sicken(i); });
  }
  Often(options_.outages, [this] { return HaveOutage(); });
  Often(options_.maintenances, [this] { return HaveMaintenance(); });
  Often(options_.droughts, [this] { return HaveDrought(); });
  ManageTasks();
  TickOn();
}

void TroubleSimulation::TickOn() {
  for (auto tick = pool_.Do(Tick{}); tick.ok() && tick->more;) {
    tick = pool_.Do(Tick{});
  }
  pool_.agenda.In(kTick, [this] { TickOn(); });
}

void TroubleSimulation::ManageTasks() {
  if (pool_.is_up()) {
    if (is_closed_) {
      std::vector<TaskId> open;
      for (const auto& [id, task] : pool_.state().tasks().all()) {
        if (task.state == TaskState::kActive) open.push_back(id);
      }
      for (const TaskId id : open) (void)pool_.Do(CancelTask{id, client_});
    } else if (pool_.state().tasks().all().size() < kOpenTasks) {
      Submit();
    }
  }
  pool_.agenda.In(absl::Minutes(1), [this] { ManageTasks(); });
}

void TroubleSimulation::Submit() {
  TaskSpec spec;
  spec.name = Happens(options_.hopeless_tasks) ? kNothingToLearn : "learns";
  spec.dataset = ManifestOf().Id();
  spec.space = SpaceOf();
  spec.recipe.segments = kTroubleSegments;
  if (Happens(0.3)) spec.recipe.further_epochs = {1};
  spec.budget.trials_max = 40 + rng_.Below(160);
  spec.budget.work_units =
      spec.budget.trials_max * absl::ToInt64Microseconds(kTroubleTraining) * 2;
  spec.budget.time_limit = Happens(0.3)
                               ? Between(absl::Minutes(20), absl::Hours(4))
                               : absl::Hours(100);
  spec.terms.reward = kReward;
  spec.subspaces = 16;
  spec.trials_per_lease = 1 + rng_.Below(4);
  const std::string name = absl::StrCat("task ", ++submitted_);
  (void)pool_.Do(
      SubmitTask{client_, spec, name,
                 Sha256(absl::StrCat("secret ", options_.seed, name))});
}

void TroubleSimulation::AddMiner(bool cheats) {
  TroubledMiner::Traits traits;
  traits.name = absl::StrCat("miner-", miners_.size());
  traits.pace = 0.5 + 2 * Uniform() * Uniform();
  const bool is_slow = Happens(options_.slow_lines);
  const double octaves = 6 * Uniform();
  traits.line_rate = (is_slow ? 1 << 10 : 1 << 17) * std::exp2(octaves);
  traits.cheats = cheats;
  if (options_.clocks) {
    traits.clock_step = absl::Hours(clock_rng_.Below(48)) - absl::Hours(24);
  }
  TroubledMiner& miner = miners_.emplace_back(traits, pool_);
  const size_t index = miners_.size() - 1;
  Often(options_.mishaps, [this, &miner] { return HaveMishap(miner); });
  Often(options_.vanishings, [this, &miner] {
    if (miner.has_vanished()) return false;
    ++result_.vanishings;
    miner.Vanish();
    AddMiner(miner.cheats());
    return false;
  });
  if (cheats) ReplaceSuspended(index);
}

// A miner that was caught comes back under another name.
void TroubleSimulation::ReplaceSuspended(size_t index) {
  pool_.agenda.In(absl::Hours(1), [this, index] {
    if (is_closed_ || miners_[index].has_vanished()) return;
    if (miners_[index].is_suspended()) return AddMiner(true);
    ReplaceSuspended(index);
  });
}

bool TroubleSimulation::HaveOutage() {
  if (!pool_.is_up()) return true;
  ++result_.outages;
  const double kind = Uniform();
  const absl::Duration away =
      kind < 0.6   ? Between(absl::Seconds(5), absl::Minutes(2))
      : kind < 0.9 ? Between(absl::Minutes(5), absl::Hours(1))
                   : Between(absl::Hours(1), absl::Hours(12));
  pool_.Stop();
  pool_.agenda.In(away, [this] {
    absl::Duration ahead;
    if (options_.clocks && clock_rng_.Below(3) == 0) {
      ahead = absl::Hours(clock_rng_.Below(48)) - absl::Hours(24);
    }
    pool_.Start(ahead);
  });
  return true;
}

bool TroubleSimulation::HaveMaintenance() {
  const auto begun = pool_.Do(SetMaintenance{true});
  if (!begun.ok()) return true;
  ++result_.maintenances;
  pool_.agenda.In(Between(absl::Minutes(2), absl::Hours(3)),
                  [this] { EndMaintenance(); });
  return true;
}

void TroubleSimulation::EndMaintenance() {
  if (pool_.Do(SetMaintenance{false}).ok()) return;
  pool_.agenda.In(absl::Minutes(1), [this] { EndMaintenance(); });
}

bool TroubleSimulation::HaveDrought() {
  if (is_drought_) return true;
  is_drought_ = true;
  ++result_.droughts;
  for (TroubledVerifier& one : verifiers_) one.SetHealth(Health::kDead);
  pool_.agenda.In(Between(absl::Minutes(10), absl::Hours(3)), [this] {
    if (!is_drought_) return;
    is_drought_ = false;
    for (TroubledVerifier& one : verifiers_) one.SetHealth(Health::kWell);
  });
  return true;
}

bool TroubleSimulation::Sicken(size_t index) {
  TroubledVerifier& verifier = verifiers_[index];
  if (is_drought_ || verifier.health() != Health::kWell) return true;
  constexpr Health kKinds[] = {Health::kDead, Health::kFailing, Health::kFrozen,
                               Health::kAlarms, Health::kAccuses};
  // Two that find the same false are believed, whenever they do: one of them
  // is sick in that way, and no other.
  const bool may_accuse = index == options_.seed % verifiers_.size();
  const Health kind = kKinds[rng_.Below(may_accuse ? 5 : 4)];
  ++result_.sicknesses;
  verifier.SetHealth(kind);
  pool_.agenda.In(Between(absl::Minutes(1), absl::Hours(1)),
                  [this, &verifier, kind] {
                    if (is_drought_ || verifier.health() != kind) return;
                    verifier.SetHealth(Health::kWell);
                  });
  return true;
}

bool TroubleSimulation::HaveMishap(TroubledMiner& miner) {
  if (miner.has_vanished()) return false;
  ++result_.mishaps;
  const double kind = Uniform();
  const absl::Duration duration = Between(absl::Seconds(5), absl::Hours(3));
  if (kind < 0.4) {
    miner.Crash(duration);
  } else if (kind < 0.8) {
    miner.CutOff(duration);
  } else if (kind < 0.9) {
    miner.LoseFiles();
  } else {
    miner.LoseAnswer();
  }
  return true;
}

void TroubleSimulation::Close() {
  is_closed_ = true;
  is_drought_ = false;
  for (TroubledVerifier& one : verifiers_) one.SetHealth(Health::kWell);
}

void TroubleSimulation::Watch(const Event& event) {
  pool_.oracle.Note(event, pool_.agenda.now());
  if (const auto* trial = std::get_if<Trial>(&event)) {
    trials_[trial->task][trial->id] = *trial;
  } else if (const auto* task = std::get_if<Task>(&event)) {
    if (IsEnded(task->state)) NoteEnd(*task);
  }
}

void TroubleSimulation::NoteEnd(const Task& task) {
  ++result_.tasks;
  if (task.end_reason == EndReason::kNothingLearns) {
    ++result_.tasks_nothing_learnt;
  }
  const auto coins = [](Amount amount) {
    return static_cast<double>(amount) / kAmountPerCoin;
  };
  result_.coins_offered += coins(task.spec->terms.reward);
  result_.coins_paid += coins(task.spec->terms.reward - task.refund);
  for (const auto& [id, trial] : trials_[task.id]) {
    if (trial.state != TrialState::kAccepted) continue;
    ++result_.trials_paid;
    result_.results += IsResult(trial) ? 1 : 0;
    result_.fakes_paid += pool_.fakes.contains(id) ? 1 : 0;
  }
  trials_.erase(task.id);
}

TroubleResult TroubleSimulation::Finish() {
  pool_.host().oracle().CheckAll();
  result_.seed = options_.seed;
  result_.pay = pool_.oracle.report();
  for (const TroubledMiner& miner : miners_) {
    if (!miner.cheats()) result_.units_trained += miner.units_trained();
  }
  result_.fakes = std::ssize(pool_.fakes);
  result_.hours = absl::ToDoubleHours(pool_.agenda.now() - absl::UnixEpoch());
  result_.commands = pool_.host().commands();
  result_.events_sha256 = pool_.host().oracle().EventsDigest().ToString();
  const auto complain = [&](const std::string& violation) {
    result_.violations.push_back(
        absl::StrCat("seed ", options_.seed, ": ", violation));
  };
  for (const std::string& one : pool_.host().oracle().Violations()) {
    complain(one);
  }
  for (const std::string& one : pool_.oracle.violations()) complain(one);
  for (const auto& [id, task] : pool_.state().tasks().all()) {
    complain(absl::StrCat(id.ToString(), " does not end"));
  }
  return result_;
}

}  // namespace

TroubleResult SimulateTrouble(const TroubleOptions& options) {
  return TroubleSimulation(options).Run();
}

}  // namespace archpool
