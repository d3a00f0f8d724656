// SPDX-License-Identifier: Apache-2.0
// archpool explain
#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/context.h"
#include "client/map_reader.h"
#include "client/render_pool.h"
#include "common/base/status.h"
#include "common/wire/fields.h"

namespace archpool {
namespace {

struct ExplainFlags {
  std::string miner;
  std::string since;
};

absl::Status Explain(Context& context, const ExplainFlags& flags) {
  v1::ExplainRequest request;
  request.set_account_name(flags.miner);
  if (!flags.since.empty()) {
    const std::optional<absl::Duration> span = ParseTimeSpan(flags.since);
    if (!span.has_value()) {
      return InvalidArgument(
          "SINCE_MALFORMED",
          absl::StrCat("--since ", Clean(flags.since),
                       " is no span of time: give 90s, 45m, 1h30m"));
    }
    *request.mutable_since_time() = wire::ToProto(absl::Now() - *span);
  }
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::ExplainResponse response,
      client->Call(client->accounts(), &AccountStub::Explain, request));
  context.Show(ListToJson(response.explanations()),
               RenderExplanations(response, context.terminal()));
  return absl::OkStatus();
}

}  // namespace

void AddExplainCommand(CLI::App& app, Action& action) {
  const auto flags = std::make_shared<ExplainFlags>();
  CLI::App* explain = app.add_subcommand(
      "explain",
      "Why a miner was not paid, got no work or had trials rejected, and what "
      "to do about it");
  explain->add_option("--miner", flags->miner,
                      "The miner's account; operators must name it");
  explain->add_option("--since", flags->since,
                      "How far back: 90s, 45m, 1h30m; a week by default");
  explain->callback([&action, flags] {
    action = [flags](Context& c) { return Explain(c, *flags); };
  });
}

}  // namespace archpool
