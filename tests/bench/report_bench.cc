// SPDX-License-Identifier: Apache-2.0
// Durable trial reports a second: clients over gRPC, the engine, PostgreSQL
// with every commit on disk. Eight workers report at once, sixteen trials a
// message; compared with one trial a message, and with one command a
// transaction, in the same run on the same machine. Over plain text and, for
// what that costs, over TLS (`--plaintext`, `--tls`: one of the two alone).
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "archpool/v1/work.grpc.pb.h"
#include "common/base/check.h"
#include "common/base/steady_clock.h"
#include "common/channel/remote.h"
#include "common/channel/server_site.h"
#include "common/model/arithmetic.h"
#include "common/wire/api_version.h"
#include "common/wire/proof_wire.h"
#include "server/engine/engine.h"
#include "server/observability/metrics.h"
#include "server/rpc/account_directory.h"
#include "server/rpc/rpc_server.h"
#include "server/storage/blob_store.h"
#include "server/storage/postgres/postgres_reader.h"
#include "server/storage/postgres/postgres_receipts.h"
#include "server/storage/postgres/postgres_store.h"
#include "server/wiring.h"
#include "tests/bench/encryption.h"
#include "tests/bench/json_line.h"
#include "tests/support/fake_commitment.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/throwaway_postgres.h"

namespace archpool {
namespace {

constexpr int kClients = 8;
constexpr int kTrialsPerLease = 64;
constexpr int kReportsPerMessage = 16;
constexpr double kGoalPerSecond = 5'000;
// A machine that is busy with other things still manages this.
constexpr double kFloorPerSecond = 1'000;
// Of what plain text allows.
constexpr double kTlsGoalPercent = 85;

template <typename T>
T Must(absl::StatusOr<T> result) {
  if (!result.ok()) {
    std::fprintf(stderr, "%s\n", result.status().ToString().c_str());
  }
  ARCHPOOL_CHECK(result.ok());
  return *std::move(result);
}

// 8^6 networks: six convolutions of eight widths each.
TaskSpec BigSpec() {
  TaskSpec spec = TinySpec(1);
  std::vector<Dimension> dimensions;
  ChainTemplate chain;
  chain.stem_width = int64_t{4};
  chain.stages.resize(1);
  for (int d = 0; d < 6; ++d) {
    Dimension dimension{.name = absl::StrCat("width", d), .choices = {}};
    for (int64_t c = 1; c <= 8; ++c) dimension.choices.emplace_back(4 * c);
    chain.stages[0].blocks.push_back(
        BlockTemplate{.width = DimensionRef{dimension.name}});
    dimensions.push_back(std::move(dimension));
  }
  spec.space = Must(SearchSpace::Create(std::move(dimensions), chain));
  spec.budget.work_units = 1'000'000'000'000;
  spec.budget.time_limit = absl::Hours(24);
  spec.subspaces = 400;
  spec.trials_per_lease = kTrialsPerLease;
  return spec;
}

PoolPolicy LongTerms() {
  PoolPolicy policy;
  policy.silence_term = absl::Hours(1);
  policy.upload_term = absl::Hours(1);
  // Whole lists at once, many to a worker that nothing is known of.
  policy.list_ahead = kTrialsPerLease;
  policy.lease_span = absl::Hours(1);
  policy.leases_on_trust = 1'000'000;
  return policy;
}

// A worker with leases, and a connection of its own.
class Client {
 public:
  Client(const ServerSite& site, const std::string& token, int index)
      : remote_(site, token, Line::kSeparate),
        work_(remote_.channel()),
        name_(absl::StrCat("w", index)) {}

