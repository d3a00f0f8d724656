// SPDX-License-Identifier: Apache-2.0
// archpool lease ...
#include <CLI/CLI.hpp>
#include <memory>

#include "absl/time/clock.h"
#include "client/context.h"
#include "client/json.h"
#include "client/render_lease.h"
#include "common/base/status.h"

namespace archpool {
namespace {

struct LeaseListFlags {
  int64_t task_id = 0;
  bool include_ended = false;
  int64_t count_max = 100;
};

absl::Status ListLeases(Context& context, const LeaseListFlags& flags) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  v1::ListLeasesRequest request;
  if (flags.task_id != 0) request.set_task_id(flags.task_id);
  request.set_include_ended(flags.include_ended);
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<v1::Lease> leases,
                            client->ListLeases(request, flags.count_max));
  context.Show(ListToJson(leases),
               RenderLeases(leases, absl::Now(), context.terminal()));
  return absl::OkStatus();
}

}  // namespace

void AddLeaseCommands(CLI::App& app, Action& action) {
  CLI::App* group =
      app.add_subcommand("lease", "Who works on what, and which backups run");
  group->require_subcommand(1);
  const auto flags = std::make_shared<LeaseListFlags>();
  CLI::App* list = group->add_subcommand(
      "list", "List leases, newest first, and why each backup exists");
  list->add_option("--task", flags->task_id, "Only leases of this task")
      ->check(CLI::Range(int64_t{1}, INT64_MAX));
  list->add_flag("--all", flags->include_ended, "Include ended leases");
  list->add_option("--limit", flags->count_max, "Maximum number of rows")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  list->callback([&action, flags] {
    action = [flags](Context& c) { return ListLeases(c, *flags); };
  });
}

}  // namespace archpool
