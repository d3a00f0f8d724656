// SPDX-License-Identifier: Apache-2.0
#include "server/run_server.h"

#include <CLI/CLI.hpp>
#include <iostream>

#include "common/base/version.h"
#include "common/channel/program.h"
#include "common/log/log.h"
#include "server/server_flags.h"
#include "server/tls_setup.h"

namespace archpool {

int RunServer(int argc, char** argv, const ServeHooks& hooks) {
  ServerFlags flags;
  CLI::App app(
      "The pool's server: takes tasks from clients, leases work to miners, "
      "and keeps the ledger.\nWithout a subcommand, it serves.");
  app.set_version_flag("--version", DescribeBuild("archpool-server"));
  AddDatabaseFlags(app, flags);
  AddServeFlags(app, flags);
  AddLogFlags(app, flags.log);
  CLI::App* migrate = app.add_subcommand(
      "migrate", "Migrate the database to this program's schema, then exit");
  AddDatabaseFlags(*migrate, flags);
  AddLogFlags(*migrate, flags.log);
  CLI::App* pin = app.add_subcommand(
      "pin", "Show the pin that the server is known by, then exit");
  AddPinFlags(*pin, flags);
  app.footer(
      "Examples:\n"
      "  archpool-server --data-dir /var/lib/archpool\n"
      "  archpool-server --database-url postgresql://archpool@/archpool "
      "--listen 127.0.0.1:7070");
  if (const auto code = ParseFlags(app, argc, argv)) return *code;
  if (pin->parsed()) {
    return Finish("archpool-server", ShowPin(flags, std::cout));
  }
  SetUpLogging(flags.log);
  LogInfo("program_started", DescribeBuild("archpool-server"));
  absl::Status status = CheckFlags(flags);
  if (status.ok()) {
    status = migrate->parsed() ? MigrateOnly(flags) : Serve(flags, hooks);
  }
  return FinishLogged("archpool-server", status);
}

}  // namespace archpool