  void TakeLeases(int count) {
    for (int i = 0; i < count; ++i) {
      v1::OpenSessionRequest open;
      open.set_worker_name(absl::StrCat(name_, "-", i));
      open.set_threads(1);
      open.set_arithmetic(std::string(kArithmetic));
      open.set_public_key(key_.public_key().AsBytes());
      open.set_client_version(wire::kOwnVersion);
      v1::AcquireLeaseRequest acquire;
      acquire.set_session_id(
          Must(remote_.Call(work_, &v1::WorkService::Stub::OpenSession, open))
              .session_id());
      const auto response = Must(
          remote_.Call(work_, &v1::WorkService::Stub::AcquireLease, acquire));
      ARCHPOOL_CHECK(response.lease().assignments_size() == kTrialsPerLease);
      AddRequests(acquire.session_id(), response.lease());
    }
  }

  void SetReportsPerMessage(int count) { reports_per_message_ = count; }

  void Report() {
    for (const v1::ReportTrialsRequest& request : requests_) {
      const auto response = Must(
          remote_.Call(work_, &v1::WorkService::Stub::ReportTrials, request));
      for (const auto& result : response.results()) {
        ARCHPOOL_CHECK(result.refusal_reason().empty());
      }
    }
  }

 private:
  void AddRequests(int64_t session, const v1::LeaseGrant& lease) {
    for (int i = 0; i < lease.assignments_size(); ++i) {
      if (i % reports_per_message_ == 0) {
        v1::ReportTrialsRequest& request = requests_.emplace_back();
        request.set_session_id(session);
        request.set_lease_id(lease.lease_id());
        request.set_attempt(lease.attempt());
      }
      const int64_t trial = lease.assignments(i).trial_id();
      AddReport(lease, TrialId{trial}, *requests_.back().add_reports());
    }
  }

  void AddReport(const v1::LeaseGrant& lease, TrialId trial,
                 v1::TrialReport& to) const {
    const int64_t segments = lease.recipe().segments();
    const TrialReport report = FakeReport(trial, segments, 500);
    to.set_trial_id(trial.value);
    to.set_weights_digest(report.weights_digest.AsBytes());
    to.set_weights_size_bytes(report.weights_size_bytes);
    to.set_validation_correct(report.validation_correct);
    to.set_checkpoint_root(report.checkpoint_root.AsBytes());
    to.set_final_optimizer_digest(report.final_optimizer.AsBytes());
    wire::SetProof(report.final_proof, to.mutable_final_proof());
    to.set_signature(
        key_.Sign(CommitmentMessage(
                      {.trial = trial,
                       .lease = LeaseId{lease.lease_id()},
                       .attempt = lease.attempt(),
                       .checkpoint_root = report.checkpoint_root,
                       .weights = report.weights_digest,
                       .weights_size_bytes = report.weights_size_bytes,
                       .validation_correct = report.validation_correct}))
            .AsBytes());
  }

