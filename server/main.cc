// archpool-server: the pool manager.
#include <CLI/CLI.hpp>

#include "common/channel/program.h"
#include "server/serve.h"
#include "server/server_flags.h"

int main(int argc, char** argv) {
  archpool::ServerFlags flags;
  CLI::App app(
      "The pool's server: takes tasks from clients, leases work to miners, "
      "keeps the books.\nWithout a subcommand it serves.");
  archpool::AddDatabaseFlags(app, flags);
  archpool::AddServeFlags(app, flags);
  CLI::App* migrate = app.add_subcommand(
      "migrate", "Bring the database to this program's schema, and end");
  archpool::AddDatabaseFlags(*migrate, flags);
  app.footer(
      "Examples:\n"
      "  archpool-server --data-dir /var/lib/archpool\n"
      "  archpool-server --database-url postgresql://archpool@/archpool "
      "--listen 127.0.0.1:7070");
  if (const auto code = archpool::ParseFlags(app, argc, argv)) return *code;
  archpool::SetUpLogging();
  absl::Status status = archpool::CheckFlags(flags);
  if (status.ok()) {
    status = migrate->parsed() ? archpool::MigrateOnly(flags)
                               : archpool::Serve(flags);
  }
  return archpool::Finish("archpool-server", status);
}
