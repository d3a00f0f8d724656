// SPDX-License-Identifier: Apache-2.0
#include "tests/support/rpc_fixture.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/crypto/sha256.h"
#include "common/model/arithmetic.h"
#include "common/wire/api_version.h"
#include "common/wire/fields.h"
#include "common/wire/proof_wire.h"
#include "common/wire/task_spec_wire.h"
#include "server/rpc/account_directory.h"
#include "tests/support/pool_fixture.h"

namespace archpool {
namespace {

constexpr char kVerifierName[] = "v1";

template <typename T>
T Must(absl::StatusOr<T> result) {
  if (!result.ok()) {
    std::fprintf(stderr, "%s\n", result.status().ToString().c_str());
  }
  ARCHPOOL_CHECK(result.ok());
  return *std::move(result);
}

template <typename Reader>
absl::StatusOr<std::string> Collect(Reader& reader) {
  std::string bytes;
  v1::DownloadResponse chunk;
  while (reader.Read(&chunk)) bytes += chunk.data();
  const grpc::Status status = reader.Finish();
  if (!status.ok()) return wire::FromGrpc(status);
  return bytes;
}

std::string BigEndian(uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<char>(value >> shift & 0xFF));
  }
  return bytes;
}

}  // namespace

absl::StatusOr<v1::Task> Party::GetTask(int64_t task_id) {
  v1::GetTaskRequest request;
  request.set_task_id(task_id);
  auto response = remote.Call(task, &v1::TaskService::Stub::GetTask, request);
  if (!response.ok()) return response.status();
  return response->task();
}

absl::StatusOr<int64_t> Party::OpenSession(const std::string& worker_name) {
  v1::OpenSessionRequest request;
  request.set_worker_name(worker_name);
  request.set_threads(1);
  request.set_arithmetic(std::string(kArithmetic));
  request.set_public_key(key.public_key().AsBytes());
  request.set_client_version(wire::kOwnVersion);
  auto response =
      remote.Call(work, &v1::WorkService::Stub::OpenSession, request);
  if (!response.ok()) return response.status();
  return response->session_id();
}

absl::StatusOr<v1::AcquireLeaseResponse> Party::AcquireLease(
    int64_t session_id, absl::Duration wait,
    const std::vector<int64_t>& holding) {
  v1::AcquireLeaseRequest request;
  request.set_session_id(session_id);
  *request.mutable_wait() = wire::ToProto(wait);
  for (const int64_t lease : holding) request.add_holding_lease_ids(lease);
  return remote.Call(work, &v1::WorkService::Stub::AcquireLease, request,
                     {.deadline = wait + kCallDeadline, .stop = {}});
}

absl::StatusOr<v1::HeartbeatResponse> Party::Heartbeat(
    int64_t session_id, const std::vector<int64_t>& leases) {
  v1::HeartbeatRequest request;
  request.set_session_id(session_id);
  request.mutable_lease_ids()->Add(leases.begin(), leases.end());
  request.set_activity(v1::WORKER_ACTIVITY_TRAINING);
  request.set_step(1);
  request.set_steps(2);
  return remote.Call(work, &v1::WorkService::Stub::Heartbeat, request);
}

absl::StatusOr<v1::HeartbeatResponse> Party::Review(
    int64_t session_id, const std::vector<int64_t>& trials) {
  v1::HeartbeatRequest request;
  request.set_session_id(session_id);
  request.mutable_kept()->mutable_trial_ids()->Add(trials.begin(),
                                                   trials.end());
  return remote.Call(work, &v1::WorkService::Stub::Heartbeat, request);
}

