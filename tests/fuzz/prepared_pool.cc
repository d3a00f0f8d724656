// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/prepared_pool.h"

#include <cstdio>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "archpool/v1/account.pb.h"
#include "archpool/v1/blob.pb.h"
#include "archpool/v1/payout.pb.h"
#include "archpool/v1/task.pb.h"
#include "archpool/v1/verification.pb.h"
#include "archpool/v1/work.pb.h"
#include "common/base/check.h"
#include "common/crypto/signature.h"
#include "common/crypto/token.h"
#include "common/model/commitment.h"
#include "common/wire/api_version.h"
#include "common/wire/proof_wire.h"
#include "common/wire/task_spec_wire.h"
#include "server/storage/blob_store.h"
#include "server/storage/checkpoint_blobs.h"
#include "tests/support/fake_commitment.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/rpc_fixture.h"

namespace archpool {
namespace {

constexpr int64_t kSegments = 3;
constexpr int64_t kClaim = 500;
constexpr char kFreshFile[] = "a file that the pool has not seen";

// Takes newcomers, and pays the little that was earned out.
PoolPolicy PolicyOfAll() {
  PoolPolicy policy = AuditEverything();
  policy.takes_invited = true;
  policy.payout_min = 1;
  return policy;
}

template <typename Message>
std::shared_ptr<const google::protobuf::Message> Shared(Message message) {
  return std::make_shared<const Message>(std::move(message));
}

class Preparation {
 public:
  Preparation(const std::string& blobs_path,
              const std::string& checkpoints_path)
      : blobs_(*BlobStore::Open(blobs_path)), checkpoints_(checkpoints_path) {
    spec_.recipe.segments = kSegments;
  }

  PreparedPool Run() {
    MakeAccounts();
    EndOneTask();
    WorkAtAnother();
    Suspend();
    Take();
    PutFiles();
    AddKnown();
    AddHonestAccounts();
    AddHonestTasks();
    AddHonestWork();
    AddHonestTransfers();
    made_.policy = core_.policy;
    made_.now = core_.now;
    return std::move(made_);
  }

 private:
  // The events so far, as commits that the oracle watches.
  void Take() {
    const std::vector<Event> events = core_.pool.TakeEvents();
    for (const std::string& wrong : made_.oracle.Watch(events)) {
      std::fprintf(stderr, "%s\n", wrong.c_str());
      ARCHPOOL_CHECK(false);
    }
    made_.events.insert(made_.events.end(), events.begin(), events.end());
  }
  template <typename Command>
  typename Command::Reply Do(const Command& command) {
    auto reply = core_.Do(command);
    Take();
    return reply;
  }

  void MakeAccounts() {
    Take();
    // Their tokens are their names (HashToken is a SHA-256, as Make's is).
    miner_ = core_.Make("miner", Role::kMiner);
    rival_ = core_.Make("rival", Role::kMiner);
    suspended_ = core_.Make("suspended", Role::kMiner);
    operator_ = core_.Make("operator", Role::kOperator);
    Do(CreateToken{.caller = core_.client,
                   .name = "reader",
                   .scope = TokenScope::kRead,
                   .term = std::nullopt,
                   .hash = HashToken("client-reader")});
    Do(CreateToken{.caller = miner_,
                   .name = "worker",
                   .scope = TokenScope::kWork,
                   .term = std::nullopt,
                   .hash = HashToken("miner-worker")});
    Do(Invite{.caller = operator_,
              .role = Role::kMiner,
              .uses_max = 3,
              .term = absl::Hours(24),
              .code_hash = HashToken("welcome")});
    session_ = Do(OpenSession{
        .caller = miner_, .worker_name = "w1", .key = key_.public_key()});
  }

  LeaseGrant Grant(AccountId account, SessionId session) {
    auto reply = Do(AcquireLease{.caller = account, .session = session});
    ARCHPOOL_CHECK(reply.grant.has_value());
    return *std::move(reply.grant);
  }

