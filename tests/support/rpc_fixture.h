// SPDX-License-Identifier: Apache-2.0
// A whole server for tests, in this process: the real core, engine and gRPC
// interface over a store in memory, on a port of its own.
#ifndef ARCHPOOL_TESTS_SUPPORT_RPC_FIXTURE_H_
#define ARCHPOOL_TESTS_SUPPORT_RPC_FIXTURE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "archpool/v1/account.grpc.pb.h"
#include "archpool/v1/blob.grpc.pb.h"
#include "archpool/v1/ledger.grpc.pb.h"
#include "archpool/v1/payout.grpc.pb.h"
#include "archpool/v1/pool.grpc.pb.h"
#include "archpool/v1/task.grpc.pb.h"
#include "archpool/v1/verification.grpc.pb.h"
#include "archpool/v1/work.grpc.pb.h"
#include "common/base/steady_clock.h"
#include "common/channel/remote.h"
#include "common/crypto/signature.h"
#include "common/model/commitment.h"
#include "server/engine/engine.h"
#include "server/observability/metrics.h"
#include "server/rpc/rpc_server.h"
#include "server/storage/blob_store.h"
#include "server/storage/checkpoint_blobs.h"
#include "server/storage/memory_store.h"
#include "server/wiring.h"
#include "tests/support/faulty_store.h"
#include "tests/support/temporary_directory.h"

namespace archpool {

// An account with a connection of its own. Thread-safe.
class Party {
 public:
  Party(const std::string& server, const std::string& bearer_token)
      : Party(ServerSite::Plaintext(server), bearer_token) {}
  // Shows the certificate that `holder` has; nullptr: none.
  Party(const ServerSite& site, const std::string& bearer_token,
        std::shared_ptr<CertificateHolder> holder = nullptr)
      : token(bearer_token),
        remote(site, bearer_token),
        account((remote.Show(std::move(holder)), remote.channel())),
        pool(remote.channel()),
        task(remote.channel()),
        blob(remote.channel()),
        work(remote.channel()),
        verification(remote.channel()),
        ledger(remote.channel()),
        payout(remote.channel()) {}

  absl::StatusOr<v1::WhoAmIResponse> WhoAmI() {
    return remote.Call(account, &v1::AccountService::Stub::WhoAmI, {});
  }
  absl::StatusOr<v1::CreateAccountResponse> CreateAccount(
      const v1::CreateAccountRequest& request) {
    return remote.Call(account, &v1::AccountService::Stub::CreateAccount,
                       request);
  }
  absl::StatusOr<v1::Task> GetTask(int64_t task_id);
  // Its id.
  absl::StatusOr<int64_t> OpenSession(const std::string& worker_name);
  absl::StatusOr<v1::AcquireLeaseResponse> AcquireLease(
      int64_t session_id, absl::Duration wait,
      const std::vector<int64_t>& holding = {});
  absl::StatusOr<v1::HeartbeatResponse> Heartbeat(
      int64_t session_id, const std::vector<int64_t>& leases);
  // With the trials that it keeps.
  absl::StatusOr<v1::HeartbeatResponse> Review(
      int64_t session_id, const std::vector<int64_t>& trials);
  absl::StatusOr<v1::ReportTrialsResponse::Result> Report(
      int64_t session_id, const v1::LeaseGrant& lease, int64_t trial_id,
      absl::string_view weights, int64_t validation_correct);
  // Lays the audit's segment open, if one is asked for, and sends what is
  // wanted of the trial that was reported with these weights.
  absl::Status Answer(const v1::ReportTrialsResponse::Result& asked,
                      absl::string_view weights);
  absl::StatusOr<v1::AcquireAuditResponse> AcquireAudit(absl::Duration wait);
  absl::StatusOr<v1::ReportAuditResponse> Measure(const v1::Audit& audit,
                                                  int64_t validation_correct,
                                                  int64_t held_out_correct);

