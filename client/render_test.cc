// SPDX-License-Identifier: Apache-2.0
// Pages and JSON, looked at by a person and kept under tests/golden/client.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/json.h"
#include "client/render_lease.h"
#include "client/render_pool.h"
#include "client/render_task.h"
#include "client/render_terms.h"
#include "client/render_verifiers.h"
#include "client/render_watch.h"
#include "client/sample_task_test_util.h"
#include "common/wire/words.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/golden.h"

namespace archpool {
namespace {

using testing::ExpectGolden;
using ::testing::HasSubstr;
using testing::SampleNow;

constexpr Terminal kPlain = {.width = 80};
constexpr Terminal kRich = {
    .width = 80, .has_color = true, .has_unicode = true};

void ExpectFits(const std::string& page, size_t width) {
  for (const absl::string_view line : absl::StrSplit(page, '\n')) {
    EXPECT_LE(DisplayWidth(line), width) << line;
  }
}

WatchView SampleView(v1::Task task) {
  WatchView view;
  view.task = std::move(task);
  const v1::ListWorkersResponse workers = testing::SampleWorkers();
  view.workers.assign(workers.workers().begin(), workers.workers().end());
  v1::Trial rejected =
      testing::SampleTrial(60, "mallory", v1::TRIAL_STATE_REJECTED);
  rejected.set_reason("CLAIM_TOO_HIGH");
  rejected.set_claimed_accuracy_ppm(964'000);
  for (const v1::Trial& trial :
       {testing::SampleTrial(58, "bob", v1::TRIAL_STATE_ACCEPTED), rejected,
        testing::SampleTrial(61, "alice", v1::TRIAL_STATE_ASSIGNED)}) {
    for (WatchEvent& event : TrialEvents(trial, SampleNow())) {
      view.events.push_back(std::move(event));
    }
  }
  for (WatchEvent& event :
       TaskEvents(v1::Task(), testing::RunningTask(), SampleNow())) {
    view.events.push_back(std::move(event));
  }
  return view;
}

std::string Frame(const WatchView& view, const Terminal& terminal,
                  size_t height) {
  return absl::StrJoin(RenderWatch(view, SampleNow(), terminal, height), "\n") +
         "\n";
}

// Who reads that nothing learns looks at labels; a learning rate must be named.
TEST(RenderTest, ATaskThatDivergedNamesItsLearningRate) {
  v1::Task task = testing::EndedTask();
  task.set_end_reason(v1::END_REASON_NOTHING_LEARNS);
  task.mutable_spec()->mutable_recipe()->set_learning_rate_ppm(2'500'000);
  task.set_trials_accepted(30);
  EXPECT_THAT(DescribeEnd(task), HasSubstr("Look at the labels"));
  task.set_trials_diverged(14);
  EXPECT_THAT(DescribeEnd(task), HasSubstr("Look at the labels"));
  task.set_trials_diverged(28);
  EXPECT_EQ(DescribeEnd(task),
            "No network learnt: 28 of 30 trainings diverged at the learning "
            "rate 2.5, which is too high for these networks: try a tenth of "
            "it. What was trained until then is paid.");
  task.set_end_reason(v1::END_REASON_EXHAUSTED);
  EXPECT_THAT(DescribeEnd(task), HasSubstr("was trained. 28 of 30 trainings"));
  task.set_end_reason(v1::END_REASON_BUDGET);
  EXPECT_EQ(DescribeEnd(task), "");
}

TEST(RenderTest, TaskRunning) {
  const std::string page =
      RenderTask(testing::RunningTask(), SampleNow(), kPlain);
  ExpectFits(page, 80);
  ExpectGolden("client/task_running.txt", page);
}

TEST(RenderTest, TaskEnded) {
  const std::string page =
      RenderTask(testing::EndedTask(), SampleNow(), kPlain);
  ExpectFits(page, 80);
  ExpectGolden("client/task_ended.txt", page);
}

// A sum that is not the reward must not look as if all were well.
TEST(RenderTest, TaskWhoseRewardDoesNotAddUp) {
  v1::Task task = testing::EndedTask();
  EXPECT_EQ(RenderTask(task, SampleNow(), kPlain).find("not the reward"),
            std::string::npos);
  task.set_fee_micros(task.fee_micros() - 1);
  EXPECT_NE(RenderTask(task, SampleNow(), kPlain).find("not the reward"),
            std::string::npos);
}

TEST(RenderTest, TaskList) {
  const std::string page =
      RenderTaskList({testing::SummaryOf(testing::EndedTask()),
                      testing::SummaryOf(testing::RunningTask())},
                     SampleNow(), kPlain);
  ExpectFits(page, 80);
  ExpectGolden("client/task_list.txt", page);
}

TEST(RenderTest, LeaseList) {
  const v1::Lease backup = testing::SampleBackup();
  v1::Lease primary = backup;
  primary.set_lease_id(7);
  primary.set_account_name("alice");
  primary.set_role(v1::LEASE_ROLE_PRIMARY);
  primary.clear_primary_lease_id();
  primary.set_backup_reason(v1::BACKUP_REASON_SILENT);
  primary.set_trials(12);
  primary.set_trials_target(12);
  primary.mutable_deadline_time()->set_seconds(
      absl::ToUnixSeconds(SampleNow()) - 63);
  v1::Lease done = primary;
  done.set_lease_id(6);
  done.set_state(v1::LEASE_STATE_COMPLETED);
  done.clear_backup_reason();
  const std::string page =
      RenderLeases({backup, primary, done}, SampleNow(), kPlain);
  ExpectFits(page, 80);
  ExpectGolden("client/lease_list.txt", page);
}

TEST(RenderTest, WatchTellsOfBackups) {
  v1::Task before = testing::RunningTask();
  before.clear_backups();
  const v1::Task after = testing::RunningTask();
  const auto events = TaskEvents(before, after, SampleNow());
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].text,
            "backup lease-9 of bob, active: lease-7 is slow: 12.34 % to miss "
            "its deadline");
  EXPECT_TRUE(TaskEvents(after, after, SampleNow()).empty());
}

TEST(RenderTest, Watch) {
  const std::string plain =
      Frame(SampleView(testing::RunningTask()), kPlain, 40);
  ExpectFits(plain, 80);
  ExpectGolden("client/watch_plain.txt", plain);
  const std::string rich = Frame(SampleView(testing::RunningTask()), kRich, 40);
  ExpectFits(rich, 80);
  ExpectGolden("client/watch_rich.txt", rich);
  ExpectGolden("client/watch_ended.txt",
               Frame(SampleView(testing::EndedTask()), kPlain, 40));
}

// A frame higher than the screen could not be drawn over.
TEST(RenderTest, WatchFitsEveryScreen) {
  const WatchView view = SampleView(testing::RunningTask());
  for (size_t height = 1; height < 40; ++height) {
    EXPECT_LE(RenderWatch(view, SampleNow(), kPlain, height).size(), height);
  }
  for (size_t width = 60; width <= 120; ++width) {
    Terminal terminal = kRich;
    terminal.width = width;
    ExpectFits(Frame(view, terminal, 40), width);
  }
}

// Nothing seems to happen while the last audits run.
TEST(RenderTest, WatchSaysWhatAFinishingTaskWaitsFor) {
  v1::Task task = testing::RunningTask();
  task.set_state(v1::TASK_STATE_FINISHING);
  const WatchView view = SampleView(task);
  EXPECT_NE(Frame(view, kPlain, 40).find("trained once more before they win"),
            std::string::npos);
  for (size_t width = 60; width <= 120; ++width) {
    Terminal terminal = kPlain;
    terminal.width = width;
    ExpectFits(Frame(view, terminal, 40), width);
  }
}

TEST(RenderTest, WatchSaysThatTheServerIsAway) {
  WatchView view = SampleView(testing::RunningTask());
  view.is_server_away = true;
  EXPECT_NE(Frame(view, kPlain, 40).find("The server is away"),
            std::string::npos);
}

TEST(RenderTest, WatchLine) {
  EXPECT_EQ(RenderWatchLine(testing::RunningTask()),
            "task-1 active: 57 accepted, 2 in verification, 3 rejected, best "
            "91.25 %");
}

TEST(RenderTest, Trials) {
  v1::Trial paid = testing::SampleTrial(3, "alice", v1::TRIAL_STATE_ACCEPTED);
  paid.set_pay_micros(4'375'000);
  paid.set_finders_bonus_micros(60'000'000);
  v1::Trial rejected =
      testing::SampleTrial(4, "alice", v1::TRIAL_STATE_REJECTED);
  rejected.set_reason("CLAIM_TOO_HIGH");
  v1::Trial assigned =
      testing::SampleTrial(5, "alice", v1::TRIAL_STATE_ASSIGNED);
  assigned.clear_claimed_accuracy_ppm();
  assigned.clear_measured_accuracy_ppm();
  assigned.clear_verified_accuracy_ppm();
  const std::string page = RenderTrials({paid, rejected, assigned}, kPlain);
  ExpectFits(page, 80);
  ExpectGolden("client/trials.txt", page);
}

TEST(RenderTest, Pool) {
  v1::ListAccountsResponse accounts;
  for (const v1::Role role : {v1::ROLE_CLIENT, v1::ROLE_MINER}) {
    v1::Account& account = *accounts.add_accounts();
    account.set_account_id(accounts.accounts_size());
    account.set_name(wire::WordOf(role) + "-1");
    account.set_role(role);
    account.set_state(role == v1::ROLE_MINER ? v1::Account::STATE_SUSPENDED
                                             : v1::Account::STATE_ACTIVE);
    account.set_trials_rejected(3);
  }
  v1::ListBalancesResponse balances;
  v1::Balance& balance = *balances.add_balances();
  balance.mutable_place()->set_kind(v1::PLACE_KIND_OUTSIDE);
  balance.set_amount_micros(-1'000'500'000);
  v1::ListTransfersResponse transfers;
  v1::Transfer& transfer = *transfers.add_transfers();
  transfer.set_transfer_id(12);
  transfer.mutable_debit_place()->set_kind(v1::PLACE_KIND_ESCROW);
  transfer.mutable_debit_place()->set_task_id(1);
  transfer.mutable_credit_place()->set_kind(v1::PLACE_KIND_ACCOUNT);
  transfer.mutable_credit_place()->set_account_name("alice");
  transfer.set_amount_micros(190'500'000);
  transfer.set_kind(v1::TRANSFER_KIND_PAY);
  transfer.mutable_create_time()->set_seconds(absl::ToUnixSeconds(SampleNow()));
  v1::CheckLedgerResponse check;
  check.set_transfers(12'345);
  check.set_debits_micros("1000500000");
  check.set_credits_micros("1000500000");
  const std::string page =
      absl::StrCat(RenderAccounts(accounts, kPlain), "\n",
                   RenderAccount(accounts.accounts(1), kPlain), "\n",
                   RenderWorkers(testing::SampleWorkers(), SampleNow(), kPlain),
                   "\n", RenderBalances(balances, kPlain), "\n",
                   RenderTransfers(transfers, kPlain), "\n",
                   RenderLedgerCheck(check, kPlain));
  ExpectFits(page, 80);
  ExpectGolden("client/pool.txt", page);
}

TEST(RenderTest, VerifiersAndWhatWaitsForThem) {
  v1::ListVerifiersResponse response;
  EXPECT_NE(RenderVerifiers(response, kPlain).find("No verifier"),
            std::string::npos);
  auto* verifier = response.add_verifiers();
  verifier->set_account_name("victor");
  verifier->set_verifier_name("v1");
  verifier->set_state(v1::VERIFIER_STATE_SET_ASIDE);
  verifier->set_agreed(1);
  verifier->set_outvoted(3);
  verifier->set_planted_failed(5);
  verifier->set_alarms(7);
  verifier->set_alarms_alone(6);
  verifier->mutable_silent_for()->set_seconds(65);
  response.set_audits_waiting(4);
  response.mutable_oldest_wait()->set_seconds(125);
  const std::string page = RenderVerifiers(response, kPlain);
  for (const char* part :
       {"victor", "set_aside", "1m 05s ago", "3 of 4", "6 of 7", "2m 05s",
        "verifier: 4, the oldest for", "no verifier works"}) {
    EXPECT_NE(page.find(part), std::string::npos) << part << "\n" << page;
  }
  ExpectFits(page, kPlain.width);
  const Json json = ToJson(response);
  EXPECT_EQ(json["verifiers"][0]["outvoted"], 3);
  EXPECT_EQ(json["verifiers"][0]["planted_failed"], 5);
  EXPECT_EQ(json["verifiers"][0]["alarms"], 7);
  EXPECT_EQ(json["verifiers"][0]["alarms_alone"], 6);
  EXPECT_EQ(json["verifiers"][0]["audit_id"], Json());
  EXPECT_EQ(json["oldest_wait_seconds"], 125.0);
  EXPECT_EQ(json["backlog_seconds"], Json());
}

TEST(JsonTest, Task) {
  ExpectGolden("client/task_ended.json",
               ToJson(testing::EndedTask()).dump(2) + "\n");
  ExpectGolden("client/summary.json",
               SummaryJson(testing::EndedTask()).dump(2) + "\n");
}

TEST(JsonTest, WhatIsNotKnownIsNull) {
  const Json trial = ToJson(v1::Trial());
  EXPECT_TRUE(trial["reason"].is_null());
  EXPECT_TRUE(trial["create_time"].is_null());
  EXPECT_EQ(ToJson(v1::Task())["best"], Json());
  EXPECT_EQ(SummaryJson(testing::RunningTask())["elapsed_s"], Json());
}

}  // namespace
}  // namespace archpool