absl::StatusOr<v1::ReportTrialsResponse::Result> Party::Report(
    int64_t session_id, const v1::LeaseGrant& lease, int64_t trial_id,
    absl::string_view weights, int64_t validation_correct) {
  v1::ReportTrialsRequest request;
  request.set_session_id(session_id);
  request.set_lease_id(lease.lease_id());
  request.set_attempt(lease.attempt());
  v1::TrialReport* report = request.add_reports();
  report->set_trial_id(trial_id);
  report->set_weights_digest(Sha256(weights).AsBytes());
  report->set_weights_size_bytes(static_cast<int64_t>(weights.size()));
  report->set_validation_correct(validation_correct);
  const CheckpointChain chain = ChainOf(trial_id, weights);
  report->set_checkpoint_root(chain.Root().AsBytes());
  report->set_final_optimizer_digest(
      chain.boundary(kRpcSegments).optimizer.AsBytes());
  wire::SetProof(chain.ProofOf(kRpcSegments), report->mutable_final_proof());
  report->set_signature(
      key.Sign(CommitmentMessage(
                   {.trial = TrialId{trial_id},
                    .lease = LeaseId{lease.lease_id()},
                    .attempt = lease.attempt(),
                    .checkpoint_root = chain.Root(),
                    .weights = Sha256(weights),
                    .weights_size_bytes = report->weights_size_bytes(),
                    .validation_correct = validation_correct}))
          .AsBytes());
  auto response =
      remote.Call(work, &v1::WorkService::Stub::ReportTrials, request);
  if (!response.ok()) return response.status();
  return response->results(0);
}

absl::Status Party::Answer(const v1::ReportTrialsResponse::Result& asked,
                           absl::string_view weights) {
  const int64_t trial = asked.trial_id();
  if (asked.has_audit()) {
    v1::RevealSegmentRequest request;
    request.set_trial_id(trial);
    const int64_t segment = asked.audit().segment();
    *request.mutable_opening() =
        wire::ToProto(ChainOf(trial, weights).Open(segment));
    ARCHPOOL_RETURN_IF_ERROR(
        remote.Call(work, &v1::WorkService::Stub::RevealSegment, request)
            .status());
    for (const bool optimizer : {false, true}) {
      if (segment == 0) break;
      const std::string bytes = CheckpointText(trial, segment, optimizer);
      ARCHPOOL_RETURN_IF_ERROR(
          Send(CheckpointUpload(trial, bytes), bytes).status());
    }
  }
  if (!asked.wants_weights()) return absl::OkStatus();
  return Upload(WeightsUpload(trial, weights), weights).status();
}

absl::StatusOr<v1::AcquireAuditResponse> Party::AcquireAudit(
    absl::Duration wait) {
  v1::AcquireAuditRequest request;
  request.set_verifier_name(kVerifierName);
  request.add_arithmetics(std::string(kArithmetic));
  request.set_client_version(wire::kOwnVersion);
  *request.mutable_wait() = wire::ToProto(wait);
  return remote.Call(verification, &v1::VerificationService::Stub::AcquireAudit,
                     request, {.deadline = wait + kCallDeadline, .stop = {}});
}

absl::StatusOr<v1::ReportAuditResponse> Party::Measure(
    const v1::Audit& audit, int64_t validation_correct,
    int64_t held_out_correct) {
  v1::ReportAuditRequest request;
  request.set_audit_id(audit.audit_id());
  request.set_attempt(audit.attempt());
  request.set_verifier_name(kVerifierName);
  request.mutable_measurement()->set_validation_correct(validation_correct);
  request.mutable_measurement()->set_held_out_correct(held_out_correct);
  request.mutable_measurement()->set_measured_all(true);
  return remote.Call(verification, &v1::VerificationService::Stub::ReportAudit,
                     request);
}

absl::StatusOr<int64_t> Party::BeginUpload(
    const v1::BeginUploadRequest& begin) {
  auto response = remote.Call(blob, &v1::BlobService::Stub::BeginUpload, begin);
  if (!response.ok()) return response.status();
  return response->offset_bytes();
}

absl::StatusOr<v1::UploadResponse> Party::Upload(
    const v1::BeginUploadRequest& begin, absl::string_view bytes) {
  const absl::StatusOr<int64_t> offset_bytes = BeginUpload(begin);
  if (!offset_bytes.ok()) return offset_bytes.status();
  if (*offset_bytes == begin.size_bytes()) return v1::UploadResponse();
  return Send(begin, bytes, *offset_bytes);
}

