// SPDX-License-Identifier: Apache-2.0
#include "server/serve.h"

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/clock.h"
#include "common/base/durable_file.h"
#include "common/base/signals.h"
#include "common/base/status.h"
#include "common/base/steady_clock.h"
#include "common/base/stop.h"
#include "common/base/version.h"
#include "common/channel/address.h"
#include "common/channel/token_file.h"
#include "common/crypto/token.h"
#include "common/log/log.h"
#include "server/data_directory.h"
#include "server/disk_reports.h"
#include "server/engine/engine.h"
#include "server/engine/storage_watch.h"
#include "server/file_limit.h"
#include "server/line_limit.h"
#include "server/observability/database_watch.h"
#include "server/observability/ledger_watch.h"
#include "server/observability/metrics.h"
#include "server/observability/verifier_watch.h"
#include "server/open_database.h"
#include "server/payout/payer.h"
#include "server/payout/restored_payouts.h"
#include "server/pool_secret.h"
#include "server/rails.h"
#include "server/receipts/notary.h"
#include "server/rpc/account_directory.h"
#include "server/rpc/rpc_server.h"
#include "server/stop_deadline.h"
#include "server/storage/blob_store.h"
#include "server/storage/checkpoint_blobs.h"
#include "server/storage/postgres/pool_restore.h"
#include "server/storage/postgres/postgres_reader.h"
#include "server/storage/postgres/postgres_receipts.h"
#include "server/storage/postgres/postgres_store.h"
#include "server/tls_setup.h"
#include "server/verifier_certificate_command.h"
#include "server/wiring.h"

namespace archpool {
namespace {

constexpr int kReaderConnections = 4;
constexpr absl::Duration kLookInterval = absl::Milliseconds(500);
constexpr absl::Duration kStorageLineInterval = absl::Seconds(10);
constexpr absl::Duration kAheadMax = absl::Seconds(10);
// More than what open calls are granted, and the database's own end.
constexpr absl::Duration kStopMax = absl::Seconds(20);
// For a server that ends just now, or whose machine is gone.
constexpr absl::Duration kMigrateWaitMax = absl::Seconds(40);

// The first start makes the account that makes all others.
absl::Status MakeOperator(Engine& engine, Reader& reader,
                          const DataDirectory& directory,
                          const std::optional<Pin>& pin) {
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
                              NewFile::Create(path, TokenFileText(*kept, pin)));
    file.Keep();
  }
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string token, std::move(kept));
  ARCHPOOL_RETURN_IF_ERROR(
      engine
          .Call(CreateAccount{.name = "operator",
                              .role = Role::kOperator,
                              .token_hash = HashToken(token)})
          .status());
  LogInfo("operator_created", "made the account 'operator'",
          {{"token_file", path}});
  return absl::OkStatus();
}

// And each start keeps the pin beside its token.
absl::Status EnsureOperator(Engine& engine, Reader& reader,
                            const DataDirectory& directory,
                            const std::optional<Pin>& pin) {
  ARCHPOOL_RETURN_IF_ERROR(MakeOperator(engine, reader, directory, pin));
  return KeepOperatorPin(directory, pin);
}

absl::Status RunUntilStopped(const std::stop_token& stop,
                             const Engine& engine) {
  while (!WaitOrStop(stop, kLookInterval)) {
    if (!engine.IsRunning()) {
      return FailedPrecondition(
          "FENCED",
          "another server took this database over; this one has stopped");
    }
  }
  LogInfo("server_stopping", "asked to stop: stopping");
  return absl::OkStatus();
}

// What leaves this machine is encrypted.
absl::Status OpenMetrics(const ServerFlags& flags,
                         const CertificateKeeper* certificates,
                         Metrics& metrics) {
  if (flags.metrics_listen.empty()) return absl::OkStatus();
  const auto address =
      ParseHostPort("--metrics-listen", flags.metrics_listen, /*port_min=*/0);
  const bool is_here = address.ok() && address->IsLoopback();
  ARCHPOOL_RETURN_IF_ERROR(metrics.Open(
      flags.metrics_listen,
      is_here || certificates == nullptr ? nullptr : &certificates->served()));
  LogInfo("metrics_open", "metrics can be scraped", {{"port", metrics.port()}});
  return absl::OkStatus();
}