  void EndOneTask() {
    const TaskId task = core_.Submit(spec_, "ended");
    const LeaseGrant grant = Grant(miner_, session_);
    for (const Assignment& one : grant.assignments) {
      core_.Deliver(miner_, session_, grant.lease, one.trial, kClaim);
      Take();
    }
    core_.VerifyAll();
    Do(CancelTask{.task = task, .client = core_.client});
    // What the lease grew by meanwhile is left.
    Do(ReleaseLease{miner_, session_, grant.lease.id, grant.lease.attempt});
    core_.VerifyAll();
    Take();
    ARCHPOOL_CHECK(core_.pool.state().Find(task) == nullptr);
    // So that payouts have something to pay.
    ARCHPOOL_CHECK(core_.pool.state().money().BalanceOf(Place::Of(miner_)) > 0);
  }

  void WorkAtAnother() {
    task_ = core_.Submit(spec_, "r1");
    const LeaseGrant first = Grant(miner_, session_);
    ARCHPOOL_CHECK(first.assignments.size() == 2);
    accepted_ = first.assignments[0].trial;
    core_.Deliver(miner_, session_, first.lease, accepted_, kClaim);
    core_.Verify(kClaim, kClaim);
    asked_ = first.assignments[1].trial;
    const auto result =
        core_.Commit(miner_, session_, first.lease, asked_, kClaim);
    ARCHPOOL_CHECK(result.audit.has_value());
    segment_ = result.audit->segment;
    Take();

    const LeaseGrant second = Grant(miner_, session_);
    ARCHPOOL_CHECK(second.assignments.size() == 2);
    const TrialId uploaded = second.assignments[0].trial;
    core_.Deliver(miner_, session_, second.lease, uploaded, kClaim);
    audit_ = Do(AcquireAudit{.caller = core_.verifier, .verifier_name = "v1"});
    ARCHPOOL_CHECK(audit_.has_value());
    lease_ = second.lease;
    open_ = second.assignments[1].trial;
  }

  void Suspend() {
    const SessionId session = core_.Open(suspended_, "w9");
    const LeaseGrant grant = Grant(suspended_, session);
    suspended_trial_ = grant.assignments[0].trial;
    core_.Commit(suspended_, session, grant.lease, suspended_trial_, kClaim);
    Do(SetAccountState{.name = "suspended",
                       .state = AccountState::kSuspended,
                       .by = operator_});
  }

  // What the digests of the small manifest and of the made commitments are of:
  // where a record names a blob, it is there.
  void PutFiles() {
    for (const std::string& text :
         {std::string("train"), std::string("validation"),
          std::string("held-out"), IdxImages(60), IdxLabels(60),
          accepted_.ToString()}) {
      ARCHPOOL_CHECK(blobs_.Put(text).ok());
      made_.known.Add("digest", Sha256(text).AsBytes());
    }
    for (const TrialId trial : {asked_, audit_->trial.id}) {
      const std::string name = trial.ToString();
      const auto store = checkpoints_.Of(trial);
      ARCHPOOL_CHECK(store.ok());
      std::vector<std::string> texts = {name, name + " optimizer"};
      for (int64_t k = 0; k < kSegments; ++k) {
        texts.push_back(absl::StrCat(name, " weights ", k));
        texts.push_back(absl::StrCat(name, " optimizer ", k));
      }
      for (const std::string& text : texts) {
        ARCHPOOL_CHECK(store->Put(text).ok());
      }
      ARCHPOOL_CHECK(blobs_.Put(name).ok());
    }
  }