  Remote remote_;
  v1::WorkService::Stub work_;
  const SigningKey key_ = SigningKey::Generate();
  const std::string name_;
  int reports_per_message_ = 1;
  std::vector<v1::ReportTrialsRequest> requests_;
};

struct Load {
  int leases_per_client = 0;
  int reports_per_message = 0;
  int64_t commands_per_transaction = 0;
  bool is_encrypted = false;
};

// The server's speed, and not what one account may ask.
rpc::RpcOptions OptionsFor(const std::optional<Encryption>& encryption) {
  return {.listen = "127.0.0.1:0",
          .certificate = encryption ? &encryption->served() : nullptr,
          .policy = LongTerms(),
          .pool_secret = {},
          .call_pace = {.burst = absl::InfiniteDuration()}};
}

// Reports every trial of all leases to a new server over a new database: how
// many a second.
double Measure(const Load& load) {
  SteadyClock clock;
  Metrics metrics;
  const TemporaryDirectory directory;
  const BlobStore blobs = Must(BlobStore::Open(directory.path() + "/blobs"));
  const CheckpointBlobs checkpoints(directory.path() + "/checkpoints");
  const std::string database = ThrowawayPostgres::MigratedDatabase({});
  PostgresStore store(database);
  PostgresReader reader(database, 2);
  PostgresReceipts receipts(database);
  Engine engine(
      clock, store, LongTerms(),
      {.queue_max = 10'000, .batch_max = load.commands_per_transaction});
  std::optional<Encryption> encryption;
  if (load.is_encrypted) encryption.emplace();
  rpc::RpcServer server({.clock = clock,
                         .engine = engine,
                         .reader = reader,
                         .blobs = blobs,
                         .checkpoints = checkpoints,
                         .receipts = receipts},
                        OptionsFor(encryption));
  Wiring wiring({.engine = engine,
                 .server = server,
                 .reader = reader,
                 .checkpoints = checkpoints,
                 .metrics = metrics},
                {.policy = LongTerms()});
  ARCHPOOL_CHECK(wiring.StartEngine().ok());
  ARCHPOOL_CHECK(server.Open().ok());
  const std::string token = MakeToken();
  Must(engine.Call(CreateAccount{"miner", Role::kMiner, HashToken(token)}));
  const AccountId client =
      Must(engine.Call(CreateAccount{"client", Role::kClient, Sha256("c")})).id;
  Must(engine.Call(Deposit{"client", 1'000 * kAmountPerCoin, "money"}));
  Must(engine.Call(RegisterDataset{client, TinyManifest(), Sha256("h")}));
  Must(engine.Call(SubmitTask{client, BigSpec(), "r1", Sha256("secret")}));

  const std::string address = absl::StrCat("127.0.0.1:", server.port());
  const ServerSite site =
      encryption ? encryption->SiteOf(address) : ServerSite::Plaintext(address);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.push_back(std::make_unique<Client>(site, token, i));
    clients.back()->SetReportsPerMessage(load.reports_per_message);
    clients.back()->TakeLeases(load.leases_per_client);
  }
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (const auto& one : clients) {
    threads.emplace_back([&one] { one->Report(); });
  }
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> elapsed =
      std::chrono::steady_clock::now() - start;
  wiring.Stop();
  const int trials = kClients * load.leases_per_client * kTrialsPerLease;
  return trials / elapsed.count();
}

constexpr Load kWhole{.leases_per_client = 16,
                      .reports_per_message = kReportsPerMessage,
                      .commands_per_transaction = 512};

double MeasurePlaintext() {
  const double whole = Measure(kWhole);
  // Slower by an order of magnitude: fewer trials take as long.
  const double single = Measure({.leases_per_client = 2,
                                 .reports_per_message = 1,
                                 .commands_per_transaction = 512});
  const double naive = Measure({.leases_per_client = 2,
                                .reports_per_message = 1,
                                .commands_per_transaction = 1});
  PrintJsonLine("report/16_per_message", whole, "reports/s", kGoalPerSecond);
  PrintJsonLine("report/16_per_message_against_1", whole, "reports/s", single);
  PrintJsonLine("report/1_per_message", single, "reports/s", naive);
  PrintJsonLine("report/1_per_message_and_transaction", naive, "reports/s",
                naive);
  return whole;
}

// `plaintext`: the same without it; 0 where that was not measured.
double MeasureTls(double plaintext) {
  Load load = kWhole;
  load.is_encrypted = true;
  const double whole = Measure(load);
  PrintJsonLine("report/tls_16_per_message", whole, "reports/s",
                plaintext > 0 ? plaintext : kGoalPerSecond);
  if (plaintext > 0) {
    PrintJsonLine("report/tls_of_plaintext", 100 * whole / plaintext, "%",
                  kTlsGoalPercent);
  }
  return whole;
}

}  // namespace
}  // namespace archpool

int main(int argc, char** argv) {
  const absl::string_view flag = argc > 1 ? argv[1] : "";
  double slowest = 0;
  if (flag != "--tls") slowest = archpool::MeasurePlaintext();
  if (flag != "--plaintext") {
    const double tls = archpool::MeasureTls(slowest);
    slowest = slowest > 0 ? std::min(slowest, tls) : tls;
  }
  if (slowest >= archpool::kFloorPerSecond) return 0;
  std::fprintf(stderr, "below %.0f reports/s\n", archpool::kFloorPerSecond);
  return 1;
}
