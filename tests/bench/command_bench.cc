// SPDX-License-Identifier: Apache-2.0
// The longest that one command holds up the engine's only thread, where
// somebody makes it as long as they can: heartbeats wait behind it. The
// baseline of each is the goal of 20 ms.
#include <time.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/core/state/queries.h"
#include "tests/bench/crowded_pool.h"
#include "tests/bench/json_line.h"
#include "tests/support/endless_space.h"
#include "tests/support/pool_fixture.h"

namespace archpool {
namespace {

constexpr double kGoalMs = 20;

// Of this thread's processor time: what else the machine does is no command's
// doing, and none of them waits for anything.
double ProcessorMilliseconds() {
  timespec time{};
  ARCHPOOL_CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0);
  return static_cast<double>(time.tv_sec) * 1e3 +
         static_cast<double>(time.tv_nsec) / 1e6;
}

template <typename Function>
double Milliseconds(Function&& function) {
  const double begin = ProcessorMilliseconds();
  function();
  return ProcessorMilliseconds() - begin;
}

void Print(const std::string& name, double ms) {
  PrintJsonLine(absl::StrCat("command/", name), ms, "ms", kGoalMs);
}

PoolPolicy Unlimited() {
  PoolPolicy policy = AuditEverything();
  policy.open_tasks_max = 1'000;
  policy.open_tasks_per_client_max = 1'000;
  policy.leases_on_trust = 1'000'000;
  policy.boxes_per_hour_max = 1'000'000;
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

// A task of `trials` accepted ones, all of one miner's and in one box; each as
// good as another, or in no order.
struct LargeTask {
  enum class Results { kAlike, kMixed };
  explicit LargeTask(int64_t trials, const PoolPolicy& policy = Unlimited(),
                     Results results = Results::kAlike)
      : pool(policy) {
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
    for (int64_t made = 0; made < trials;) {
      const auto grant = pool.Do(AcquireLease{miner, session}).grant;
      ARCHPOOL_CHECK(grant.has_value());
      std::vector<Assignment> list = grant->assignments;
      for (size_t i = 0; i < list.size(); ++i, ++made) {
        pool.now += absl::Microseconds(10);
        TrialReport report = commitment.ReportOf(list[i].trial);
        if (results == Results::kMixed) {
          report.validation_correct = 300 + made * 7'919 % 300;
        }
        const int64_t correct = report.validation_correct;
        longest_report = std::max(
            longest_report, Milliseconds([&] {
              const auto reply = pool.Do(ReportTrials{miner,
                                                      session,
                                                      grant->lease.id,
                                                      grant->lease.attempt,
                                                      {report}});
              list.insert(list.end(), reply.appended.begin(),
                          reply.appended.end());
            }));
        if (!Answer(list[i].trial)) continue;
        longest_verdict =
            std::max(longest_verdict,
                     Milliseconds([&] { pool.Verify(correct, correct); }));
      }
      pool.pool.TakeEvents();
    }
  }

  // One more, for a verifier.
  void CommitOne(int64_t claim = 500) {
    const auto grant = pool.Do(AcquireLease{miner, session}).grant;
    ARCHPOOL_CHECK(grant.has_value());
    const TrialId trial = grant->assignments.at(0).trial;
    TrialReport report = commitment.ReportOf(trial);
    report.validation_correct = claim;
    pool.Do(ReportTrials{
        miner, session, grant->lease.id, grant->lease.attempt, {report}});
    Answer(trial);
  }
  // Sends what is asked for. Whether it was drawn for an audit.
  bool Answer(TrialId trial) {
    const AuditId audit = pool.pool.state().audits().Of(trial);
    if (audit.IsSet()) {
      pool.Do(RevealSegment{miner, trial, commitment.opening});
      pool.Do(ConfirmUpload{miner, trial, commitment.report.weights_digest});
    }
    return audit.IsSet();
  }

  const SharedCommitment commitment;
  TestPool pool;
  TaskId task;
  AccountId miner;
  SessionId session;
  double longest_report = 0;
  double longest_verdict = 0;
};

// How long the longest tick takes until all that goes on in steps is done.
double GoOn(TestPool& pool) {
  double longest = 0;
  for (bool goes_on = true; goes_on;) {
    longest = std::max(longest, Milliseconds([&] {
                         const Tick::Reply tick = pool.Do(Tick{});
                         goes_on = tick.settles || tick.more;
                       }));
    pool.pool.TakeEvents();
  }
  return longest;
}

// None of it has matured when one more is found false.
void ConvictAMinerOf(int64_t trials, LargeTask::Results results) {
  const bool is_mixed = results == LargeTask::Results::kMixed;
  PoolPolicy policy = Unlimited();
  policy.credit_block = 10'000'000;
  LargeTask large(trials, policy, results);
  const char* const name_of =
      is_mixed ? "convict_a_mixed_miner_of_" : "convict_a_miner_of_";
  double longest = 0;
  large.CommitOne(/*claim=*/is_mixed ? 700 : 500);
  for (const char* name : {"v1", "v2"}) {
    const auto grant = large.pool.Do(AcquireAudit{large.pool.verifier, name});
    ARCHPOOL_CHECK(grant.has_value());
    longest = std::max(
        longest, Milliseconds([&] {
          large.pool.Do(ReportAudit{large.pool.verifier, grant->audit.id,
                                    grant->audit.attempt, name,
                                    WeightsUnusable{"WEIGHTS_MISMATCH"}});
        }));
  }
  ARCHPOOL_CHECK(!large.pool.pool.state().accounts().judged().empty());
  large.pool.pool.TakeEvents();
  longest = std::max(longest, GoOn(large.pool));
  Print(absl::StrCat(name_of, trials), longest);
}

// All of it was taken without a check when one claim is far too low.
void DoubtAMinerOf(int64_t trials) {
  PoolPolicy policy = Unlimited();
  policy.credit_block = 10'000'000;
  policy.audit_floor_ppm = 1;
  policy.audit_rate_factor_ppm = 1;
  policy.claims_too_low_max = 1;
  LargeTask large(trials, policy);
  double longest = 0;
  large.CommitOne(/*claim=*/600);  // which is the best, and examined
  const auto grant = large.pool.Do(AcquireAudit{large.pool.verifier, "v1"});
  ARCHPOOL_CHECK(grant.has_value());
  longest =
      std::max(longest, Milliseconds([&] {
                 large.pool.Do(ReportAudit{large.pool.verifier, grant->audit.id,
                                           grant->audit.attempt, "v1",
                                           WeightsMeasured{900, 900}});
               }));
  ARCHPOOL_CHECK(!large.pool.pool.state().accounts().judged().empty());
  large.pool.pool.TakeEvents();
  longest = std::max(longest, GoOn(large.pool));
  Print(absl::StrCat("doubt_a_miner_of_", trials), longest);
}

// One more task of the same client's, which has bought as much already.
void SubmitATaskKnowing(int64_t trials) {
  LargeTask large(trials);
  const PoolState& state = large.pool.pool.state();
  SubmitTask command{.caller = large.pool.client,
                     .spec = *state.Find(large.task)->spec,
                     .request_id = "known",
                     .secret = Sha256("known")};
  for (const TrialId id : state.IndexOf(large.task).trials) {
    if (std::ssize(command.known) == trials) break;
    command.known.push_back(*state.Find(id));
  }
  Print(absl::StrCat("submit_a_task_knowing_", trials),
        Milliseconds([&] { large.pool.Do(command); }));
}

void SubmitATaskOf(int64_t boxes) {
  TestPool pool(Unlimited());
  TaskSpec spec = DeepSpec();
  spec.subspaces = boxes;
  spec.terms.reward = 1;
  Print(absl::StrCat("submit_a_task_of_boxes_", boxes),
        Milliseconds([&] { pool.Submit(spec); }));
}

// A second worker comes to a task whose only box the first has at work, and is
// given a part of it: one that no network lies in which the first trains.
void StealABoxOf(int64_t trials) {
  LargeTask large(trials);
  large.pool.Do(AcquireLease{large.miner, large.session});
  const SessionId other = large.pool.Open(large.miner, "w2");
  Architecture ranked;
  ranked.choices.assign(6, 39);
  large.pool.Do(RankCandidates{.task = large.task, .candidates = {ranked}});
  Print(absl::StrCat("steal_a_box_of_", trials), Milliseconds([&] {
          const AcquireLease ask{large.miner, other};
          ARCHPOOL_CHECK(large.pool.Do(ask).grant.has_value());
        }));
}

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

void SuspendAMinerOf(int64_t leases) {
  CrowdedPool crowded(Unlimited(), {.leases = leases});
  const double first = Milliseconds([&] {
    crowded.pool.Do(SetAccountState{"m", AccountState::kSuspended});
  });
  Print(absl::StrCat("suspend_a_miner_with_", leases, "_leases"),
        std::max(first, GoOn(crowded.pool)));
}

void CancelATaskOf(int64_t leases) {
  CrowdedPool crowded(Unlimited(), {.leases = leases});
  const double first = Milliseconds([&] {
    crowded.pool.Do(CancelTask{crowded.task, {}});
  });
  Print(absl::StrCat("cancel_a_task_with_", leases, "_leases"),
        std::max(first, GoOn(crowded.pool)));
}

// The pool comes back after an hour.
void AddTheTimeAwayTo(int64_t open) {
  CrowdedPool crowded(
      Unlimited(),
      {.leases = open / 2, .asked = open / 4, .waiting = open / 4});
  crowded.pool.now += absl::Hours(1);
  Print(absl::StrCat("add_the_time_away_to_", open), GoOn(crowded.pool));
}

// Its workers are gone, and their time is over at one moment.
void LoseAMinerWith(int64_t leases) {
  CrowdedPool crowded(Unlimited(), {.leases = leases});
  double longest = 0;
  for (int i = 0; i < 10; ++i) {
    crowded.pool.now += absl::Seconds(15);
    longest = std::max(longest, GoOn(crowded.pool));
  }
  ARCHPOOL_CHECK(crowded.pool.pool.state().leases().all().empty());
  Print(absl::StrCat("lose_a_miner_with_", leases, "_leases"), longest);
}

// What one of its thousand workers asks every few seconds, and a verifier.
void AskAmongAudits(int64_t audits) {
  CrowdedPool crowded(Unlimited(),
                      {.asked = audits / 2, .waiting = audits / 2});
  TestPool& pool = crowded.pool;
  Print(absl::StrCat("review_trials_among_", audits / 2), Milliseconds([&] {
          pool.Do(ReviewTrials{crowded.miner, crowded.session});
        }));
  Print(absl::StrCat("acquire_audit_among_", audits / 2), Milliseconds([&] {
          pool.Do(AcquireAudit{pool.verifier, "v1"});
        }));
  Print(absl::StrCat("review_verifiers_among_", audits / 2),
        Milliseconds([&] { pool.Do(ReviewVerifiers{}); }));
}

}  // namespace
}  // namespace archpool

int main() {
  archpool::LeaseAmongTasksInWhichNothingCanBeBuilt(1);
  archpool::LeaseAmongTasksInWhichNothingCanBeBuilt(300);
  archpool::SubmitATaskOf(16'384);
  archpool::SubmitATaskKnowing(10'000);
  archpool::StealABoxOf(100'000);
  archpool::EndATaskOf(1'000);
  archpool::EndATaskOf(10'000);
  archpool::EndATaskOf(100'000);
  archpool::SuspendAMinerOf(100'000);
  archpool::CancelATaskOf(100'000);
  archpool::AddTheTimeAwayTo(100'000);
  archpool::LoseAMinerWith(100'000);
  archpool::AskAmongAudits(100'000);
  archpool::ConvictAMinerOf(100'000, archpool::LargeTask::Results::kAlike);
  archpool::ConvictAMinerOf(100'000, archpool::LargeTask::Results::kMixed);
  archpool::DoubtAMinerOf(100'000);
  return 0;
}
