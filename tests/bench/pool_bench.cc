// SPDX-License-Identifier: Apache-2.0
// How many commands a second the core decides and applies, in memory, on one
// thread: the life of trials from lease to verdict, and each command by itself.
// Events are taken as often as the engine takes them from full batches: an
// owner that keeps those of a whole round measures how memory is got for them.
// The baseline of the whole is the goal of 500,000 commands/s; that of each
// command is the whole's rate.
#include <chrono>
#include <string>
#include <vector>

#include "tests/bench/json_line.h"
#include "tests/support/pool_fixture.h"

namespace archpool {
namespace {

constexpr double kGoalPerSecond = 500'000;
constexpr int kMiners = 1'000;
constexpr int kRounds = 12;
constexpr int kBatch = 512;  // commands, as EngineOptions has it

// Twelve blocks of nine choices: a space as large as real ones.
SearchSpace LargeSpace() {
  std::vector<Dimension> dimensions;
  ChainTemplate chain;
  for (int stage = 0; stage < 3; ++stage) {
    StageTemplate& blocks = chain.stages.emplace_back();
    blocks.stride = 2;
    for (int block = 0; block < 4; ++block) {
      const std::string prefix = absl::StrCat("s", stage, "b", block);
      dimensions.push_back({prefix + ".operation",
                            {std::string("conv"), std::string("separable"),
                             std::string("skip")}});
      dimensions.push_back(
          {prefix + ".width", {int64_t{8}, int64_t{16}, int64_t{32}}});
      blocks.blocks.push_back(
          BlockTemplate{.operation = DimensionRef{prefix + ".operation"},
                        .width = DimensionRef{prefix + ".width"}});
    }
  }
  auto space = SearchSpace::Create(std::move(dimensions), std::move(chain));
  ARCHPOOL_CHECK(space.ok());
  return *space;
}

struct Timing {
  std::string name;
  double seconds = 0;
  int64_t commands = 0;

  template <typename Function>
  void Time(int64_t count, Function&& function) {
    const auto begin = std::chrono::steady_clock::now();
    function();
    seconds +=
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
            .count();
    commands += count;
  }
  double rate() const { return static_cast<double>(commands) / seconds; }
};

struct Worker {
  AccountId account;
  SessionId session;
  LeaseGrant grant;
};

class LifeOfTrials {
 public:
  LifeOfTrials() {
    TaskSpec spec = TinySpec(4);
    spec.recipe.segments = 1;
    spec.space = LargeSpace();
    spec.subspaces = 2 * kMiners;
    spec.trials_per_lease = 4;
    spec.budget.work_units = 1'000'000'000'000'000'000;
    pool_.Submit(spec);
    for (int i = 0; i < kMiners; ++i) {
      Worker& worker = workers_.emplace_back();
      worker.account = pool_.Make(absl::StrCat("m", i), Role::kMiner);
      worker.session = pool_.Open(worker.account, "w");
    }
  }

  void Round() {
    acquire_.Time(kMiners, [this] {
      for (Worker& worker : workers_) {
        worker.grant =
            *pool_.Do(AcquireLease{worker.account, worker.session}).grant;
        Count(1);
      }
    });
    // Trials take longer than half a lease term: a lease of four is renewed
    // several times.
    renew_.Time(4 * kMiners, [this] {
      for (int i = 0; i < 4; ++i) {
        pool_.now += absl::Seconds(10);
        for (Worker& worker : workers_) {
          pool_.Do(RenewLease{worker.account, worker.session,
                              worker.grant.lease.id});
          Count(1);
        }
      }
    });
    const int64_t trials = kMiners * 4;
    report_.Time(trials, [this] { Report(); });
    confirm_.Time(2 * trials, [this] {
      for (Worker& worker : workers_) {
        for (const Assignment& one : worker.grant.assignments) {
          pool_.Do(
              RevealSegment{worker.account, one.trial, commitment_.opening});
          pool_.Do(ConfirmUpload{worker.account, one.trial,
                                 commitment_.report.weights_digest});
          Count(2);
        }
      }
    });
    audit_.Time(2 * trials, [&] {
      for (int64_t i = 0; i < trials; ++i) {
        pool_.Verify(500, 500);
        Count(2);
      }
    });
  }

  void Print() const {
    Timing whole{.name = "pool/whole"};
    for (const Timing* one :
         {&acquire_, &renew_, &report_, &confirm_, &audit_}) {
      whole.seconds += one->seconds;
      whole.commands += one->commands;
    }
    PrintJsonLine(whole.name, whole.rate(), "commands/s", kGoalPerSecond);
    for (const Timing* one :
         {&acquire_, &renew_, &report_, &confirm_, &audit_}) {
      PrintJsonLine(one->name, one->rate(), "commands/s", whole.rate());
    }
  }

 private:
  // Ends the batch where it is full.
  void Count(int commands) {
    in_batch_ += commands;
    if (in_batch_ < kBatch) return;
    pool_.pool.TakeEvents();
    in_batch_ = 0;
  }

  // Lists grow as they are worked on, to four trials.
  void Report() {
    for (Worker& worker : workers_) {
      const Lease& lease = worker.grant.lease;
      std::vector<Assignment>& list = worker.grant.assignments;
      for (size_t i = 0; i < list.size(); ++i) {
        const ReportTrials::Reply reply =
            pool_.Do(ReportTrials{worker.account,
                                  worker.session,
                                  lease.id,
                                  lease.attempt,
                                  {commitment_.ReportOf(list[i].trial)}});
        Count(1);
        list.insert(list.end(), reply.appended.begin(), reply.appended.end());
      }
      ARCHPOOL_CHECK(list.size() == 4);
    }
  }

  TestPool pool_;
  const SharedCommitment commitment_;
  std::vector<Worker> workers_;
  int in_batch_ = 0;
  Timing acquire_{.name = "pool/acquire_lease_of_4_trials"};
  Timing renew_{.name = "pool/renew_lease"};
  Timing report_{.name = "pool/report_one_trial"};
  Timing confirm_{.name = "pool/confirm_weights"};
  Timing audit_{.name = "pool/acquire_and_report_audit"};
};

}  // namespace
}  // namespace archpool

int main() {
  archpool::LifeOfTrials life;
  for (int round = 0; round < archpool::kRounds; ++round) life.Round();
  life.Print();
  return 0;
}