// What the clock and the disks do, for the operator.
void Watch(std::function<bool(const std::string&)> is_kept, SteadyClock& clock,
           StorageErrors& errors, Metrics& metrics) {
  errors.OnWrite(std::move(is_kept));
  metrics.NoteBuild(kVersion, kCommit, kBuildType);
  clock.OnStep([&metrics](absl::Duration step) {
    metrics.NoteClockStep();
    LogWarn("clock_was_set",
            "the system's clock was set; the pool's own time continues and no "
            "deadline moves",
            "nothing need be done; if nobody set it, see what keeps this "
            "machine's time",
            {{"step_s", step}});
  });
  errors.OnError([&clock, &metrics,
                  limit = std::make_shared<LineLimit>(kStorageLineInterval)](
                     const std::string& detail) {
    metrics.NoteStorageError();
    if (const auto unsaid = limit->Take(clock.Now())) {
      LogError("storage_failed",
               "a file of the pool could not be read or written",
               "free space on the disk of --data-dir, or repair it; miners and "
               "clients retry meanwhile",
               {{"error", detail}, {"unlogged_failures", *unsaid}});
    }
  });
}

// For connections of peers, of which the metrics tell.
rpc::AcceptorOptions BoundConnections(int64_t per_account, Metrics& metrics) {
  const FileBudget files = RaiseFileLimit();
  rpc::ConnectionLimits limits = rpc::LimitsFor(files.connections);
  if (per_account > 0) limits.per_account_max = per_account;
  return {.limits = limits,
          .descriptor_max = files.connection_descriptor_max,
          .on_counts = [&metrics](const rpc::ConnectionCounts& counts) {
            metrics.NoteConnections(counts.open, counts.strangers);
            metrics.NoteConnectionsEnded(counts.ended);
          }};
}

void SayIfAhead(const SteadyClock& clock) {
  const absl::Duration ahead = clock.Ahead();
  if (ahead <= kAheadMax) return;
  LogWarn("clock_behind",
          "the system's clock is behind the pool's time: it was set back while "
          "no server ran",
          "check this machine's clock; the pool's time runs a hundredth slower "
          "until they meet",
          {{"behind_s", ahead}});
}

absl::Status SayOpen(const ServerFlags& flags, const PublicKey& receipt_key,
                     int port) {
  LogInfo("receipt_key_loaded", "receipts are signed with this key",
          {{"key", Digest{receipt_key.bytes}.ToString()}});
  LogInfo("server_listening", "the server is open",
          {{"port", port},
           {"silence_term_s", flags.policy.silence_term},
           {"search", ToString(flags.search)},
           {"fee_ppm", flags.policy.fee_ppm}});
  if (flags.port_file.empty()) return absl::OkStatus();
  return WriteFileDurably(flags.port_file, absl::StrCat(port, "\n"));
}

// What is shown to those who connect, and asked of them.
struct Tls {
  std::unique_ptr<CertificateKeeper> shown;         // nullptr: plain text
  std::unique_ptr<VerifierCertificates> verifiers;  // nullptr: none are asked

  // Errors as OpenTls and OpenVerifierCertificates.
  absl::Status Open(const ServerFlags& flags, const DataDirectory& directory,
                    const Clock& clock) {
    ARCHPOOL_ASSIGN_OR_RETURN(shown, OpenTls(flags, directory, clock));
    ARCHPOOL_ASSIGN_OR_RETURN(verifiers,
                              OpenVerifierCertificates(flags, directory));
    return absl::OkStatus();
  }
  void Start() const {
    if (shown != nullptr) shown->Start();
    if (verifiers != nullptr) verifiers->Start();
  }
};

// What an open pool is made of.
struct OpenPool {
  const ServerFlags& flags;
  const ServeHooks& hooks;
  const Clock& system_clock;
  SteadyClock& clock;
  Metrics& metrics;
  StorageErrors& storage_errors;
  const Tls& tls;
  const BlobStore& blobs;
  const CheckpointBlobs& checkpoints;
  const std::string& database;  // its connection
  const DataDirectory& directory;
  const std::vector<WatchedDisk>& disks;
  Reader& reader;
  ReceiptStore& receipts;
  const SigningKey& receipt_key;
  Rail* rail;  // nullptr: nothing leaves the pool
  Engine& engine;
  rpc::RpcServer& server;
  Wiring& wiring;
};

// Where the pool was restored, and what was paid meanwhile is not in its books:
// payouts wait for that.
absl::Status HoldPayouts(const OpenPool& parts,
                         std::optional<RestoredPayouts>& restored) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::optional<RestoreNote> held,
                            FindPayoutHold(parts.database));
  if (!held) return absl::OkStatus();
  restored.emplace(parts.clock, parts.engine, *parts.rail,
                   RestoredPayoutsOptions{
                       .folder = parts.directory.PayoutsPath(),
                       .snapshot_time = held->snapshot_time,
                       .find_known =
                           [&parts](const std::vector<Digest>& keys) {
                             return FindPayoutKeys(parts.database, keys);
                           },
                       .end =
                           [&parts] {
                             return EndPayoutHold(parts.database,
                                                  parts.system_clock.Now());
                           }});
  return absl::OkStatus();
}

