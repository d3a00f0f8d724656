// SPDX-License-Identifier: Apache-2.0
#include "tests/support/sight_rows.h"

#include "absl/strings/str_cat.h"
#include "archpool/v1/invitation.pb.h"
#include "archpool/v1/receipt.pb.h"
#include "archpool/v1/token.pb.h"
#include "common/model/arithmetic.h"
#include "common/wire/api_version.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace archpool::rpc {

Scene::Scene() {
  for (const auto& [name, role] :
       std::map<std::string, v1::Role>{{"carol-client", v1::ROLE_CLIENT},
                                       {"dave-client", v1::ROLE_CLIENT},
                                       {"alice-miner", v1::ROLE_MINER},
                                       {"eve-miner", v1::ROLE_MINER},
                                       {"victor-verifier", v1::ROLE_VERIFIER},
                                       {"otto-verifier", v1::ROLE_VERIFIER}}) {
    roles[name] = role;
    parties[name] = fixture.Make(name, role);
  }
  Party& alice = *parties["alice-miner"];
  Party& victor = *parties["victor-verifier"];
  dataset = fixture.RegisterDataset(*parties["carol-client"]);
  spec = fixture.Spec(dataset);
  task = fixture.SubmitTask(*parties["carol-client"], "carol-client", spec);
  session = *alice.OpenSession("alices-machine");
  const auto answer = alice.AcquireLease(session, absl::ZeroDuration());
  lease = answer->lease();
  accepted = lease.assignments(0).trial_id();
  examined = lease.assignments(1).trial_id();
  const auto asked = alice.Report(session, lease, accepted, kFirst, 7);
  EXPECT_THAT(alice.Answer(*asked, kFirst), IsOk());
  const auto first = victor.AcquireAudit(absl::ZeroDuration());
  EXPECT_THAT(victor.Measure(first->audit(), 7, 6), IsOk());
  const auto again = alice.Report(session, lease, examined, kSecond, 7);
  EXPECT_THAT(alice.Answer(*again, kSecond), IsOk());
  audit = victor.AcquireAudit(absl::ZeroDuration())->audit();
  EXPECT_EQ(audit.assignment().trial_id(), examined);
  EXPECT_TRUE(alice.AcquireLease(session, absl::ZeroDuration())->has_lease());
  v1::SetPayoutTermsRequest terms;
  terms.set_address("address-of-alice");
  EXPECT_THAT(
      alice.remote.Call(alice.payout, &v1::PayoutService::Stub::SetPayoutTerms,
                        terms),
      IsOk());
}

