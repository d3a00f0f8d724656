// SPDX-License-Identifier: Apache-2.0
// The payer with rails that fail in every way, killed between any two steps, on
// a store whose commits fail: nobody is paid twice, nothing is lost.
#include "server/payout/payer.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/counter_rng.h"
#include "common/base/steady_clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/storage/memory_store.h"
#include "tests/support/faulty_store.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

constexpr Amount kGift = 100 * kAmountPerCoin;

// Moves money whenever it is told to: it does not even look at the key.
class TestRail : public Rail {
 public:
  explicit TestRail(CounterRng& rng) : rng_(rng) {}

  std::vector<RailAnswer> Send(absl::Span<const Payout> payouts) override {
    std::vector<RailAnswer> answers;
    for (const Payout& payout : payouts) {
      if (rng_.Below(4) == 0) {  // lost on the way
        answers.push_back({RailWord::kDoubt, "", "RAIL_UNREACHABLE"});
        continue;
      }
      ++sends_[payout.key];
      state_[payout.key] = rng_.Below(5) == 0   ? RailWord::kRefused
                           : rng_.Below(2) == 0 ? RailWord::kSent
                                                : RailWord::kSettled;
      answers.push_back(Answer(payout));
    }
    return answers;
  }

  RailAnswer LookUp(const Payout& payout) override {
    const auto found = state_.find(payout.key);
    if (found == state_.end()) return {RailWord::kNeverSeen, "", ""};
    if (found->second == RailWord::kSent && rng_.Below(2) == 0) {
      found->second = RailWord::kSettled;
    }
    return Answer(payout);
  }

  int64_t sends_max() const {
    int64_t most = 0;
    for (const auto& [key, count] : sends_) most = std::max(most, count);
    return most;
  }
  bool IsSettled(const Digest& key) const {
    const auto found = state_.find(key);
    return found != state_.end() && found->second == RailWord::kSettled;
  }

 private:
  RailAnswer Answer(const Payout& payout) {
    if (rng_.Below(4) == 0) return {RailWord::kDoubt, "", "HTTP_500"};
    const RailWord word = state_.at(payout.key);
    return {word, word == RailWord::kRefused ? "" : "ref",
            word == RailWord::kRefused ? "ADDRESS_UNKNOWN" : ""};
  }

  CounterRng& rng_;
  std::map<Digest, int64_t> sends_;
  std::map<Digest, RailWord> state_;
};

struct Killed {};

class PayerTest : public ::testing::TestWithParam<int> {
 protected:
  PayerTest() : rng_(static_cast<uint64_t>(GetParam()), 0), rail_(rng_) {
    Restart();
    alice_ =
        engine_->Call(CreateAccount{"alice", Role::kMiner, Sha256("a")})->id;
    EXPECT_THAT(engine_->Call(Deposit{"alice", kGift, "gift"}), IsOk());
    EXPECT_THAT(engine_->Call(SetPayoutTerms{alice_, "addr", 0}), IsOk());
    is_dangerous_ = true;
  }

  // As after a power cut: the store alone is what it was.
  void Restart() {
    payer_ = nullptr;
    engine_ = std::make_unique<Engine>(clock_, faulty_, PoolPolicy(),
                                       EngineOptions());
    ASSERT_THAT(engine_->Start(), IsOk());
    PayerOptions options;
    options.batch_max = 3;
    options.look_up_min = absl::ZeroDuration();
    options.look_up_max = absl::ZeroDuration();
    options.at = [this](const std::string&) {
      if (is_dangerous_ && rng_.Below(12) == 0) throw Killed();
    };
    payer_ = std::make_unique<Payer>(clock_, *engine_, rail_, options);
  }

  void Round() {
    try {
      (void)payer_->Round();
    } catch (const Killed&) {
      Restart();
    }
  }

  SteadyClock clock_;
  CounterRng rng_;
  CounterRng store_rng_{static_cast<uint64_t>(GetParam()), 1};  // the engine's
  MemoryStore store_;
  std::atomic<bool> is_dangerous_ = false;
  FaultyStore faulty_{store_, [this](FaultyStore::Call call) {
                        if (call != FaultyStore::Call::kCommit ||
                            !is_dangerous_ || store_rng_.Below(10) != 0) {
                          return Fault::kNone;
                        }
                        constexpr Fault kFaults[] = {Fault::kUnreachable,
                                                     Fault::kDoubtWritten,
                                                     Fault::kDoubtNotWritten};
                        return kFaults[store_rng_.Below(3)];
                      }};
  TestRail rail_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Payer> payer_;
  AccountId alice_;
};

TEST_P(PayerTest, NobodyIsPaidTwiceAndNothingIsLost) {
  for (int i = 0; i < 12; ++i) {
    const std::string id = absl::StrCat("r", i);
    while (!engine_->Call(RequestPayout{alice_, 2 * kAmountPerCoin, id}).ok()) {
    }
    Round();
  }
  is_dangerous_ = false;
  for (int i = 0; i < 100; ++i) Round();
  EXPECT_LE(rail_.sends_max(), 1);
  const auto payouts = store_.Payouts({.limit = 100});
  ASSERT_EQ(payouts->size(), 12u);
  Amount settled = 0;
  for (const Payout& payout : *payouts) {
    EXPECT_TRUE(IsEnded(payout.state)) << ToString(payout.state);
    EXPECT_EQ(payout.state == PayoutState::kSettled,
              rail_.IsSettled(payout.key));
    if (payout.state == PayoutState::kSettled) settled += payout.amount;
  }
  const auto balances = store_.Balances({.limit = 1'000});
  for (const Balance& balance : *balances) {
    if (balance.place == Place::Of(alice_)) {
      EXPECT_EQ(balance.amount, kGift - settled);
    }
  }
  EXPECT_THAT(store_.CheckLedger()->violations, testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Seeds, PayerTest, testing::Range(0, 200));

}  // namespace
}  // namespace archpool