absl::StatusOr<v1::UploadResponse> Party::Send(
    const v1::BeginUploadRequest& begin, absl::string_view bytes,
    int64_t offset_bytes, size_t chunk_bytes) {
  grpc::ClientContext context;
  remote.Prepare(context, kCallDeadline);
  v1::UploadResponse response;
  const auto writer = blob.Upload(&context, &response);
  v1::UploadRequest request;
  *request.mutable_begin()->mutable_upload() = begin;
  request.mutable_begin()->set_offset_bytes(offset_bytes);
  bytes.remove_prefix(static_cast<size_t>(offset_bytes));
  while (writer->Write(request) && !bytes.empty()) {
    const absl::string_view data = bytes.substr(0, chunk_bytes);
    bytes.remove_prefix(data.size());
    request.set_data(std::string(data));
  }
  writer->WritesDone();
  const grpc::Status status = writer->Finish();
  if (!status.ok()) return wire::FromGrpc(status);
  return response;
}

absl::StatusOr<std::string> Party::Download(
    const v1::DownloadRequest& request) {
  grpc::ClientContext context;
  remote.Prepare(context, kCallDeadline);
  return Collect(*blob.Download(&context, request));
}

absl::StatusOr<std::string> Party::DownloadSplit(absl::string_view dataset_id,
                                                 v1::Split split,
                                                 int64_t offset_bytes) {
  v1::DownloadRequest request;
  request.mutable_dataset_split()->set_dataset_id(std::string(dataset_id));
  request.mutable_dataset_split()->set_split(split);
  request.set_offset_bytes(offset_bytes);
  return Download(request);
}

absl::StatusOr<std::string> Party::DownloadWeights(int64_t trial_id) {
  v1::DownloadRequest request;
  request.mutable_trial_weights()->set_trial_id(trial_id);
  return Download(request);
}

absl::StatusOr<std::string> Party::DownloadCheckpoint(int64_t trial_id,
                                                      bool is_optimizer) {
  v1::DownloadRequest request;
  request.mutable_trial_checkpoint()->set_trial_id(trial_id);
  request.mutable_trial_checkpoint()->set_is_optimizer(is_optimizer);
  return Download(request);
}

std::string CheckpointText(int64_t trial_id, int64_t boundary, bool optimizer) {
  return absl::StrCat(optimizer ? "optimizer " : "weights ", boundary, " of ",
                      trial_id);
}

CheckpointChain ChainOf(int64_t trial_id, absl::string_view weights) {
  std::vector<CheckpointFiles> boundaries;
  for (int64_t k = 0; k <= kRpcSegments; ++k) {
    boundaries.push_back(FilesOf(k == kRpcSegments
                                     ? std::string(weights)
                                     : CheckpointText(trial_id, k, false),
                                 CheckpointText(trial_id, k, true)));
  }
  return CheckpointChain(boundaries);
}

v1::BeginUploadRequest CheckpointUpload(int64_t trial_id,
                                        absl::string_view bytes) {
  v1::BeginUploadRequest begin = FileUpload(bytes);
  begin.mutable_purpose()->mutable_trial_checkpoint()->set_trial_id(trial_id);
  return begin;
}

v1::BeginUploadRequest FileUpload(absl::string_view bytes) {
  v1::BeginUploadRequest request;
  request.set_digest(Sha256(bytes).AsBytes());
  request.set_size_bytes(static_cast<int64_t>(bytes.size()));
  request.mutable_purpose()->mutable_dataset_file();
  return request;
}

v1::BeginUploadRequest WeightsUpload(int64_t trial_id,
                                     absl::string_view bytes) {
  v1::BeginUploadRequest request = FileUpload(bytes);
  request.mutable_purpose()->mutable_trial_weights()->set_trial_id(trial_id);
  return request;
}

std::string IdxImages(int count) {
  std::string bytes("\0\0\x08\x03", 4);
  bytes += BigEndian(static_cast<uint32_t>(count));
  bytes += BigEndian(8) + BigEndian(8);
  for (int i = 0; i < count * 64; ++i) {
    bytes.push_back(static_cast<char>(i * 31 % 251));
  }
  return bytes;
}

std::string IdxLabels(int count) {
  std::string bytes("\0\0\x08\x01", 4);
  bytes += BigEndian(static_cast<uint32_t>(count));
  for (int i = 0; i < count; ++i) bytes.push_back(static_cast<char>(i % 10));
  return bytes;
}

