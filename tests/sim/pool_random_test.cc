// SPDX-License-Identifier: Apache-2.0
// Seeded random histories of honest, lazy, lying and vanishing miners, clients
// that cancel, verifiers that crash, clocks that jump and servers that restart;
// after every step an independent oracle checks the books, and a pool loaded
// from what a store would hold must equal the one in memory: by what it holds,
// and from some such moments on by every later reply and event, although it has
// let go of what the other still holds. The loaded one is made of the snapshot
// alone where the other has just forgotten what it saw, as in a restart;
// elsewhere of the snapshot and what the other saw.
#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <vector>

#include "common/base/counter_rng.h"
#include "common/base/sanitized.h"
#include "common/base/status.h"
#include "common/nas/cost_table.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/core/pool.h"
#include "server/core/rules/known_result.h"
#include "server/core/rules/network_setup.h"
#include "simulator/event_archive.h"
#include "simulator/record_oracle.h"
#include "tests/sim/ended_tasks.h"
#include "tests/sim/random_commands.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/sign_receipts.h"

namespace archpool {
namespace {

// A history under sanitizers takes thirty times as long.
constexpr int kHistories = kIsSanitized ? 15 : 60;

// How often, in all histories.
struct Happened {
  int backups = 0;
  int promotions = 0;
  int known = 0;
  int sampled_out = 0;
  int matured = 0;
  int asked_of_the_ended = 0;
  int too_large = 0;
  int twins = 0;
  int restarts = 0;
  int64_t summed_up = 0;
};

class History {
 public:
  History(uint64_t seed, Happened& happened)
      : happened_(happened),
        is_about_search_(seed % 4 == 3),
        rng_(seed, 0),
        twin_rng_(seed, 1),
        pool_(PolicyOf(seed)) {
    pool_.archive = &archive_;
    Check("start");
    for (int i = 0; i < 4; ++i) {
      const std::string name = absl::StrCat("miner", i);
      miners_.push_back({.account = pool_.Make(name, Role::kMiner)});
      Reopen(miners_.back());
    }
  }

  void Run(int steps) {
    for (int step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
      Step();
      Check(absl::StrCat("step ", step));
      if (rng_.Below(20) == 0) Restart();
      if (rng_.Below(100) == 0) ReplaceArithmetic();
    }
  }

  // Everything still open must come to an end once time passes and a verifier
  // works through what was committed.
  void Finish() {
    pool_.Advance(absl::Hours(10));
    pool_.VerifyAll();
    pool_.Advance(absl::Hours(10));
    pool_.VerifyAll();
    Check("the end");
    EXPECT_TRUE(pool_.pool.state().tasks().all().empty());
    CheckReceipts();
    happened_.summed_up += ended_.Check();
  }

 private:
  // Short blocks; every other history pays through a window.
  static PoolPolicy PolicyOf(uint64_t seed) {
    PoolPolicy policy;
    policy.credit_block = 2;
    if (seed % 2 == 1) policy.reward_rule = RewardRule::kPplns;
    policy.pplns_window_units = 1'000'000;
    if (seed % 3 == 0) policy.settle_trials_max = 3;  // in many steps
    return policy;
  }

  struct Miner {
    AccountId account;
    SessionId session;
    std::optional<LeaseGrant> grant;
  };

  void Step() {
    Miner& miner = miners_[rng_.Below(4)];
    if (is_about_search_ && rng_.Below(4) != 0) return Search(miner);
    switch (rng_.Below(18)) {
      case 17:
        return HaveTrouble();
      case 16:
        return Split(miner);
      case 12:
      case 13:
        return Rank();
      case 14:
        return Renew(miner);
      case 15:
        return AnswerLate();
      case 0:
        return Submit();
      case 1:
        return Cancel();
      case 2:
        return pool_.Advance(absl::Seconds(rng_.Below(120)));
      case 3:
        return Reopen(miner);
      case 4:
        return Release(miner);
      case 5:
      case 6:
        return Acquire(miner);
      case 7:
      case 8:
      case 9:
        return Report(miner);
      default:
        return Audit();
    }
  }

  void Search(Miner& miner) {
    switch (rng_.Below(16)) {
      case 0:
        return RankAll();
      case 1:
      case 2:
      case 3:
        return Report(miner);
      case 4:
        return Audit();
      case 5:
      case 6:
      case 7:
      case 8:
        return Release(miner);
      default:
        return Acquire(miner);
    }
  }

