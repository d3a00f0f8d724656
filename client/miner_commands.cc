// SPDX-License-Identifier: Apache-2.0
// archpool miner ...
#include <CLI/CLI.hpp>
#include <algorithm>
#include <iterator>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/context.h"
#include "client/render_pool.h"
#include "client/render_task.h"
#include "common/base/status.h"

namespace archpool {
namespace {

// This many of the newest tasks are searched for a miner's trials.
constexpr int64_t kTasksMax = 1000;

absl::Status ShowStatus(Context& context) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::WhoAmIResponse who,
      client->Call(client->accounts(), &AccountStub::WhoAmI,
                   v1::WhoAmIRequest()));
  ARCHPOOL_ASSIGN_OR_RETURN(const v1::ListWorkersResponse workers,
                            client->ListWorkers());
  ARCHPOOL_ASSIGN_OR_RETURN(const v1::ListBalancesResponse balances,
                            client->ListBalances());
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<v1::TaskSummary> tasks,
                            client->ListTasks(kTasksMax));
  ARCHPOOL_ASSIGN_OR_RETURN(const v1::Maintenance maintenance,
                            client->GetMaintenance());
  const int64_t open_tasks = std::count_if(
      tasks.begin(), tasks.end(), [](const v1::TaskSummary& task) {
        return task.state() == v1::TASK_STATE_ACTIVE;
      });
  int64_t coins = 0;
  for (const v1::Balance& balance : balances.balances()) {
    if (balance.place().account_name() == who.account().name()) {
      coins = balance.amount_micros();
    }
  }
  context.Show(
      {{"account", ToJson(who.account())},
       {"balance", FormatCoins(coins)},
       {"open_tasks", open_tasks},
       {"maintenance", ToJson(maintenance)},
       {"workers", ListToJson(workers.workers())}},
      absl::StrCat(
          RenderAccount(who.account(), context.terminal()), "  balance ",
          FormatCoins(coins), " coins\n  tasks   ", open_tasks,
          " open in the pool\n\n",
          RenderMaintenance(maintenance, absl::Now(), context.terminal()),
          RenderWorkers(workers, absl::Now(), context.terminal())));
  return absl::OkStatus();
}

absl::Status ShowWorkers(Context& context) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  ARCHPOOL_ASSIGN_OR_RETURN(const v1::ListWorkersResponse response,
                            client->ListWorkers());
  context.Show(ListToJson(response.workers()),
               RenderWorkers(response, absl::Now(), context.terminal()));
  return absl::OkStatus();
}

absl::Status ShowTrials(Context& context, int64_t task_id) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  std::vector<int64_t> task_ids = {task_id};
  if (task_id == 0) {
    ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<v1::TaskSummary> tasks,
                              client->ListTasks(kTasksMax));
    task_ids.clear();
    for (const v1::TaskSummary& task : tasks)
      task_ids.push_back(task.task_id());
    std::reverse(task_ids.begin(), task_ids.end());
  }
  std::vector<v1::Trial> trials;
  for (const int64_t id : task_ids) {
    ARCHPOOL_ASSIGN_OR_RETURN(std::vector<v1::Trial> own,
                              client->ListTrials(id, 0));
    std::move(own.begin(), own.end(), std::back_inserter(trials));
  }
  context.Show(ListToJson(trials), RenderTrials(trials, context.terminal()));
  return absl::OkStatus();
}

}  // namespace

void AddMinerCommands(CLI::App& app, Action& action) {
  CLI::App* group = app.add_subcommand(
      "miner", "A miner's standing, workers, trials and pay");
  group->require_subcommand(1);
  group
      ->add_subcommand("status",
                       "Standing, balance, open tasks and workers at a glance")
      ->callback([&action] { action = ShowStatus; });
  group->add_subcommand("workers", "Show what each worker does now")
      ->callback([&action] { action = ShowWorkers; });
  const auto task_id = std::make_shared<int64_t>(0);
  CLI::App* trials = group->add_subcommand(
      "trials", "Your trials: verdicts with their reasons, and pay");
  trials->add_option("--task", *task_id, "Only trials of this task")
      ->check(CLI::Range(int64_t{1}, INT64_MAX));
  trials->callback([&action, task_id] {
    action = [task_id](Context& c) { return ShowTrials(c, *task_id); };
  });
}

}  // namespace archpool