RpcFixture::RpcFixture(const rpc::RpcOptions& options)
    : blobs(Must(BlobStore::Open(directory.path() + "/blobs"))),
      options_(options),
      operator_token_(MakeToken()) {
  if (options_.listen == rpc::RpcOptions().listen) {
    options_.listen = "127.0.0.1:0";
  }
  // Nothing in a test hangs on a draw.
  options_.policy.audit_floor_ppm = 1'000'000;
  options_.pool_secret = Sha256("pool secret");
  options_.drain = absl::Seconds(1);
  Start();
  Must(engine->Call(CreateAccount{.name = "operator",
                                  .role = Role::kOperator,
                                  .token_hash = HashToken(operator_token_)}));
}

RpcFixture::~RpcFixture() { wiring_->Stop(); }

void RpcFixture::Start() {
  engine = std::make_unique<Engine>(clock, faulty_store_, options_.policy,
                                    EngineOptions());
  server =
      std::make_unique<rpc::RpcServer>(rpc::RpcParts{.clock = clock,
                                                     .engine = *engine,
                                                     .reader = store,
                                                     .blobs = blobs,
                                                     .checkpoints = checkpoints,
                                                     .receipts = store},
                                       options_);
  wiring_ = std::make_unique<Wiring>(WiringParts{.engine = *engine,
                                                 .server = *server,
                                                 .reader = store,
                                                 .checkpoints = checkpoints,
                                                 .metrics = metrics},
                                     WiringOptions{.policy = options_.policy});
  ARCHPOOL_CHECK(wiring_->StartEngine().ok());
  ARCHPOOL_CHECK(server->Open().ok());
  operator_ = std::make_unique<Party>(site(), operator_token_);
}

void RpcFixture::Restart(const std::function<void()>& meanwhile) {
  // Both refer to the engine, which Start replaces first.
  wiring_.reset();
  server.reset();
  if (meanwhile != nullptr) meanwhile();
  Start();
}

std::string RpcFixture::address() const {
  return absl::StrCat("127.0.0.1:", server->port());
}

ServerSite RpcFixture::site() const {
  if (options_.certificate == nullptr) return ServerSite::Plaintext(address());
  return {address(),
          {.by = ServerTrust::By::kPin,
           .pin = options_.certificate->Current()->served.facts.pin,
           .source = "the fixture"}};
}

std::unique_ptr<Party> RpcFixture::Make(const std::string& name,
                                        v1::Role role) {
  v1::CreateAccountRequest request;
  request.set_name(name);
  request.set_role(role);
  return std::make_unique<Party>(
      site(), Must(operator_->CreateAccount(request)).token());
}

std::string RpcFixture::RegisterDataset(Party& client) {
  const std::string images = IdxImages(60);
  const std::string labels = IdxLabels(60);
  Must(client.Upload(FileUpload(images), images));
  Must(client.Upload(FileUpload(labels), labels));
  v1::RegisterDatasetRequest request;
  request.mutable_idx()->set_train_images_digest(Sha256(images).AsBytes());
  request.mutable_idx()->set_train_labels_digest(Sha256(labels).AsBytes());
  request.set_classes(10);
  request.set_validation_count(10);
  request.set_held_out_count(10);
  return Must(client.remote.Call(client.task,
                                 &v1::TaskService::Stub::RegisterDataset,
                                 request))
      .dataset_id();
}

v1::TaskSpec RpcFixture::Spec(const std::string& dataset_id) const {
  v1::TaskSpec spec = wire::ToProto(TinySpec(3));
  spec.mutable_recipe()->set_segments(kRpcSegments);
  spec.set_dataset_id(dataset_id);
  return spec;
}

int64_t RpcFixture::SubmitTask(Party& client, const std::string& client_name,
                               const v1::TaskSpec& spec) {
  v1::DepositRequest deposit;
  deposit.set_account_name(client_name);
  deposit.set_amount_micros(spec.reward_micros());
  deposit.set_request_id(absl::StrCat("deposit-for-", client_name));
  Must(operator_->remote.Call(operator_->ledger,
                              &v1::LedgerService::Stub::Deposit, deposit));
  v1::SubmitTaskRequest request;
  *request.mutable_spec() = spec;
  request.set_request_id("r1");
  return Must(client.remote.Call(client.task,
                                 &v1::TaskService::Stub::SubmitTask, request))
      .task_id();
}

}  // namespace archpool
