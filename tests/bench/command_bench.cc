// SPDX-License-Identifier: Apache-2.0
// The longest that one command holds up the engine's only thread, where
// somebody makes it as long as they can: heartbeats wait behind it. The
// baseline of each is the goal of 20 ms.
#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/core/state/queries.h"
#include "tests/bench/json_line.h"
#include "tests/support/endless_space.h"
#include "tests/support/pool_fixture.h"

namespace archpool {
namespace {

constexpr double kGoalMs = 20;

template <typename Function>
double Milliseconds(Function&& function) {
  const auto begin = std::chrono::steady_clock::now();
  function();
  return std::chrono::duration<double, std::milli>(
             std::chrono::steady_clock::now() - begin)
      .count();
}

void Print(const std::string& name, double ms) {
  PrintJsonLine(absl::StrCat("command/", name), ms, "ms", kGoalMs);
}

PoolPolicy Unlimited() {
  PoolPolicy policy = AuditEverything();
  policy.open_tasks_max = 1'000;
  policy.open_tasks_per_client_max = 1'000;
  policy.leases_on_trust = 1'000'000;
  return policy;
}

// Blocks as deep as a plan may be, hardly one of which fits the limits.
TaskSpec DeepSpec() {
  TaskSpec spec = EndlessSpec();
  ChainTemplate chain = spec.space.chain_template();
  for (BlockTemplate& block : chain.stages[0].blocks) {
    block.operation = std::string("bottleneck");
    block.repeat = int64_t{11};
  }
  std::vector<Dimension> widths = spec.space.dimensions();
  for (Dimension& width : widths) {
    width.choices.clear();
    for (int64_t i = 1; i <= 40; ++i) width.choices.emplace_back(i);
  }
  auto space = SearchSpace::Create(std::move(widths), std::move(chain));
  ARCHPOOL_CHECK(space.ok());
  spec.space = *std::move(space);
  spec.limits.parameters_max = 0;
  spec.limits.macs_max = 200'000;  // reached by the last blocks
  return spec;
}

void LeaseAmongTasksInWhichNothingCanBeBuilt(int64_t tasks) {
  TestPool pool(Unlimited());
  TaskSpec spec = DeepSpec();
  spec.subspaces = 1'024;
  spec.terms.reward = 1;
  for (int64_t i = 0; i < tasks; ++i) pool.Submit(spec, absl::StrCat("t", i));
  const AccountId miner = pool.Make("m", Role::kMiner);
  const SessionId session = pool.Open(miner, "w");
  double longest = 0;
  for (int i = 0; i < 500; ++i) {
    longest = std::max(longest, Milliseconds([&] {
                         pool.Do(AcquireLease{miner, session});
                       }));
  }
  Print(absl::StrCat("acquire_lease_among_", tasks, "_vain_tasks"), longest);
}

// A task of `trials` accepted ones, all of one miner's and in one box.
struct LargeTask {
  explicit LargeTask(int64_t trials) : pool(Unlimited()) {
    TaskSpec spec = TinySpec(60);
    std::vector<Dimension> dimensions;
    ChainTemplate chain;
    chain.stem_width = int64_t{4};
    StageTemplate& stage = chain.stages.emplace_back();
    for (int i = 0; i < 6; ++i) {
      Dimension& width = dimensions.emplace_back();
      width.name = absl::StrCat("w", i);
      for (int64_t w = 1; w <= 40; ++w) width.choices.emplace_back(w);
      stage.blocks.push_back(BlockTemplate{.width = DimensionRef{width.name}});
    }
    spec.space = *SearchSpace::Create(std::move(dimensions), std::move(chain));
    spec.recipe.segments = 1;
    spec.budget.work_units = kWorkUnitsMax;
    spec.budget.time_limit = absl::Hours(1'000);
    spec.subspaces = 1;
    spec.trials_per_lease = 64;
    pool.policy.list_ahead = 64;
    task = pool.Submit(spec);
    miner = pool.Make("m", Role::kMiner);
    session = pool.Open(miner, "w");
    const SharedCommitment commitment;
    for (int64_t made = 0; made < trials;) {
      const auto grant = pool.Do(AcquireLease{miner, session}).grant;
      ARCHPOOL_CHECK(grant.has_value());
      std::vector<Assignment> list = grant->assignments;
      for (size_t i = 0; i < list.size(); ++i, ++made) {
        longest_report = std::max(
            longest_report, Milliseconds([&] {
              const auto reply =
                  pool.Do(ReportTrials{miner,
                                       session,
                                       grant->lease.id,
                                       grant->lease.attempt,
                                       {commitment.ReportOf(list[i].trial)}});
              list.insert(list.end(), reply.appended.begin(),
                          reply.appended.end());
            }));
        pool.Do(RevealSegment{miner, list[i].trial, commitment.opening});
        pool.Do(ConfirmUpload{miner, list[i].trial,
                              commitment.report.weights_digest});
        longest_verdict = std::max(
            longest_verdict, Milliseconds([&] { pool.Verify(500, 500); }));
      }
      pool.pool.TakeEvents();
    }
  }

  TestPool pool;
  TaskId task;
  AccountId miner;
  SessionId session;
  double longest_report = 0;
  double longest_verdict = 0;
};

void EndATaskOf(int64_t trials) {
  LargeTask large(trials);
  Print(absl::StrCat("report_in_a_task_of_", trials), large.longest_report);
  Print(absl::StrCat("verdict_in_a_task_of_", trials), large.longest_verdict);
  double longest = Milliseconds([&] {
    large.pool.Do(CancelTask{large.task, {}});
  });
  // Its finalists are trained again; and then it is settled, in steps.
  const PoolState& state = large.pool.pool.state();
  int64_t steps = 0;
  double sum = 0;
  while (state.Find(large.task) != nullptr) {
    const bool is_ready = !ReadyToSettle(state).empty();
    const double took = Milliseconds([&] {
      if (is_ready) {
        large.pool.Do(Tick{});
      } else {
        large.pool.Verify(500, 500);
      }
    });
    longest = std::max(longest, took);
    sum += took;
    ++steps;
    large.pool.pool.TakeEvents();
  }
  // What frees the records afterwards.
  for (int i = 0; i < 50; ++i) {
    longest = std::max(longest, Milliseconds([&] { large.pool.Do(Tick{}); }));
  }
  std::fprintf(stderr, "%lld trials: %lld steps, %.0f ms in all\n",
               static_cast<long long>(trials), static_cast<long long>(steps),
               sum);
  Print(absl::StrCat("settle_a_task_of_", trials), longest);
}

void SuspendAMinerOf(int64_t trials) {
  LargeTask large(trials);
  Print(absl::StrCat("suspend_a_miner_of_", trials), Milliseconds([&] {
          large.pool.Do(SetAccountState{"m", AccountState::kSuspended});
        }));
}

}  // namespace
}  // namespace archpool

int main() {
  archpool::LeaseAmongTasksInWhichNothingCanBeBuilt(1);
  archpool::LeaseAmongTasksInWhichNothingCanBeBuilt(300);
  archpool::EndATaskOf(1'000);
  archpool::EndATaskOf(10'000);
  archpool::EndATaskOf(100'000);
  archpool::SuspendAMinerOf(10'000);
  return 0;
}
