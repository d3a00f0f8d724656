// SPDX-License-Identifier: Apache-2.0
#include "tests/support/throwaway_postgres.h"

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "absl/strings/str_cat.h"
#include "server/storage/postgres/migrations.h"
#include "server/storage/postgres/private_cluster.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

void AbortUnlessOk(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::abort();
}

struct Running {
  TemporaryDirectory directory;
  std::unique_ptr<PrivateCluster> cluster;
  int databases = 0;
};

}  // namespace

std::string ThrowawayPostgres::EmptyDatabase(
    const std::vector<std::pair<std::string, std::string>>& settings) {
  static Running running;
  if (running.cluster == nullptr) {
    auto started = PrivateCluster::Start(
        {.directory = running.directory.path() + "/postgres",
         .settings = settings});
    AbortUnlessOk(started.status());
    running.cluster = *std::move(started);
  }
  const std::string name = absl::StrCat("test_", ++running.databases);
  AbortUnlessOk(running.cluster->CreateDatabase(name));
  return running.cluster->ConnectionString(name);
}

std::string ThrowawayPostgres::MigratedDatabase(
    const std::vector<std::pair<std::string, std::string>>& settings) {
  const std::string connection_string = EmptyDatabase(settings);
  AbortUnlessOk(Migrate(connection_string));
  return connection_string;
}

}  // namespace archpool