// Does what is done beside the calls, until it is stopped.
absl::Status RunOpen(const OpenPool& parts, const std::stop_token& stop) {
  SayIfAhead(parts.clock);
  ARCHPOOL_RETURN_IF_ERROR(parts.server.Open());
  ARCHPOOL_RETURN_IF_ERROR(
      OpenMetrics(parts.flags, parts.tls.shown.get(), parts.metrics));
  parts.tls.Start();
  DatabaseWatch database(parts.engine, parts.metrics);
  database.Start();
  LedgerWatch ledger(parts.clock, parts.reader, parts.metrics, {});
  ledger.Start();
  VerifierWatch verifiers(parts.engine, parts.metrics);
  verifiers.Start();
  const DatabaseReserve reserve = ReserveOf(parts.flags, parts.directory);
  StorageWatch storage_watch(
      parts.clock, parts.engine, parts.storage_errors,
      [&parts] {
        const absl::Status tried = parts.blobs.Probe();
        return tried.ok() ? parts.checkpoints.Probe() : tried;
      },
      {.grace = parts.flags.policy.silence_term,
       .on_change =
           [&parts](bool is_failing) { NoteDisk(parts.metrics, is_failing); },
       .on_look =
           FreeSpaceWatch(parts.flags.disk_reserve_mib << 20, parts.disks,
                          reserve, parts.clock, parts.metrics),
       .on_fillers = FillersLog(parts.clock)});
  storage_watch.Start();
  BlobCollector collector(
      parts.clock, parts.system_clock, parts.engine, parts.reader, parts.blobs,
      {.retention = parts.flags.policy.retention,
       .interval = parts.flags.collect_interval,
       .unclaimed_kept = parts.flags.unclaimed_kept,
       .is_urgent = [&reserve] { return reserve.IsShort(); },
       .directory = parts.directory.BlobsPath(),
       .on_round = CollectionLog(parts.clock, parts.metrics),
       .at = parts.hooks.at});
  collector.Start();
  Notary notary(parts.system_clock, parts.receipts, parts.receipt_key,
                {.interval = parts.flags.receipt_interval,
                 .on_compared = [&parts](int64_t accounts) {
                   parts.metrics.NoteReceiptMismatches(accounts);
                 }});
  notary.Start();
  // The payer asks it.
  std::optional<RestoredPayouts> restored;
  std::optional<Payer> payer;
  if (parts.rail != nullptr) {
    ARCHPOOL_RETURN_IF_ERROR(HoldPayouts(parts, restored));
    PayerOptions options{.at = parts.hooks.at};
    if (restored) {
      options.may_begin = [&restored] { return restored->Settle(); };
    }
    payer.emplace(parts.clock, parts.engine, *parts.rail, std::move(options));
    payer->Start();
  }
  ARCHPOOL_RETURN_IF_ERROR(SayOpen(parts.flags, parts.receipt_key.public_key(),
                                   parts.server.port()));
  const absl::Status ended = RunUntilStopped(stop, parts.engine);
  parts.server.Stop();
  storage_watch.Stop();
  collector.Stop();
  payer.reset();
  notary.Stop();
  ledger.Stop();
  parts.wiring.Stop();
  database.Stop();
  return ended;
}

WiringOptions WiringOptionsOf(const ServerFlags& flags) {
  return {.policy = flags.policy,
          .search = flags.search,
          .audit_budget_ppm = flags.audit_budget_ppm};
}

rpc::RpcOptions OptionsOf(const ServerFlags& flags, const Tls& tls,
                          const PublicKey& receipt_key, const Digest& secret,
                          const std::vector<WatchedDisk>& disks,
                          const Clock& clock, Metrics& metrics) {
  return {
      .listen = flags.listen,
      .certificate = tls.shown == nullptr ? nullptr : &tls.shown->served(),
      .verifier_certificates = tls.verifiers.get(),
      .policy = flags.policy,
      .receipt_key = receipt_key,
      .pool_secret = secret,
      .check_disk = DiskCheck(flags.disk_reserve_mib << 20, disks, clock),
      .connections = BoundConnections(flags.connections_per_account, metrics),
      .on_late_answer = [&metrics] { metrics.NoteLateAnswer(); }};
}

