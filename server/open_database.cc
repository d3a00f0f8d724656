// SPDX-License-Identifier: Apache-2.0
#include "server/open_database.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "common/base/status.h"
#include "common/log/log.h"
#include "server/disk_reports.h"
#include "server/storage/postgres/migrations.h"

namespace archpool {
namespace {

absl::StatusOr<std::unique_ptr<PrivateCluster>> StartCluster(
    const ServerFlags& flags, const DataDirectory& directory,
    const std::stop_token& stop) {
  // On a disk without a free byte PostgreSQL does not start.
  KeepReserve(ReserveOf(flags, directory));
  std::error_code error;
  const bool is_new = !std::filesystem::exists(directory.ClusterPath(), error);
  LogInfo("postgres_starting",
          is_new ? "making a private PostgreSQL (this takes some seconds) "
                   "and starting it"
                 : "starting the private PostgreSQL",
          {{"directory", directory.ClusterPath()}});
  return PrivateCluster::Start(
      {.directory = directory.ClusterPath(), .stop = stop});
}

void SayWaits(const std::string& holder) {
  LogWarn("database_held",
          "another server has this database; this one changes nothing, and "
          "waits until that one has ended",
          "nothing need be done where this server is a spare; otherwise stop "
          "one of the two",
          {{"holder", holder}});
}

}  // namespace

absl::StatusOr<Database> OpenDatabase(const ServerFlags& flags,
                                      const DataDirectory& directory,
                                      const std::stop_token& stop,
                                      absl::Duration wait_max) {
  ARCHPOOL_RETURN_IF_ERROR(directory.CheckRestored());
  const Patience patience{.stop = stop};
  std::unique_ptr<PrivateCluster> cluster;
  std::string connection = flags.database_url;
  if (connection.empty()) {
    ARCHPOOL_ASSIGN_OR_RETURN(cluster, StartCluster(flags, directory, stop));
    connection = cluster->ConnectionString();
  }
  ARCHPOOL_ASSIGN_OR_RETURN(PoolHold hold,
                            PoolHold::Take(connection, {.patience = patience,
                                                        .wait_max = wait_max,
                                                        .on_wait = SayWaits}));
  ARCHPOOL_RETURN_IF_ERROR(Migrate(
      connection, {.stop = stop, .on_wait = [] {
                     LogWarn("schema_waits",
                             "a program of an earlier release migrates the "
                             "database, or holds the lock for it",
                             "this server waits; if it lasts, see "
                             "which program uses this database");
                   }}));
  return Database{std::move(cluster), std::move(connection), patience,
                  std::move(hold)};
}

}  // namespace archpool
