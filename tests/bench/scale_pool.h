// SPDX-License-Identifier: Apache-2.0
// A pool of many miners and boxes for the benchmarks of scale: one space whose
// networks are cheap to plan, so that what is measured is the core.
#ifndef ARCHPOOL_TESTS_BENCH_SCALE_POOL_H_
#define ARCHPOOL_TESTS_BENCH_SCALE_POOL_H_

#ifdef ARCHPOOL_HAS_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif

#include <ctime>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/pool_fixture.h"

namespace archpool {

// Five blocks of 64 widths: 2^30 networks, all different.
inline SearchSpace WideSpace() {
  std::vector<ChoiceValue> widths;
  for (int64_t width = 1; width <= 64; ++width) widths.emplace_back(width);
  std::vector<Dimension> dimensions;
  ChainTemplate chain;
  chain.stages.emplace_back();
  for (int block = 0; block < 5; ++block) {
    const std::string name = absl::StrCat("width", block);
    dimensions.push_back({name, widths});
    chain.stages[0].blocks.push_back(
        BlockTemplate{.width = DimensionRef{name}});
  }
  auto space = SearchSpace::Create(std::move(dimensions), std::move(chain));
  ARCHPOOL_CHECK(space.ok());
  return *std::move(space);
}

inline TaskSpec WideTask(int64_t boxes) {
  TaskSpec spec = TinySpec(4);
  spec.space = WideSpace();
  spec.subspaces = boxes;
  spec.trials_per_lease = 4;
  spec.recipe.segments = 1;
  spec.terms.reward = kAmountPerCoin;
  spec.budget.work_units = kWorkUnitsMax;
  spec.budget.time_limit = limits::kTimeLimit.max;
  return spec;
}

struct ScaleWorker {
  AccountId account;
  SessionId session;
  LeaseGrant grant;
  size_t next = 0;  // of grant.assignments
};

inline ScaleWorker AddWorker(TestPool& pool, int64_t number) {
  const AccountId account = pool.Make(absl::StrCat("m", number), Role::kMiner);
  return {.account = account, .session = pool.Open(account, "w")};
}

// Reports the worker's next trial and answers its audit: three commands.
inline void DeliverNext(TestPool& pool, ScaleWorker& worker,
                        const SharedCommitment& commitment) {
  std::vector<Assignment>& list = worker.grant.assignments;
  const TrialId trial = list[worker.next++].trial;
  const Lease& lease = worker.grant.lease;
  const ReportTrials::Reply reply =
      pool.Do(ReportTrials{worker.account,
                           worker.session,
                           lease.id,
                           lease.attempt,
                           {commitment.ReportOf(trial)}});
  ARCHPOOL_CHECK(reply.results[0].status.ok());
  list.insert(list.end(), reply.appended.begin(), reply.appended.end());
  pool.Do(RevealSegment{worker.account, trial, commitment.opening});
  pool.Do(
      ConfirmUpload{worker.account, trial, commitment.report.weights_digest});
}

// Of this process: others on the machine do not count.
inline double CpuSeconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

// What the allocator has handed out, in bytes; 0 under a sanitizer's.
inline double BytesInUse() {
#ifdef ARCHPOOL_HAS_JEMALLOC
  uint64_t epoch = 1;  // statistics are as of the last one
  mallctl("epoch", nullptr, nullptr, &epoch, sizeof(epoch));
  size_t allocated = 0;
  size_t size = sizeof(allocated);
  ARCHPOOL_CHECK(mallctl("stats.allocated", &allocated, &size, nullptr, 0) ==
                 0);
  return static_cast<double>(allocated);
#else
  return 0;
#endif
}

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_BENCH_SCALE_POOL_H_
