#include "server/serve.h"

#include <signal.h>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/clock.h"
#include "common/base/durable_file.h"
#include "common/base/status.h"
#include "common/channel/token_file.h"
#include "common/crypto/token.h"
#include "server/data_directory.h"
#include "server/engine/engine.h"
#include "server/http/ledger_watch.h"
#include "server/http/metrics.h"
#include "server/http/verifier_watch.h"
#include "server/kill_point.h"
#include "server/payout/payer.h"
#include "server/pool_secret.h"
#include "server/rails.h"
#include "server/receipts/notary.h"
#include "server/rpc/account_directory.h"
#include "server/rpc/rpc_server.h"
#include "server/storage/blob_store.h"
#include "server/storage/checkpoint_blobs.h"
#include "server/storage/postgres/migrations.h"
#include "server/storage/postgres/postgres_reader.h"
#include "server/storage/postgres/postgres_receipts.h"
#include "server/storage/postgres/postgres_store.h"
#include "server/storage/postgres/private_cluster.h"

namespace archpool {
namespace {

constexpr int kReaderConnections = 4;
constexpr absl::Duration kLookInterval = absl::Milliseconds(500);

// The database a server uses: its own, or one that it was given.
struct Database {
  std::unique_ptr<PrivateCluster> cluster;  // unset for a given one
  std::string connection;
};

absl::StatusOr<Database> OpenDatabase(const ServerFlags& flags,
                                      const DataDirectory& directory) {
  Database database;
  database.connection = flags.database_url;
  if (flags.database_url.empty()) {
    std::error_code error;
    const bool is_new =
        !std::filesystem::exists(directory.ClusterPath(), error);
    spdlog::info("starting a private PostgreSQL in {}{}",
                 directory.ClusterPath(),
                 is_new ? ", which is made first: some seconds" : "");
    ARCHPOOL_ASSIGN_OR_RETURN(
        database.cluster,
        PrivateCluster::Start({.directory = directory.ClusterPath()}));
    database.connection = database.cluster->ConnectionString();
  }
  ARCHPOOL_RETURN_IF_ERROR(Migrate(database.connection));
  return database;
}

// The first start makes the account that makes all others.
absl::Status EnsureOperator(Engine& engine, Reader& reader,
                            const DataDirectory& directory) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<Account> accounts,
                            reader.Accounts());
  if (!accounts.empty()) return absl::OkStatus();
  // Written first: an account whose token is lost could never be used. One that
  // is there is of a first start that was cut short.
  const std::string path = directory.OperatorTokenPath();
  absl::StatusOr<std::string> kept = ReadTokenFile(path);
  if (absl::IsNotFound(kept.status())) {
    kept = MakeToken();
    ARCHPOOL_ASSIGN_OR_RETURN(NewFile file,
                              NewFile::Create(path, *kept + "\n"));
    file.Keep();
  }
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string token, std::move(kept));
  ARCHPOOL_RETURN_IF_ERROR(
      engine
          .Call(CreateAccount{.name = "operator",
                              .role = Role::kOperator,
                              .token_hash = HashToken(token)})
          .status());
  spdlog::info("made the account 'operator'; its token is in {}", path);
  return absl::OkStatus();
}

// SIGINT and SIGTERM, waited for instead of handled: no code runs in a handler.
class StopSignals {
 public:
  // Before any other thread starts: they inherit the mask.
  StopSignals() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    signal(SIGPIPE, SIG_IGN);
  }
  // Whether one came within `patience`.
  bool Wait(absl::Duration patience) const {
    const timespec limit = absl::ToTimespec(patience);
    return sigtimedwait(&signals_, nullptr, &limit) > 0;
  }

 private:
  sigset_t signals_;
};

absl::Status RunUntilStopped(const StopSignals& signals, const Engine& engine) {
  while (!signals.Wait(kLookInterval)) {
    if (!engine.IsRunning()) {
      return FailedPrecondition(
          "FENCED",
          "another server took this database over; this one has stopped");
    }
  }
  spdlog::info("stopping");
  return absl::OkStatus();
}

