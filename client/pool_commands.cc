// SPDX-License-Identifier: Apache-2.0
// archpool pool ...
#include <CLI/CLI.hpp>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/context.h"
#include "client/json.h"
#include "client/render_pool.h"
#include "client/render_receipts.h"
#include "common/base/status.h"
#include "common/model/receipt.h"
#include "common/wire/request_limits.h"

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

// What operators did, among the receipts of the pool's own books, the newest
// `limit`, oldest first.
absl::StatusOr<std::deque<ReceiptContent>> FetchActs(PoolClient& client,
                                                     size_t limit) {
  ARCHPOOL_ASSIGN_OR_RETURN(const v1::WhoAmIResponse caller,
                            client.Call(client.accounts(), &AccountStub::WhoAmI,
                                        v1::WhoAmIRequest()));
  // Others would be shown receipts of their own.
  if (caller.account().role() != v1::ROLE_OPERATOR) {
    return PermissionDenied("ROLE_NOT_ALLOWED",
                            "the log of the operators is shown to operators: "
                            "use the token of one");
  }
  std::deque<ReceiptContent> acts;
  v1::ListReceiptsRequest request;
  request.set_page_size(limits::kPageSize.max);
  while (true) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        const v1::ListReceiptsResponse page,
        client.Call(client.receipts(), &ReceiptStub::ListReceipts, request));
    if (page.receipts().empty()) return acts;
    for (const std::string& one : page.receipts()) {
      ARCHPOOL_ASSIGN_OR_RETURN(ReceiptContent content, DecodeReceipt(one));
      // Else a pool could hand out the same page forever.
      if (content.id.value <= request.after_receipt_id()) {
        return Internal("RECEIPTS_MOVED",
                        "the server lists receipts in another order than that "
                        "of their numbers");
      }
      request.set_after_receipt_id(content.id.value);
      if (!std::holds_alternative<OperatorReceipt>(content.body)) continue;
      acts.push_back(std::move(content));
      if (acts.size() > limit) acts.pop_front();
    }
  }
}

absl::Status ShowOperatorsLog(Context& context, int64_t limit) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  ARCHPOOL_ASSIGN_OR_RETURN(const std::deque<ReceiptContent> acts,
                            FetchActs(*client, static_cast<size_t>(limit)));
  Json json = Json::array();
  std::string page;
  for (const ReceiptContent& act : acts) {
    json.push_back(ToJson(act));
    absl::StrAppend(&page, DescribeReceipt(act), "\n");
  }
  context.Show(json, page.empty() ? "No operator did anything that is sealed "
                                    "by now.\n"
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
  const auto limit = std::make_shared<int64_t>(100);
  CLI::App* log =
      group->add_subcommand("log",
                            "What operators did, as the pool sealed it among "
                            "its receipts, the newest "
                            "last (operators)");
  log->add_option("--limit", *limit, "How many are shown at most")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  log->callback([&action, limit] {
    action = [limit](Context& c) { return ShowOperatorsLog(c, *limit); };
  });
}

}  // namespace archpool
