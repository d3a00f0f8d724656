// SPDX-License-Identifier: Apache-2.0
#include "server/run_server.h"

#include <CLI/CLI.hpp>
#include <iostream>

#include "common/base/version.h"
#include "common/channel/program.h"
#include "common/log/log.h"
#include "server/back_up.h"
#include "server/backup_flags.h"
#include "server/restore_pool.h"
#include "server/server_flags.h"
#include "server/tls_setup.h"
#include "server/verifier_certificate_command.h"

namespace archpool {
namespace {

CLI::App* AddBackupCommand(CLI::App& app, ServerFlags& flags,
                           BackupFlags& options) {
  CLI::App* backup = app.add_subcommand(
      "backup",
      "Add a backup of the pool to a folder, then exit; the server may run");
  backup->add_option("DIR", options.folder, "The folder of backups")
      ->required();
  backup->add_flag("--verify", options.verifies,
                   "Read the backups that are there instead, and compare every "
                   "file with what was written");
  backup
      ->add_option("--keep", options.keep_count,
                   "Afterwards remove all but this many of the latest backups; "
                   "0 keeps all")
      ->check(CLI::Range(int64_t{0}, int64_t{1'000'000}))
      ->capture_default_str();
  AddDatabaseFlags(*backup, flags);
  AddLogFlags(*backup, flags.log);
  return backup;
}

CLI::App* AddRestoreCommand(CLI::App& app, ServerFlags& flags,
                            RestoreFlags& options) {
  CLI::App* restore = app.add_subcommand(
      "restore",
      "Make a pool of a backup, in an empty data directory and database, then "
      "exit");
  restore->add_option("DIR", options.folder, "The folder of backups")
      ->required();
  restore->add_option("--backup", options.id,
                      "Which one, by the name of its folder; by default the "
                      "latest");
  AddDatabaseFlags(*restore, flags);
  AddLogFlags(*restore, flags.log);
  return restore;
}

}  // namespace

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
  BackupFlags backup_flags;
  RestoreFlags restore_flags;
  CLI::App* backup = AddBackupCommand(app, flags, backup_flags);
  CLI::App* restore = AddRestoreCommand(app, flags, restore_flags);
  CLI::App* pin = app.add_subcommand(
      "pin", "Show the pin that the server is known by, then exit");
  AddPinFlags(*pin, flags);
  VerifierCertificateFlags certificate_flags;
  CLI::App* certificate = app.add_subcommand(
      "verifier-certificate",
      "Give a verifier's account a certificate, or revoke those that it has, "
      "then exit; the server may run");
  AddVerifierCertificateFlags(*certificate, certificate_flags);
  app.footer(
      "Examples:\n"
      "  archpool-server --data-dir /var/lib/archpool\n"
      "  archpool-server --database-url postgresql://archpool@/archpool "
      "--listen 127.0.0.1:7070");
  if (const auto code = ParseFlags(app, argc, argv)) return *code;
  if (pin->parsed()) {
    return Finish("archpool-server", ShowPin(flags, std::cout));
  }
  if (certificate->parsed()) {
    return Finish("archpool-server",
                  RunVerifierCertificate(certificate_flags, std::cout));
  }
  SetUpLogging(flags.log);
  LogInfo("program_started", DescribeBuild("archpool-server"));
  absl::Status status = CheckFlags(flags);
  if (status.ok()) {
    if (migrate->parsed()) {
      status = MigrateOnly(flags);
    } else if (backup->parsed()) {
      status = backup_flags.verifies ? VerifyBackups(backup_flags)
                                     : BackUp(flags, backup_flags);
    } else if (restore->parsed()) {
      status = RestorePool(flags, restore_flags);
    } else {
      status = Serve(flags, hooks);
    }
  }
  return FinishLogged("archpool-server", status);
}

}  // namespace archpool