absl::Status OpenMetrics(const ServerFlags& flags, Metrics& metrics) {
  if (flags.metrics_listen.empty()) return absl::OkStatus();
  ARCHPOOL_RETURN_IF_ERROR(metrics.Open(flags.metrics_listen));
  spdlog::info("metrics are on port {}", metrics.port());
  return absl::OkStatus();
}

}  // namespace

absl::Status Serve(const ServerFlags& flags) {
  const StopSignals signals;
  const SystemClock clock;
  ARCHPOOL_ASSIGN_OR_RETURN(const DataDirectory directory,
                            DataDirectory::Open(flags.data_dir));
  ARCHPOOL_ASSIGN_OR_RETURN(const BlobStore blobs,
                            BlobStore::Open(directory.BlobsPath()));
  const CheckpointBlobs checkpoints(directory.CheckpointsPath());
  ARCHPOOL_ASSIGN_OR_RETURN(const Database database,
                            OpenDatabase(flags, directory));
  ARCHPOOL_ASSIGN_OR_RETURN(const Digest secret,
                            OpenPoolSecret(directory, database.connection));
  ARCHPOOL_ASSIGN_OR_RETURN(const std::unique_ptr<Rail> rail,
                            OpenRail(flags, clock, directory));
  ARCHPOOL_ASSIGN_OR_RETURN(const SigningKey receipt_key,
                            directory.DeriveKey(kReceiptKeyDomain));
  PostgresStore store(database.connection);
  PostgresReceipts receipts(database.connection);
  PostgresReader reader(database.connection, kReaderConnections);
  Engine engine(clock, store, flags.policy, EngineOptions());
  rpc::RpcServer server({.clock = clock,
                         .engine = engine,
                         .reader = reader,
                         .blobs = blobs,
                         .checkpoints = checkpoints,
                         .receipts = receipts},
                        {.listen = flags.listen,
                         .policy = flags.policy,
                         .search = flags.search,
                         .receipt_key = receipt_key.public_key(),
                         .pool_secret = secret,
                         .audit_budget_ppm = flags.audit_budget_ppm});
  ARCHPOOL_RETURN_IF_ERROR(server.StartEngine());
  ARCHPOOL_RETURN_IF_ERROR(EnsureOperator(engine, reader, directory));
  ARCHPOOL_RETURN_IF_ERROR(server.Open());
  Metrics metrics;
  ARCHPOOL_RETURN_IF_ERROR(OpenMetrics(flags, metrics));
  LedgerWatch ledger(clock, reader, metrics, {});
  ledger.Start();
  VerifierWatch verifiers(engine, metrics);
  verifiers.Start();
  Notary notary(clock, receipts, receipt_key,
                {.interval = flags.receipt_interval,
                 .on_compared = [&metrics](int64_t accounts) {
                   metrics.NoteReceiptMismatches(accounts);
                 }});
  notary.Start();
  std::optional<Payer> payer;
  if (rail != nullptr) {
    payer.emplace(clock, engine, *rail, PayerOptions{.at = KillPoint()});
    payer->Start();
  }
  spdlog::info("receipts are signed with the key {}",
               Digest{receipt_key.public_key().bytes}.ToString());
  spdlog::info("listening on port {}; silence term {}, search {}, fee {} ppm",
               server.port(), absl::FormatDuration(flags.policy.silence_term),
               ToString(flags.search), flags.policy.fee_ppm);
  if (!flags.port_file.empty()) {
    ARCHPOOL_RETURN_IF_ERROR(
        WriteFileDurably(flags.port_file, absl::StrCat(server.port(), "\n")));
  }
  const absl::Status ended = RunUntilStopped(signals, engine);
  server.Stop();
  payer.reset();
  notary.Stop();
  ledger.Stop();
  engine.Stop();
  return ended;
}

absl::Status MigrateOnly(const ServerFlags& flags) {
  ARCHPOOL_ASSIGN_OR_RETURN(const DataDirectory directory,
                            DataDirectory::Open(flags.data_dir));
  ARCHPOOL_RETURN_IF_ERROR(OpenDatabase(flags, directory).status());
  spdlog::info("the database has this program's schema");
  return absl::OkStatus();
}

}  // namespace archpool