namespace {

template <typename Request>
std::function<std::string(Scene&)> Asking(
    std::function<void(Scene&, Request&)> fill = nullptr) {
  return [fill](Scene& scene) {
    Request request;
    if (fill) fill(scene, request);
    return request.SerializeAsString();
  };
}

const std::set<std::string> kOwners = {"carol-client", "alice-miner",
                                       "victor-verifier"};

std::vector<Row> AccountRows() {
  return {
      {"AccountService/WhoAmI", Asking<v1::WhoAmIRequest>(), {}},
      {"AccountService/GetQuotas",
       Asking<v1::GetQuotasRequest>(
           [](Scene&, auto& r) { r.set_account_name("alice-miner"); }),
       {{"carol-client", "ROLE_NOT_ALLOWED"},
        {"dave-client", "ROLE_NOT_ALLOWED"},
        {"eve-miner", "ROLE_NOT_ALLOWED"},
        {"victor-verifier", "ROLE_NOT_ALLOWED"},
        {"otto-verifier", "ROLE_NOT_ALLOWED"}},
       {}},
      {"AccountService/SetVisibility", Asking<v1::SetVisibilityRequest>(), {}},
      {"AccountService/Explain",
       Asking<v1::ExplainRequest>(
           [](Scene&, auto& r) { r.set_account_name("alice-miner"); }),
       {{"eve-miner", "ACCOUNT_UNKNOWN"}}},
      {"InvitationService/CreateInvitation",
       Asking<v1::CreateInvitationRequest>(),
       {{"carol-client", kRefused},
        {"dave-client", kRefused},
        {"alice-miner", kRefused},
        {"eve-miner", kRefused}}},
      {"InvitationService/ListInvitations",
       Asking<v1::ListInvitationsRequest>(),
       {}},
      {"InvitationService/RevokeInvitation",
       Asking<v1::RevokeInvitationRequest>([](Scene&, auto& r) {
         r.set_number(1);
         r.set_account_name("alice-miner");
       }),
       {{"carol-client", "INVITATION_UNKNOWN"},
        {"dave-client", "INVITATION_UNKNOWN"},
        {"alice-miner", "INVITATION_UNKNOWN"},
        {"eve-miner", "INVITATION_UNKNOWN"}}},
      {"InvitationService/Join",
       Asking<v1::JoinRequest>(),
       {{"carol-client", kRefused},
        {"dave-client", kRefused},
        {"alice-miner", kRefused},
        {"eve-miner", kRefused},
        {"victor-verifier", kRefused},
        {"otto-verifier", kRefused}}}};
}

std::vector<Row> TokenRows() {
  return {{"TokenService/CreateToken",
           Asking<v1::CreateTokenRequest>([](Scene&, auto& r) {
             r.set_name("another");
             r.set_scope(v1::TOKEN_SCOPE_READ);
             r.set_token_hash(Sha256("one hash for all").AsBytes());
           }),
           {{"carol-client", kAnything},
            {"dave-client", kAnything},
            {"alice-miner", kAnything},
            {"eve-miner", kAnything},
            {"victor-verifier", kAnything},
            {"otto-verifier", kAnything}}},
          {"TokenService/ListTokens", Asking<v1::ListTokensRequest>(), {}},
          {"TokenService/RotateToken",
           Asking<v1::RotateTokenRequest>(),
           {{"carol-client", kRefused},
            {"dave-client", kRefused},
            {"alice-miner", kRefused},
            {"eve-miner", kRefused},
            {"victor-verifier", kRefused},
            {"otto-verifier", kRefused}}},
          {"TokenService/RevokeToken",
           Asking<v1::RevokeTokenRequest>(),
           {{"carol-client", kRefused},
            {"dave-client", kRefused},
            {"alice-miner", kRefused},
            {"eve-miner", kRefused},
            {"victor-verifier", kRefused},
            {"otto-verifier", kRefused}}}};
}

std::function<std::string(Scene&)> Splits(v1::Split split) {
  return Asking<v1::DownloadRequest>([split](Scene& scene, auto& r) {
    r.mutable_dataset_split()->set_dataset_id(scene.dataset);
    r.mutable_dataset_split()->set_split(split);
  });
}

std::vector<Row> BlobRows() {
  const std::string download = "BlobService/Download";
  return {{"BlobService/BeginUpload",
           [](Scene& scene) {
             return WeightsUpload(scene.examined, Scene::kSecond)
                 .SerializeAsString();
           },
           {{"carol-client", "PURPOSE_NOT_ALLOWED"},
            {"dave-client", "PURPOSE_NOT_ALLOWED"},
            {"alice-miner", kAnything},
            {"eve-miner", "TRIAL_UNKNOWN"}}},
          {"BlobService/Upload",
           Asking<v1::UploadRequest>([](Scene& scene, auto& r) {
             *r.mutable_begin()->mutable_upload() =
                 WeightsUpload(scene.examined, Scene::kSecond);
           }),
           {{"carol-client", "PURPOSE_NOT_ALLOWED"},
            {"dave-client", "PURPOSE_NOT_ALLOWED"},
            {"eve-miner", "TRIAL_UNKNOWN"},
            {"alice-miner", "BLOB_OFFSET"}}},
          {download,
           Splits(v1::SPLIT_TRAIN),
           {{"dave-client", "DATASET_UNKNOWN"},
            {"eve-miner", "DATASET_UNKNOWN"},
            {"otto-verifier", "DATASET_UNKNOWN"}}},
          {download,
           Splits(v1::SPLIT_HELD_OUT),
           {{"carol-client", "HELD_OUT_CLOSED"},
            {"dave-client", "HELD_OUT_CLOSED"},
            {"alice-miner", "HELD_OUT_CLOSED"},
            {"eve-miner", "HELD_OUT_CLOSED"},
            {"otto-verifier", "DATASET_UNKNOWN"}}},
          {download,
           Asking<v1::DownloadRequest>([](Scene& scene, auto& r) {
             r.mutable_trial_weights()->set_trial_id(scene.accepted);
           }),
           {{"dave-client", "TRIAL_UNKNOWN"},
            {"eve-miner", "TRIAL_UNKNOWN"},
            {"victor-verifier", "TRIAL_UNKNOWN"},
            {"otto-verifier", "TRIAL_UNKNOWN"}}},
          {download,
           Asking<v1::DownloadRequest>([](Scene& scene, auto& r) {
             r.mutable_trial_weights()->set_trial_id(scene.examined);
           }),
           {{"carol-client", "TRIAL_NOT_ACCEPTED"},
            {"dave-client", "TRIAL_UNKNOWN"},
            {"alice-miner", "TRIAL_NOT_AUDITED"},
            {"eve-miner", "TRIAL_UNKNOWN"},
            {"otto-verifier", "TRIAL_UNKNOWN"}}},
          {download,
           Asking<v1::DownloadRequest>([](Scene& scene, auto& r) {
             r.mutable_trial_checkpoint()->set_trial_id(scene.examined);
           }),
           {{"carol-client", "PURPOSE_NOT_ALLOWED"},
            {"dave-client", "PURPOSE_NOT_ALLOWED"},
            {"alice-miner", "PURPOSE_NOT_ALLOWED"},
            {"eve-miner", "PURPOSE_NOT_ALLOWED"},
            {"otto-verifier", "TRIAL_UNKNOWN"},
            // The first segment begins with no file.
            {"victor-verifier", kAnything}}}};
}

std::vector<Row> MoneyRows() {
  return {
      {"LedgerService/ListBalances", Asking<v1::ListBalancesRequest>(), {}},
      {"LedgerService/ListTransfers",
       Asking<v1::ListTransfersRequest>(
           [](Scene& scene, auto& r) { r.set_task_id(scene.task); }),
       {}},
      {"PayoutService/SetPayoutTerms", Asking<v1::SetPayoutTermsRequest>(), {}},
      {"PayoutService/SetRevenueSplit",
       Asking<v1::SetRevenueSplitRequest>(),
       {}},
      {"PayoutService/SetShareConsent",
       Asking<v1::SetShareConsentRequest>(),
       {}},
      {"PayoutService/RequestPayout",
       Asking<v1::RequestPayoutRequest>(),
       {{"carol-client", kRefused},
        {"dave-client", kRefused},
        {"alice-miner", kRefused},
        {"eve-miner", kRefused}}},
      {"PayoutService/ListPayouts", Asking<v1::ListPayoutsRequest>(), {}},
      {"ReceiptService/GetStatement",
       Asking<v1::GetStatementRequest>(),
       {{"carol-client", kAnything},
        {"dave-client", kAnything},
        {"alice-miner", kAnything},
        {"eve-miner", kAnything},
        {"victor-verifier", kAnything},
        {"otto-verifier", kAnything}}},
      {"ReceiptService/ListReceipts", Asking<v1::ListReceiptsRequest>(), {}},
      {"ReceiptService/ListSeals", Asking<v1::ListSealsRequest>(), {}}};
}

std::vector<Row> TaskRows() {
  const std::map<std::string, std::string> not_daves = {
      {"dave-client", "TASK_UNKNOWN"}};
  return {
      {"PoolService/GetTerms", Asking<v1::GetTermsRequest>(), {}},
      {"PoolService/ListWorkers", Asking<v1::ListWorkersRequest>(), {}},
      {"PoolService/GetMaintenance", Asking<v1::GetMaintenanceRequest>(), {}},
      {"TaskService/RegisterDataset",
       Asking<v1::RegisterDatasetRequest>([](Scene&, auto& r) {
         r.mutable_idx()->set_train_images_digest(
             Sha256(IdxImages(60)).AsBytes());
         r.mutable_idx()->set_train_labels_digest(
             Sha256(IdxLabels(60)).AsBytes());
         r.set_classes(10);
         r.set_validation_count(10);
         r.set_held_out_count(10);
       }),
       {{"dave-client", "BLOB_UNKNOWN"}}},
      {"TaskService/SubmitTask",
       Asking<v1::SubmitTaskRequest>([](Scene& scene, auto& r) {
         *r.mutable_spec() = scene.spec;
         r.set_request_id("r1");  // carol's: it is open already
       }),
       {{"dave-client", "DATASET_UNKNOWN"}}},
      {"TaskService/CheckTask",
       Asking<v1::CheckTaskRequest>(),
       {{"carol-client", kRefused}, {"dave-client", kRefused}}},
      {"TaskService/GetTask",
       Asking<v1::GetTaskRequest>(
           [](Scene& scene, auto& r) { r.set_task_id(scene.task); }),
       not_daves},
      {"TaskService/ListTasks", Asking<v1::ListTasksRequest>(), {}},
      {"TaskService/ListTrials",
       Asking<v1::ListTrialsRequest>(
           [](Scene& scene, auto& r) { r.set_task_id(scene.task); }),
       not_daves},
      {"TaskService/GetReproduction",
       Asking<v1::GetReproductionRequest>(
           [](Scene& scene, auto& r) { r.set_trial_id(scene.accepted); }),
       {{"carol-client", "TASK_NOT_ENDED"}, {"dave-client", "TRIAL_UNKNOWN"}}},
      {"TaskService/ListLeases",
       Asking<v1::ListLeasesRequest>(
           [](Scene&, auto& r) { r.set_include_ended(true); }),
       {}},
      {"TaskService/WatchTask",
       Asking<v1::WatchTaskRequest>(
           [](Scene& scene, auto& r) { r.set_task_id(scene.task); }),
       not_daves},
      {"TaskService/CancelTask",
       Asking<v1::CancelTaskRequest>(
           [](Scene& scene, auto& r) { r.set_task_id(scene.task); }),
       not_daves, kOwners}};
}

template <typename Request>
void NameHeld(Scene& scene, Request& request) {
  request.set_audit_id(scene.audit.audit_id());
  request.set_attempt(scene.audit.attempt());
  request.set_verifier_name("v1");
}

template <typename Request>
void NameLease(Scene& scene, Request& request) {
  request.set_session_id(scene.session);
  request.set_lease_id(scene.lease.lease_id());
  request.set_attempt(scene.lease.attempt());
}

std::vector<Row> WorkRows() {
  return {{"VerificationService/AcquireAudit",
           Asking<v1::AcquireAuditRequest>([](Scene&, auto& r) {
             r.set_verifier_name("v1");  // as victor's
             r.add_arithmetics(std::string(kArithmetic));
             r.set_client_version(wire::kOwnVersion);
           }),
           {}},
          {"VerificationService/RenewAudit",
           Asking<v1::RenewAuditRequest>(
               [](Scene& scene, auto& r) { NameHeld(scene, r); }),
           {{"otto-verifier", kRefused}}},
          {"VerificationService/ReportAudit",
           Asking<v1::ReportAuditRequest>([](Scene& scene, auto& r) {
             NameHeld(scene, r);
             r.set_refuted_reason("SEGMENT_FALSE");
           }),
           {{"otto-verifier", kRefused}},
           kOwners},
          {"WorkService/OpenSession",
           Asking<v1::OpenSessionRequest>(),
           {{"alice-miner", kRefused}, {"eve-miner", kRefused}}},
          {"WorkService/AcquireLease",
           Asking<v1::AcquireLeaseRequest>(
               [](Scene& scene, auto& r) { r.set_session_id(scene.session); }),
           {{"eve-miner", "SESSION_UNKNOWN"}}},
          {"WorkService/Heartbeat",
           Asking<v1::HeartbeatRequest>([](Scene& scene, auto& r) {
             r.set_session_id(scene.session);
             r.mutable_kept()->add_trial_ids(scene.examined);
           }),
           {{"eve-miner", "SESSION_UNKNOWN"}}},
          {"WorkService/ReportTrials",
           Asking<v1::ReportTrialsRequest>([](Scene& scene, auto& r) {
             NameLease(scene, r);
             r.add_reports()->set_trial_id(scene.examined);
           }),
           {{"alice-miner", kRefused}, {"eve-miner", kRefused}}},
          {"WorkService/RevealSegment",
           Asking<v1::RevealSegmentRequest>(
               [](Scene& scene, auto& r) { r.set_trial_id(scene.examined); }),
           {{"alice-miner", kRefused}, {"eve-miner", kRefused}}},
          {"WorkService/ReleaseLease",
           Asking<v1::ReleaseLeaseRequest>(
               [](Scene& scene, auto& r) { NameLease(scene, r); }),
           {{"eve-miner", kRefused}},
           kOwners}};
}

}  // namespace

const std::set<std::string>& OperatorsMethods() {
  static const auto* const kMethods = new std::set<std::string>{
      "AccountService/CreateAccount",      "AccountService/ListAccounts",
      "AccountService/SuspendAccount",     "AccountService/ReinstateAccount",
      "AccountService/SetQuotas",          "LedgerService/Deposit",
      "LedgerService/CheckLedger",         "PoolService/BeginMaintenance",
      "PoolService/EndMaintenance",        "VerificationService/VoidTrial",
      "VerificationService/ListVerifiers", "TokenService/ReplaceOwnerTokens"};
  return *kMethods;
}

std::vector<Row> AllRows() {
  std::vector<Row> rows;
  for (const auto& some : {AccountRows(), TokenRows(), BlobRows(), MoneyRows(),
                           TaskRows(), WorkRows()}) {
    rows.insert(rows.end(), some.begin(), some.end());
  }
  return rows;
}

}  // namespace archpool::rpc
