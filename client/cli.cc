// SPDX-License-Identifier: Apache-2.0
#include "client/cli.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "client/doubt.h"
#include "common/base/standard_streams.h"
#include "common/base/version.h"
#include "common/channel/program.h"
#include "common/channel/trust_flags.h"

namespace archpool {
namespace {

constexpr int kExitStopped = 130;

constexpr char kDescription[] =
    "The mining pool for neural architectures: clients bring a dataset, a "
    "search "
    "space\nand a reward; miners train; the pool verifies and pays.";
constexpr char kFooter[] =
    "On one machine: archpool search TASK.yaml\n"
    "Clients:    archpool --token-file client.token task submit TASK.yaml "
    "--wait\n"
    "Miners:     archpool --token-file miner.token miner status\n"
    "Operators:  archpool --token-file operator.token account create --name "
    "alice --role miner\n"
    "The options above go before or after the command. Exit codes: 0 done, 1 "
    "failed,\n2 bad input, 3 refused by the pool, 4 server unreachable.";

void AddGlobalFlags(CLI::App& app, GlobalFlags& flags) {
  app.add_option("--server", flags.server, "The pool's address, HOST:PORT")
      ->envname("ARCHPOOL_SERVER")
      ->take_last()
      ->capture_default_str();
  app.add_option("--token-file", flags.token_file,
                 "File with your account's token, and the server's pin in its "
                 "second line")
      ->envname("ARCHPOOL_TOKEN_FILE")
      ->take_last();
  AddTrustFlags(app, flags.trust);
  app.add_flag("--json", flags.is_json, "JSON on stdout, for programs");
  app.add_option("--patience", flags.patience_s,
                 "Seconds to keep retrying while the server is away")
      ->check(CLI::Range(0.0, 86'400.0))
      ->take_last()
      ->capture_default_str();
}

// Says how it ended, where it did not end well; answers the exit code.
int Say(const absl::Status& status, const Output& output,
        const std::stop_token& stop) {
  if (status.ok()) return kExitDone;
  const bool is_stopped = stop.stop_requested();
  if (!is_stopped || SaysDoubt(status)) {
    output.err << DescribeError("archpool", status) << std::flush;
  }
  return is_stopped ? kExitStopped : ExitCodeOf(status);
}

}  // namespace

int RunCli(const std::vector<std::string>& arguments, const Output& output,
           const std::stop_token& stop) {
  GlobalFlags flags;
  Action action;
  CLI::App app(kDescription, "archpool");
  app.footer(kFooter);
  app.set_version_flag("--version", DescribeBuild("archpool"));
  app.require_subcommand(1);
  app.fallthrough();
  AddGlobalFlags(app, flags);
  AddSearchCommand(app, action);
  AddTaskCommands(app, action);
  AddPredictCommand(app, action);
  AddReproduceCommand(app, action);
  AddLeaseCommands(app, action);
  AddMinerCommands(app, action);
  AddLedgerCommands(app, action);
  AddPayoutCommands(app, action);
  AddReceiptCommands(app, action);
  AddExplainCommand(app, action);
  AddVerifierCommands(app, action);
  AddAccountCommands(app, action);
  AddInviteCommands(app, action);
  AddPoolCommands(app, action);
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    if (app.exit(error, output.out, output.err) != 0) return kExitBadInput;
    return Say(FlushOutput(output.out), output, stop);
  }
  Context context(flags, output, stop);
  absl::Status status = action(context);
  if (status.ok()) status = FlushOutput(output.out);
  return Say(status, output, stop);
}

}  // namespace archpool