  // Where to continue.
  absl::StatusOr<int64_t> BeginUpload(const v1::BeginUploadRequest& begin);
  // Sends what the server does not hold yet.
  absl::StatusOr<v1::UploadResponse> Upload(const v1::BeginUploadRequest& begin,
                                            absl::string_view bytes);
  // Sends `bytes` from `offset_bytes` on, in chunks of `chunk_bytes`.
  absl::StatusOr<v1::UploadResponse> Send(const v1::BeginUploadRequest& begin,
                                          absl::string_view bytes,
                                          int64_t offset_bytes = 0,
                                          size_t chunk_bytes = 1 << 20);
  absl::StatusOr<std::string> Download(const v1::DownloadRequest& request);
  absl::StatusOr<std::string> DownloadSplit(absl::string_view dataset_id,
                                            v1::Split split,
                                            int64_t offset_bytes = 0);
  absl::StatusOr<std::string> DownloadWeights(int64_t trial_id);
  absl::StatusOr<std::string> DownloadCheckpoint(int64_t trial_id,
                                                 bool is_optimizer);

  const std::string token;
  const SigningKey key = SigningKey::Generate();
  Remote remote;
  v1::AccountService::Stub account;
  v1::PoolService::Stub pool;
  v1::TaskService::Stub task;
  v1::BlobService::Stub blob;
  v1::WorkService::Stub work;
  v1::VerificationService::Stub verification;
  v1::LedgerService::Stub ledger;
  v1::PayoutService::Stub payout;
};

// A training of `kRpcSegments` segments that ends with these weights; the files
// of its other checkpoints hold CheckpointText.
inline constexpr int64_t kRpcSegments = 3;
CheckpointChain ChainOf(int64_t trial_id, absl::string_view weights);
std::string CheckpointText(int64_t trial_id, int64_t boundary, bool optimizer);

v1::BeginUploadRequest CheckpointUpload(int64_t trial_id,
                                        absl::string_view bytes);
v1::BeginUploadRequest FileUpload(absl::string_view bytes);
v1::BeginUploadRequest WeightsUpload(int64_t trial_id, absl::string_view bytes);

// IDX files of `count` 8x8 images in ten classes.
std::string IdxImages(int count);
std::string IdxLabels(int count);

class RpcFixture {
 public:
  // At a port of its own, unless the options name another one than RpcOptions
  // does by itself. It encrypts where they name a certificate.
  explicit RpcFixture(const rpc::RpcOptions& options = {});
  ~RpcFixture();

  // Everything but store and blobs goes down and comes up again, and
  // `meanwhile` runs in between.
  void Restart(const std::function<void()>& meanwhile = nullptr);

  Party& operator_party() { return *operator_; }
  // A new account; its party.
  std::unique_ptr<Party> Make(const std::string& name, v1::Role role);
  std::string address() const;
  // How it is known to be the right one.
  ServerSite site() const;

  // Uploads files of 60 images, 10 of them for validation and 10 held out;
  // returns the dataset's id.
  std::string RegisterDataset(Party& client);
  // A tiny task over that dataset, paid by a deposit.
  v1::TaskSpec Spec(const std::string& dataset_id) const;
  int64_t SubmitTask(Party& client, const std::string& client_name,
                     const v1::TaskSpec& spec);

  SteadyClock clock;
  TemporaryDirectory directory;
  MemoryStore store;
  // How the engine's next commit ends.
  std::atomic<Fault> next_commit = Fault::kNone;
  BlobStore blobs;
  const CheckpointBlobs checkpoints{directory.path() + "/checkpoints"};
  Metrics metrics;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<rpc::RpcServer> server;

 private:
  void Start();

  FaultyStore faulty_store_{store, [this](FaultyStore::Call call) {
                              return call == FaultyStore::Call::kCommit
                                         ? next_commit.exchange(Fault::kNone)
                                         : Fault::kNone;
                            }};
  rpc::RpcOptions options_;
  std::unique_ptr<Wiring> wiring_;
  std::string operator_token_;
  std::unique_ptr<Party> operator_;
};

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_SUPPORT_RPC_FIXTURE_H_
