// SPDX-License-Identifier: Apache-2.0
// archpool pool ...
#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "client/context.h"
#include "client/json.h"
#include "client/render_pool.h"
#include "common/base/status.h"

namespace archpool {

namespace {

absl::StatusOr<v1::Maintenance> SetMaintenance(PoolClient& client, bool is_on) {
  if (is_on) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        const v1::BeginMaintenanceResponse begun,
        client.Call(client.pool(), &PoolStub::BeginMaintenance,
                    v1::BeginMaintenanceRequest()));
    return begun.maintenance();
  }
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::EndMaintenanceResponse ended,
      client.Call(client.pool(), &PoolStub::EndMaintenance,
                  v1::EndMaintenanceRequest()));
  return ended.maintenance();
}

absl::Status ShowMaintenance(Context& context, const std::string& word) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  v1::Maintenance maintenance;
  if (word.empty()) {
    ARCHPOOL_ASSIGN_OR_RETURN(maintenance, client->GetMaintenance());
  } else {
    ARCHPOOL_ASSIGN_OR_RETURN(maintenance,
                              SetMaintenance(*client, word == "on"));
  }
  const std::string page =
      RenderMaintenance(maintenance, absl::Now(), context.terminal());
  context.Show(ToJson(maintenance),
               page.empty() ? "The pool is not in maintenance: it leases work, "
                              "and deadlines run.\n"
                            : page);
  return absl::OkStatus();
}

}  // namespace

void AddPoolCommands(CLI::App& app, Action& action) {
  CLI::App* group = app.add_subcommand("pool", "The pool as a whole");
  group->require_subcommand(1);
  const auto word = std::make_shared<std::string>();
  CLI::App* maintenance = group->add_subcommand(
      "maintenance",
      "Stops leasing and all deadlines while you work on the pool, also across "
      "restarts (operators); without on or off it is shown (anybody)");
  maintenance->add_option("STATE", *word, "on or off")
      ->check(CLI::IsMember({"on", "off"}).description(""));
  maintenance->callback([&action, word] {
    action = [word](Context& c) { return ShowMaintenance(c, *word); };
  });
}

}  // namespace archpool