absl::Status ServeUntilStopped(const ServerFlags& flags,
                               const ServeHooks& hooks,
                               const std::stop_token& stop) {
  const SystemClock system_clock;
  SteadyClock clock;
  Tls tls;  // the metrics show it to the end
  Metrics metrics;
  StorageErrors storage_errors;
  ARCHPOOL_ASSIGN_OR_RETURN(const DataDirectory directory,
                            DataDirectory::Open(flags.data_dir));
  Watch(KeptForDatabase(flags, directory), clock, storage_errors, metrics);
  ARCHPOOL_ASSIGN_OR_RETURN(
      const BlobStore blobs,
      BlobStore::Open(directory.BlobsPath(), &storage_errors));
  const CheckpointBlobs checkpoints(directory.CheckpointsPath(),
                                    &storage_errors);
  ARCHPOOL_ASSIGN_OR_RETURN(Database database,
                            OpenDatabase(flags, directory, stop));
  ARCHPOOL_ASSIGN_OR_RETURN(const Digest secret,
                            OpenPoolSecret(directory, database.connection));
  ARCHPOOL_ASSIGN_OR_RETURN(const std::unique_ptr<Rail> rail,
                            OpenRail(flags, system_clock, directory));
  ARCHPOOL_ASSIGN_OR_RETURN(const SigningKey receipt_key,
                            directory.DeriveKey(kReceiptKeyDomain));
  ARCHPOOL_RETURN_IF_ERROR(tls.Open(flags, directory, system_clock));
  PostgresStore store(std::move(database.hold));
  PostgresReceipts receipts(database.connection, database.patience);
  PostgresReader reader(database.connection, kReaderConnections,
                        database.patience);
  Engine engine(clock, store, flags.policy, EngineOptions());
  const std::vector<WatchedDisk> disks = DisksOf(flags, directory);
  rpc::RpcServer server({.clock = clock,
                         .engine = engine,
                         .reader = reader,
                         .blobs = blobs,
                         .checkpoints = checkpoints,
                         .receipts = receipts},
                        OptionsOf(flags, tls, receipt_key.public_key(), secret,
                                  disks, clock, metrics));
  // Last, so that its end stops the engine while all that hears it is there.
  Wiring wiring({.engine = engine,
                 .server = server,
                 .reader = reader,
                 .checkpoints = checkpoints,
                 .metrics = metrics},
                WiringOptionsOf(flags));
  ARCHPOOL_RETURN_IF_ERROR(wiring.StartEngine());
  ARCHPOOL_RETURN_IF_ERROR(EnsureOperator(engine, reader, directory,
                                          LastingPin(flags, tls.shown.get())));
  return RunOpen({.flags = flags,
                  .hooks = hooks,
                  .system_clock = system_clock,
                  .clock = clock,
                  .metrics = metrics,
                  .storage_errors = storage_errors,
                  .tls = tls,
                  .blobs = blobs,
                  .checkpoints = checkpoints,
                  .database = database.connection,
                  .directory = directory,
                  .disks = disks,
                  .reader = reader,
                  .receipts = receipts,
                  .receipt_key = receipt_key,
                  .rail = rail.get(),
                  .engine = engine,
                  .server = server,
                  .wiring = wiring},
                 stop);
}

// A stop that comes before there is anything to stop is no failure.
absl::Status UnlessStopped(const absl::Status& status,
                           const std::stop_token& stop) {
  if (status.ok() || !stop.stop_requested()) return status;
  LogInfo("server_stopped_early", "stopped before the start was complete",
          {{"error", status}});
  return absl::OkStatus();
}

}  // namespace

absl::Status Serve(const ServerFlags& flags, const ServeHooks& hooks) {
  const SignalStop signals;
  const StopDeadline deadline(signals.token(), kStopMax);
  ARCHPOOL_RETURN_IF_ERROR(CheckCertificateFiles(flags));
  return UnlessStopped(ServeUntilStopped(flags, hooks, signals.token()),
                       signals.token());
}

absl::Status MigrateOnly(const ServerFlags& flags) {
  const SignalStop signals;
  const StopDeadline deadline(signals.token(), kStopMax);
  ARCHPOOL_ASSIGN_OR_RETURN(const DataDirectory directory,
                            DataDirectory::Open(flags.data_dir));
  const absl::Status opened =
      OpenDatabase(flags, directory, signals.token(), kMigrateWaitMax).status();
  if (!opened.ok()) return UnlessStopped(opened, signals.token());
  LogInfo("schema_ready", "the database has this program's schema");
  return absl::OkStatus();
}

}  // namespace archpool