  void AddKnown() {
    KnownValues& known = made_.known;
    for (const SessionId one : {SessionId{session_.value + 1}, session_}) {
      known.Add("session_id", one.value);
    }
    known.Add("lease_id", lease_.id.value);
    known.Add("attempt", lease_.attempt);
    for (const TaskId one : {TaskId{task_.value - 1}, task_}) {
      known.Add("task_id", one.value);
    }
    for (const TrialId one :
         {suspended_trial_, accepted_, audit_->trial.id, asked_, open_}) {
      known.Add("trial_id", one.value);
    }
    known.Add("audit_id", audit_->audit.id.value);
    known.Add("payout_id", 1);
    known.Add("number", 1);
    known.Add("uses_max", 2);
    known.Add("amount_micros", 5'000'000);
    known.Add("share_ppm", 100'000);
    known.Add("page_size", 10);
    for (const char* const name : {"suspended", "rival", "client", "miner"}) {
      known.Add("account_name", std::string(name));
    }
    for (const char* const name : {"reader", "worker", "newcomer"}) {
      known.Add("name", std::string(name));
    }
    known.Add("replaced_name", std::string("worker"));
    known.Add("worker_name", std::string("w1"));
    known.Add("verifier_name", std::string("v1"));
    known.Add("request_id", std::string("ended"));
    known.Add("request_id", std::string("r1"));
    known.Add("request_id", std::string("r2"));
    known.Add("code", std::string("welcome"));
    for (const char* const kind : {"code_hash", "token_hash"}) {
      known.Add(kind, HashToken("miner").AsBytes());
      known.Add(kind, HashToken("fresh").AsBytes());
    }
    known.Add("dataset_id", spec_.dataset.AsBytes());
    known.Add("public_key", key_.public_key().AsBytes());
    known.Add("address", std::string("bank-7"));
    known.Add("page_token", std::string());
  }

  template <typename Message>
  void AddHonest(const std::string& method, Message request) {
    made_.honest[absl::StrCat("/archpool.v1.", method)].push_back(
        {Shared(std::move(request))});
  }

  void AddHonestAccounts() {
    v1::CreateAccountRequest create;
    create.set_name("newcomer");
    create.set_role(v1::ROLE_MINER);
    AddHonest("AccountService/CreateAccount", create);
    v1::ExplainRequest explain;
    AddHonest("AccountService/Explain", explain);
    v1::SetPayoutTermsRequest terms;
    terms.set_address("bank-7");
    // So high that nothing is paid out before it is asked for.
    terms.set_threshold_micros(1'000'000'000'000);
    AddHonest("PayoutService/SetPayoutTerms", terms);
    v1::RequestPayoutRequest payout;
    payout.set_request_id("p1");
    AddHonest("PayoutService/RequestPayout", payout);
  }

  void AddHonestTasks() {
    v1::SubmitTaskRequest submit;
    *submit.mutable_spec() = wire::ToProto(spec_);
    submit.set_request_id("r2");
    AddHonest("TaskService/SubmitTask", submit);
    v1::CheckTaskRequest check;
    *check.mutable_spec() = submit.spec();
    *check.mutable_manifest() = wire::ToProto(TinyManifest());
    AddHonest("TaskService/CheckTask", check);
    v1::RegisterDatasetRequest dataset;
    dataset.mutable_idx()->set_train_images_digest(
        Sha256(IdxImages(60)).AsBytes());
    dataset.mutable_idx()->set_train_labels_digest(
        Sha256(IdxLabels(60)).AsBytes());
    dataset.set_classes(10);
    dataset.set_validation_count(10);
    dataset.set_held_out_count(10);
    AddHonest("TaskService/RegisterDataset", dataset);
  }

  void AddHonestWork() {
    v1::OpenSessionRequest session;
    session.set_worker_name("w2");
    session.set_threads(1);
    session.set_arithmetic(std::string(kArithmetic));
    session.set_public_key(key_.public_key().AsBytes());
    session.set_client_version(wire::kOwnVersion);
    AddHonest("WorkService/OpenSession", session);
    v1::HeartbeatRequest heartbeat;
    heartbeat.set_session_id(session_.value);
    heartbeat.add_lease_ids(lease_.id.value);
    heartbeat.mutable_kept()->add_trial_ids(asked_.value);
    AddHonest("WorkService/Heartbeat", heartbeat);
    AddHonest("WorkService/ReportTrials", SignedReport());
    v1::RevealSegmentRequest reveal;
    reveal.set_trial_id(asked_.value);
    *reveal.mutable_opening() =
        wire::ToProto(FakeChain(asked_, kSegments).Open(segment_));
    AddHonest("WorkService/RevealSegment", reveal);

    v1::AcquireAuditRequest audit;
    audit.set_verifier_name("v1");
    audit.add_arithmetics(std::string(kArithmetic));
    audit.set_client_version(wire::kOwnVersion);
    AddHonest("VerificationService/AcquireAudit", audit);
    v1::ReportAuditRequest measured;
    measured.set_audit_id(audit_->audit.id.value);
    measured.set_attempt(audit_->audit.attempt);
    measured.set_verifier_name("v1");
    measured.mutable_measurement()->set_validation_correct(kClaim);
    measured.mutable_measurement()->set_held_out_correct(kClaim);
    measured.mutable_measurement()->set_measured_all(true);
    AddHonest("VerificationService/ReportAudit", measured);
  }

  v1::ReportTrialsRequest SignedReport() const {
    const TrialReport made = FakeReport(open_, kSegments, kClaim);
    v1::ReportTrialsRequest request;
    request.set_session_id(session_.value);
    request.set_lease_id(lease_.id.value);
    request.set_attempt(lease_.attempt);
    v1::TrialReport* const report = request.add_reports();
    report->set_trial_id(open_.value);
    report->set_weights_digest(made.weights_digest.AsBytes());
    report->set_weights_size_bytes(made.weights_size_bytes);
    report->set_validation_correct(kClaim);
    report->mutable_train_time()->set_seconds(1);
    report->set_checkpoint_root(made.checkpoint_root.AsBytes());
    report->set_final_optimizer_digest(made.final_optimizer.AsBytes());
    wire::SetProof(made.final_proof, report->mutable_final_proof());
    report->set_signature(
        key_.Sign(CommitmentMessage(
                      {.trial = open_,
                       .lease = lease_.id,
                       .attempt = lease_.attempt,
                       .checkpoint_root = made.checkpoint_root,
                       .weights = made.weights_digest,
                       .weights_size_bytes = made.weights_size_bytes,
                       .validation_correct = kClaim}))
            .AsBytes());
    return request;
  }

  void AddUpload(const v1::BeginUploadRequest& begin, const std::string& text) {
    AddHonest("BlobService/BeginUpload", begin);
    v1::UploadRequest announced;
    *announced.mutable_begin()->mutable_upload() = begin;
    v1::UploadRequest bytes;
    bytes.set_data(text);
    made_.honest["/archpool.v1.BlobService/Upload"].push_back(
        {Shared(announced), Shared(bytes)});
  }

  void AddHonestTransfers() {
    AddUpload(FileUpload(kFreshFile), kFreshFile);
    AddUpload(WeightsUpload(asked_.value, asked_.ToString()),
              asked_.ToString());
    const std::string boundary =
        absl::StrCat(asked_.ToString(), " weights ", segment_);
    AddUpload(CheckpointUpload(asked_.value, boundary), boundary);
    v1::DownloadRequest split;
    split.mutable_dataset_split()->set_dataset_id(spec_.dataset.AsBytes());
    split.mutable_dataset_split()->set_split(v1::SPLIT_TRAIN);
    AddHonest("BlobService/Download", split);
    v1::DownloadRequest weights;
    weights.mutable_trial_weights()->set_trial_id(accepted_.value);
    AddHonest("BlobService/Download", weights);
    v1::DownloadRequest checkpoint;
    checkpoint.mutable_trial_checkpoint()->set_trial_id(audit_->trial.id.value);
    AddHonest("BlobService/Download", checkpoint);
  }

  const BlobStore blobs_;
  const CheckpointBlobs checkpoints_;
  const SigningKey key_ = *SigningKey::FromSeed(std::string(32, 'k'));
  PreparedPool made_;
  TestPool core_{PolicyOfAll()};
  TaskSpec spec_ = TinySpec(3);
  AccountId miner_;
  AccountId rival_;
  AccountId suspended_;
  AccountId operator_;
  SessionId session_;
  TaskId task_;
  Lease lease_;  // with `open_` to be reported yet
  TrialId accepted_;
  TrialId asked_;  // committed; `segment_` is to be laid open
  int64_t segment_ = 0;
  TrialId open_;
  TrialId suspended_trial_;
  std::optional<AuditGrant> audit_;  // leased to "v1"
};

}  // namespace

PreparedPool PreparePool(const std::string& blobs_path,
                         const std::string& checkpoints_path) {
  return Preparation(blobs_path, checkpoints_path).Run();
}

}  // namespace archpool