  void Split(const Miner& miner) {
    std::vector<SetRevenueSplit::Part> parts = {{"client", 250'000},
                                                {"miner2", 750'000}};
    if (rng_.Below(4) == 0) parts.clear();
    const std::string name = pool_.pool.state().Find(miner.account)->name;
    AccountId named;
    for (const SetRevenueSplit::Part& part : parts) {
      named = pool_.pool.state().accounts().Find(part.account_name)->id;
      pool_.Do(SetShareConsent{named, name, true});
    }
    pool_.Do(SetRevenueSplit{miner.account, std::move(parts)});
    // Some think better of it once they are named.
    if (named.IsSet() && rng_.Below(4) == 0) {
      pool_.Do(SetShareConsent{named, name, false});
    }
  }

  void Submit() {
    const TaskSpec spec = RandomTinySpec(rng_);
    std::vector<Trial> known;
    if (rng_.Below(2) == 0) {
      const NetworkSetup setup =
          SetupOfKnown(spec, TinyManifest(), kCostTableVersion);
      std::copy_if(
          bought_.begin(), bought_.end(), std::back_inserter(known),
          [&](const Trial& trial) { return IsResultOf(spec, setup, trial); });
    }
    // May be refused for want of money or budget: that too must change nothing.
    const SubmitTask command{pool_.client, spec,
                             absl::StrCat("r", rng_.Below(1000)),
                             Sha256(absl::StrCat(rng_.Next())), known};
    const absl::StatusOr<TaskId> task = pool_.Try(command);
    if (task.ok()) submitted_.insert({*task, command});
    AskAgain();
  }

  // Whatever was asked for once, and whether it is still open or in memory: the
  // same answer, and no other record.
  void AskAgain() {
    if (submitted_.empty()) return;
    Check("submitted");
    const auto& [id, command] = *std::next(
        submitted_.begin(), twin_rng_.Below(uint32_t(submitted_.size())));
    EXPECT_EQ(pool_.Do(command), id);
    SubmitTask other = command;
    other.spec.name = "another";
    EXPECT_EQ(GetReason(pool_.Try(other).status()), "REQUEST_ID_REUSED");
    pool_.Do(Deposit{"client", 1'000 * kAmountPerCoin, "seed-money"});
    if (pool_.twin) {
      EXPECT_TRUE(pool_.twin->TakeEvents().empty());
    }
    EXPECT_TRUE(pool_.pool.TakeEvents().empty()) << "asked before";
    // It is noted at times that a dataset is asked for still.
    pool_.Do(RegisterDataset{pool_.client, TinyManifest(), Sha256("other")});
    Check("registered again");
    happened_.asked_of_the_ended +=
        pool_.pool.state().Find(id) == nullptr ? 1 : 0;
  }

  void Cancel() {
    const auto& tasks = pool_.pool.state().tasks().all();
    if (tasks.size() < 3) return;
    pool_.Do(CancelTask{tasks.begin()->first, pool_.client});
  }

  void Reopen(Miner& miner) {
    miner.session = pool_.Open(miner.account, "w");
    miner.grant.reset();
  }

  void Rank() {
    const auto& tasks = pool_.pool.state().tasks().all();
    if (tasks.empty()) return;
    (void)pool_.Try(RandomRanking(rng_, tasks.begin()->second));
  }

  void RankAll() {
    const auto& tasks = pool_.pool.state().tasks().all();
    if (tasks.empty()) return;
    const auto task =
        std::next(tasks.begin(), rng_.Below(uint32_t(tasks.size())));
    (void)pool_.Try(WholeRanking(rng_, task->second));
  }

  void Renew(Miner& miner) {
    if (!miner.grant) return;
    (void)pool_.Try(
        RenewLease{miner.account, miner.session, miner.grant->lease.id});
  }

  void Release(Miner& miner) {
    if (!miner.grant) return;
    pool_.Do(ReleaseLease{miner.account, miner.session, miner.grant->lease.id,
                          miner.grant->lease.attempt});
    miner.grant.reset();
  }

  void Acquire(Miner& miner) {
    AcquireLease command{miner.account, miner.session, {}};
    if (miner.grant) command.holding.push_back(miner.grant->lease.id);
    if (is_about_search_ && rng_.Below(2) == 0) {
      // Enough for some networks; the largest have thousands of parameters.
      command.means.upload_bytes_per_second = 1 + rng_.Below(200);
    }
    const auto reply = pool_.Try(command);
    if (reply.ok())
      happened_.too_large += reply->idle_reason == "TOO_LARGE_HERE" ? 1 : 0;
    if (!reply.ok()) {
      EXPECT_EQ(GetReason(reply.status()), "ACCOUNT_SUSPENDED");
      const Account& account = *pool_.pool.state().Find(miner.account);
      pool_.Do(SetAccountState{account.name, AccountState::kActive});
    } else {
      if (reply->grant) miner.grant = reply->grant;
      if (reply->grant && reply->grant->lease.role == LeaseRole::kBackup) {
        ++happened_.backups;
      }
    }
  }

  // Sometimes twice, sometimes another's trial, sometimes without the weights.
  void Report(Miner& miner) {
    if (!miner.grant || miner.grant->assignments.empty()) return;
    const auto& list = miner.grant->assignments;
    const TrialId trial = list[rng_.Below(uint32_t(list.size()))].trial;
    const int64_t claim = 700 + rng_.Below(250);
    const auto results =
        pool_
            .Do(ReportTrials{miner.account,
                             miner.session,
                             miner.grant->lease.id,
                             miner.grant->lease.attempt,
                             {FakeReport(trial, kSegments, claim)}})
            .results;
    if (!results[0].status.ok() || rng_.Below(10) == 0) return;
    pool_.Answer(miner.account, trial);
  }

  // Answers what is asked of anybody, or drops it.
  void AnswerLate() {
    for (const Miner& miner : miners_) {
      std::vector<TrialId> kept;
      for (const auto& [id, task] : pool_.pool.state().tasks().all()) {
        const auto& trials = pool_.pool.state().IndexOf(id).trials;
        kept.insert(kept.end(), trials.begin(), trials.end());
      }
      const auto review =
          pool_.Do(ReviewTrials{miner.account, miner.session, kept});
      for (const auto& asked : review.asked) {
        if (rng_.Below(8) != 0)
          pool_.Answer(miner.account, asked.request.trial);
      }
    }
  }

  void Audit() {
    const auto grant = pool_.Do(AcquireAudit{pool_.verifier, "v"});
    if (!grant || rng_.Below(8) == 0) return;  // the verifier dies
    pool_.Do(ReportAudit{pool_.verifier, grant->audit.id, grant->audit.attempt,
                         "v", RandomFinding(rng_, *grant)});
  }

  void Check(const std::string& where) {
    const std::vector<Event> events = pool_.pool.TakeEvents();
    EXPECT_THAT(oracle_.Watch(events), ::testing::IsEmpty()) << where;
    archive_.Take(events);
    ended_.Take(events);
    if (pool_.twin) {
      EXPECT_TRUE(pool_.twin->TakeEvents() == events)
          << where << ": a loaded pool decides differently";
    }
    for (const Event& event : events) {
      if (const auto* trial = std::get_if<Trial>(&event)) Note(*trial);
      if (const auto* receipt = std::get_if<Receipt>(&event)) {
        receipts_[receipt->account].push_back(receipt->content);
      }
    }
    const Pool loaded(pool_.policy, oracle_.Snapshot());
    const PoolSnapshot a = loaded.state().Snapshot();
    const PoolSnapshot b = pool_.pool.state().Snapshot();
    EXPECT_EQ(a.last_ids, b.last_ids) << where;
    EXPECT_TRUE(a.records == b.records) << where << ": loaded state differs";
    // From now on it is compared by what it decides.
    if (twin_rng_.Below(12) == 0 && !IsSettlingInSteps()) {
      pool_.twin.emplace(oracle_.Snapshot(), pool_.pool);
      ++happened_.twins;
    }
  }

  // A loaded pool begins a settlement of several commands again, and what a
  // finishing task gives up, and comes to the same some ticks later
  // (settling_test).
  bool IsSettlingInSteps() const {
    const PoolState& state = pool_.pool.state();
    return std::any_of(
        state.tasks().all().begin(), state.tasks().all().end(),
        [&](const auto& one) {
          const TaskMemory& memory = state.IndexOf(one.first).memory;
          return memory.settling.HasBegun() || memory.given_up_to.has_value();
        });
  }

  // What each account could check alone.
  void CheckReceipts() {
    static const SigningKey key = SigningKey::Generate();
    for (const auto& [account, encodings] : receipts_) {
      if (!account.IsSet()) continue;
      const auto report = archpool::CheckReceipts(
          SignReceipts(
              key, account, encodings,
              pool_.pool.state().money().BalanceOf(Place::Of(account))),
          key.public_key());
      ASSERT_TRUE(report.ok()) << report.status();
      EXPECT_THAT(report->problems, ::testing::IsEmpty()) << account.ToString();
    }
  }

  void Note(const Trial& trial) {
    if (trial.rung > 0 && trial.state == TrialState::kAssigned)
      ++happened_.promotions;
    happened_.sampled_out += BasisOf(trial) == TrialBasis::kSampledOut ? 1 : 0;
    happened_.matured +=
        IsMatured(trial) && SettlementOf(trial).finders_bonus == 0 ? 1 : 0;
    if (trial.known_from.IsSet()) {
      ++happened_.known;
    } else if (trial.state == TrialState::kAccepted) {
      if (bought_.size() < 40) bought_.push_back(trial);
    }
  }

  // What is in memory is lost; workers notice nothing but a pause, however
  // long: whatever was to be done has as much time left as before.
  void Restart() {
    const auto time_left = TimeLeft();
    if (IsSettlingInSteps()) {
      pool_.twin.reset();
      pool_.pool = Pool(pool_.policy, oracle_.Snapshot());
    } else {
      pool_.pool.ForgetSeen();
      pool_.twin.emplace(pool_.policy, oracle_.Snapshot());
      ++happened_.restarts;
    }
    if (rng_.Below(2) == 0) return;  // and its first tick is to come
    pool_.now += absl::Seconds(rng_.Below(100'000));
    pool_.Do(Tick{});
    if (pool_.pool.state().pool_clock().InMaintenance())
      return;  // added at its end
    for (const auto& [what, left] : TimeLeft()) {
      const auto before = time_left.find(what);
      if (before == time_left.end()) continue;
      EXPECT_GE(left, before->second);
    }
    Check("after a restart");
  }

  // The next version of the server computes otherwise than its records say.
  void ReplaceArithmetic() {
    const std::vector<Event> old = InOldArithmetic(oracle_.Snapshot().records);
    EXPECT_THAT(oracle_.Watch(old), ::testing::IsEmpty());
    ended_.Take(old);
    pool_.twin.reset();
    pool_.pool = Pool(pool_.policy, oracle_.Snapshot());
    pool_.Do(UpgradeRecords{});
    Check("after an upgrade");
    pool_.Do(UpgradeRecords{});
    EXPECT_TRUE(pool_.pool.TakeEvents().empty()) << "nothing the second time";
    pool_.twin.reset();
    for (Miner& miner : miners_) Reopen(miner);
  }

  using What = std::pair<Due::Kind, int64_t>;
  std::map<What, absl::Duration> TimeLeft() const {
    std::map<What, absl::Duration> left;
    for (const Due& due : pool_.pool.state().due().all()) {
      left[{due.kind, due.id}] = due.time - pool_.now;
    }
    return left;
  }

  // The pool's own trouble: its operator closes it, its disk is full.
  void HaveTrouble() {
    if (rng_.Below(2) == 0) {
      pool_.Do(ExtendAnswers{absl::Seconds(rng_.Below(100))});
      return;
    }
    pool_.Do(SetMaintenance{true});
    const size_t open = TimeLeft().size();
    pool_.Advance(absl::Seconds(rng_.Below(10'000)));
    EXPECT_EQ(TimeLeft().size(), open) << "nothing ends in maintenance";
    Check("in maintenance");  // a restart loses what nobody has seen
    if (rng_.Below(2) == 0) Restart();
    pool_.Do(SetMaintenance{false});
  }

  Happened& happened_;
  // Networks are given out and back again, along long rankings and to workers
  // whose lines are too slow for some.
  bool is_about_search_;
  CounterRng rng_;
  CounterRng twin_rng_;
  TestPool pool_;
  RecordOracle oracle_;
  EventArchive archive_;
  EndedTasks ended_;
  std::vector<Miner> miners_;
  std::vector<Trial> bought_;  // accepted trials
  std::map<TaskId, SubmitTask> submitted_;
  std::map<AccountId, std::vector<std::string>> receipts_;
};

TEST(PoolRandomTest, TheBooksHoldThroughAnyHistory) {
  Happened happened;
  for (int seed = 0; seed < kHistories; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    History history(static_cast<uint64_t>(seed), happened);
    history.Run(400);
    if (HasFailure()) return;
    history.Finish();
  }
  // They would prove nothing of what is not in them.
  EXPECT_GT(happened.asked_of_the_ended, kHistories / 6);
  EXPECT_GT(happened.too_large, kHistories / 6);
  EXPECT_GT(happened.twins, 10 * kHistories);
  EXPECT_GT(happened.restarts, 10 * kHistories);
  EXPECT_GT(happened.sampled_out, kHistories / 6);
  EXPECT_GT(happened.matured, kHistories / 6);
  EXPECT_GT(happened.backups, kHistories / 6);
  EXPECT_GT(happened.promotions, kHistories / 6);
  EXPECT_GT(happened.known, kHistories / 6);
  EXPECT_GT(happened.summed_up, kHistories / 6);
}

}  // namespace
}  // namespace archpool
