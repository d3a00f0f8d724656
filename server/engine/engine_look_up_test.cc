// SPDX-License-Identifier: Apache-2.0
// What the pool has let go of is asked of the store: an old request is answered
// as it was the first time, and one that cannot be looked up changes nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/engine/engine.h"
#include "server/storage/memory_store.h"
#include "tests/support/faulty_store.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

using testing::SizeIs;

constexpr Amount kCoin = kAmountPerCoin;

class EngineLookUpTest : public testing::Test {
 protected:
  EngineLookUpTest() {
    Start();
    client = Must(CreateAccount{"client", Role::kClient, Sha256("client")}).id;
    Must(SetPayoutTerms{client, "addr", 0});
    deposit = Must(deposit_command);
    dataset_command = {client, TinyManifest(), Sha256("held-out")};
    Must(dataset_command);
    task_command = {client, TinySpec(2), "t", Sha256("secret")};
    task = Must(task_command);
    payout_command = {client, 2 * kCoin, "p"};
    payout = Must(payout_command);
  }

  void Start() {
    engine =
        std::make_unique<Engine>(clock, store, PoolPolicy(), EngineOptions());
    EXPECT_THAT(engine->Start(), IsOk());
  }
  // Another process, which holds nothing of what is over.
  void Restart() {
    engine->Stop();
    Start();
  }
  template <typename Command>
  typename Command::Reply Must(const Command& command) {
    auto reply = engine->Call(command);
    EXPECT_THAT(reply, IsOk());
    return reply.ok() ? *std::move(reply) : typename Command::Reply();
  }
  void EndAll() {
    Must(CancelTask{task, client});
    Must(BeginSends{10});
    Must(ReportPayout{payout, RailWord::kSettled, "tx", ""});
    const absl::Time until = absl::Now() + absl::Seconds(60);
    while (!IsEnded(memory.GetTask(task)->state) && absl::Now() < until) {
      absl::SleepFor(absl::Milliseconds(5));
    }
    EXPECT_EQ(memory.GetTask(task)->state, TaskState::kCancelled);
  }
  // Asks for all that was asked for once, and for something else in its name.
  void ExpectAnswersOfOld() {
    const size_t transfers = AllTransfers().size();
    EXPECT_EQ(Must(task_command), task);
    EXPECT_EQ(Must(deposit_command), deposit);
    EXPECT_EQ(Must(payout_command), payout);
    EXPECT_EQ(Must(RequestPayout{client, 0, "p"}), payout) << "all there was";
    RegisterDataset again = dataset_command;
    again.held_out = Sha256("another");
    EXPECT_EQ(Must(again).held_out, dataset_command.held_out);
    SubmitTask other_task = task_command;
    other_task.spec.name = "another";
    EXPECT_THAT(engine->Call(other_task), FailsWith("REQUEST_ID_REUSED"));
    EXPECT_THAT(engine->Call(RequestPayout{client, 3 * kCoin, "p"}),
                FailsWith("REQUEST_ID_REUSED"));
    EXPECT_THAT(AllTransfers(), SizeIs(transfers));
    EXPECT_THAT(*memory.Tasks({}), SizeIs(1));
    EXPECT_THAT(*memory.Payouts({}), SizeIs(1));
  }
  std::vector<Transfer> AllTransfers() {
    return *memory.Transfers({.limit = 1'000'000});
  }

  SteadyClock clock;
  MemoryStore memory;
  std::atomic<bool> is_unreadable{false};
  std::atomic<int> reads{0};
  FaultyStore store{memory, [this](FaultyStore::Call call) {
                      if (call != FaultyStore::Call::kFind) return Fault::kNone;
                      ++reads;
                      return is_unreadable ? Fault::kUnreachable : Fault::kNone;
                    }};
  std::unique_ptr<Engine> engine;
  AccountId client;
  const Deposit deposit_command{"client", 1'000 * kCoin, "d"};
  RegisterDataset dataset_command;
  SubmitTask task_command;
  RequestPayout payout_command;
  TransferId deposit;
  TaskId task;
  PayoutId payout;
};

TEST_F(EngineLookUpTest, ARestartForgetsNoAnswer) {
  ExpectAnswersOfOld();
  Restart();
  ExpectAnswersOfOld();
  EndAll();
  ExpectAnswersOfOld();
  Restart();
  ExpectAnswersOfOld();
}

// As many others as it takes that the pool lets go of the first ones.
TEST_F(EngineLookUpTest, TimeForgetsNoAnswer) {
  EndAll();
  constexpr auto kOthers = static_cast<int64_t>(kLatestRequestsMax);
  for (int64_t i = 1; i <= kOthers; ++i) {
    const Deposit other{"client", 1, absl::StrCat("other ", i)};
    if (i % 5'000 == 0 || i == kOthers) {
      Must(other);
    } else {
      engine->Submit<Deposit>(other,
                              [](const absl::StatusOr<TransferId>& reply) {
                                EXPECT_THAT(reply, IsOk());
                              });
    }
  }
  const int before = reads;
  Must(Deposit{"client", 1, absl::StrCat("other ", kOthers)});
  EXPECT_EQ(reads, before) << "the latest are held";
  Must(deposit_command);
  EXPECT_EQ(reads, before + 1);
  ExpectAnswersOfOld();
}

// A task of a dataset that no open task is of: nobody registers it again.
TEST_F(EngineLookUpTest, AnOldDatasetIsTakenUpAgain) {
  EndAll();
  Restart();
  task_command.request_id = "t2";
  const TaskId second = Must(task_command);
  EXPECT_GT(second, task);
  EXPECT_EQ(memory.GetTask(second)->spec->dataset, TinyManifest().Id());
  const AccountId other =
      Must(CreateAccount{"other", Role::kClient, Sha256("other")}).id;
  task_command.caller = other;
  EXPECT_THAT(engine->Call(task_command), FailsWith("DATASET_UNKNOWN"))
      << "it is another's";
}

TEST_F(EngineLookUpTest, WhatCannotBeLookedUpChangesNothing) {
  EndAll();
  Restart();
  const std::vector<Transfer> transfers = AllTransfers();
  is_unreadable = true;
  const auto refused = [](const auto& reply) {
    EXPECT_THAT(reply, FailsWith("LOOK_UP_FAILED"));
    EXPECT_EQ(reply.status().code(), absl::StatusCode::kUnavailable);
  };
  refused(engine->Call(task_command));
  refused(engine->Call(deposit_command));
  refused(engine->Call(payout_command));
  refused(engine->Call(dataset_command));
  refused(engine->Call(SubmitTask{client, TinySpec(2), "t2"}));
  refused(engine->Call(Deposit{"client", 1, "d2"}));
  EXPECT_THAT(*memory.Tasks({}), SizeIs(1));
  EXPECT_EQ(AllTransfers(), transfers);
  // Whatever needs no look into the past continues.
  Must(CreateAccount{"miner", Role::kMiner, Sha256("miner")});
  is_unreadable = false;
  ExpectAnswersOfOld();
  Must(Deposit{"client", 1, "d2"});
  EXPECT_THAT(AllTransfers(), SizeIs(transfers.size() + 1));
  is_unreadable = true;
  Must(Deposit{"client", 1, "d2"});
  EXPECT_THAT(AllTransfers(), SizeIs(transfers.size() + 1));
}

// The second one is executed before the first is in the store.
TEST_F(EngineLookUpTest, WhatIsNotCommittedYetIsKnown) {
  const size_t transfers = AllTransfers().size();
  constexpr int kTimes = 100;
  std::vector<TransferId> made(kTimes);
  for (TransferId& one : made) {
    engine->Submit<Deposit>({"client", 5, "twice"},
                            [&one](const absl::StatusOr<TransferId>& reply) {
                              EXPECT_THAT(reply, IsOk());
                              one = *reply;
                            });
  }
  const TransferId last = Must(Deposit{"client", 5, "twice"});
  EXPECT_THAT(made, testing::Each(last));
  EXPECT_THAT(AllTransfers(), SizeIs(transfers + 1));
}

}  // namespace
}  // namespace archpool
