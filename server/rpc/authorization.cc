// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/authorization.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "server/core/records/entities.h"

namespace archpool::rpc {
namespace {

constexpr Role kC = Role::kClient;
constexpr Role kM = Role::kMiner;
constexpr Role kV = Role::kVerifier;
constexpr Role kO = Role::kOperator;

constexpr MethodRule kRules[] = {
    {"/archpool.v1.BlobService/BeginUpload", {kC, kM}},
    {"/archpool.v1.BlobService/DownloadCheckpoint", {kV}},
    {"/archpool.v1.BlobService/DownloadSplit", {kM, kV}},
    {"/archpool.v1.BlobService/DownloadWeights", {kC, kM, kV}},
    {"/archpool.v1.BlobService/Upload", {kC, kM}},
    {"/archpool.v1.LedgerService/CheckLedger", {kO}},
    {"/archpool.v1.LedgerService/Deposit", {kO}},
    {"/archpool.v1.LedgerService/GetBalances", {kC, kM, kV, kO}},
    {"/archpool.v1.LedgerService/ListTransfers", {kC, kM, kV, kO}},
    {"/archpool.v1.PayoutService/Explain", {kM, kO}},
    {"/archpool.v1.PayoutService/ListPayouts", {kC, kM, kO}},
    {"/archpool.v1.PayoutService/RequestPayout", {kC, kM}},
    {"/archpool.v1.PayoutService/SetPayoutTerms", {kC, kM}},
    {"/archpool.v1.PayoutService/SetRevenueSplit", {kC, kM}},
    {"/archpool.v1.PayoutService/SetShareConsent", {kC, kM}},
    {"/archpool.v1.PoolService/CreateAccount", {kO}},
    {"/archpool.v1.PoolService/GetMaintenance", {kC, kM, kV, kO}},
    {"/archpool.v1.PoolService/GetQuotas", {kC, kM, kV, kO}},
    {"/archpool.v1.PoolService/GetTerms", {kC, kM, kV, kO}},
    {"/archpool.v1.PoolService/ListAccounts", {kO}},
    {"/archpool.v1.PoolService/ListWorkers", {kC, kM, kV, kO}},
    {"/archpool.v1.PoolService/SetAccountState", {kO}},
    {"/archpool.v1.PoolService/SetMaintenance", {kO}},
    {"/archpool.v1.PoolService/SetQuotas", {kO}},
    {"/archpool.v1.PoolService/SetVisibility", {kC, kM, kV, kO}},
    {"/archpool.v1.PoolService/WhoAmI", {kC, kM, kV, kO}},
    {"/archpool.v1.ReceiptService/GetStatement", {kC, kM, kO}},
    {"/archpool.v1.ReceiptService/ListEpochs", {kC, kM, kV, kO}},
    {"/archpool.v1.ReceiptService/ListReceipts", {kC, kM, kO}},
    {"/archpool.v1.TaskService/CancelTask", {kC, kO}},
    {"/archpool.v1.TaskService/CheckTask", {kC}},
    {"/archpool.v1.TaskService/GetTask", {kC, kM, kO}},
    {"/archpool.v1.TaskService/ListLeases", {kC, kM, kO}},
    {"/archpool.v1.TaskService/ListTasks", {kC, kM, kO}},
    {"/archpool.v1.TaskService/ListTrials", {kC, kM, kO}},
    {"/archpool.v1.TaskService/RegisterDataset", {kC}},
    {"/archpool.v1.TaskService/SubmitTask", {kC}},
    {"/archpool.v1.TaskService/WatchTask", {kC, kM, kO}},
    {"/archpool.v1.VerificationService/AcquireAudit", {kV}},
    {"/archpool.v1.VerificationService/ListVerifiers", {kO}},
    {"/archpool.v1.VerificationService/RenewAudit", {kV}},
    {"/archpool.v1.VerificationService/ReportAudit", {kV}},
    {"/archpool.v1.VerificationService/VoidTrial", {kO}},
    {"/archpool.v1.WorkService/AcquireLease", {kM}},
    {"/archpool.v1.WorkService/Heartbeat", {kM}},
    {"/archpool.v1.WorkService/OpenSegment", {kM}},
    {"/archpool.v1.WorkService/OpenSession", {kM}},
    {"/archpool.v1.WorkService/ReleaseLease", {kM}},
    {"/archpool.v1.WorkService/ReportTrials", {kM}},
    {"/archpool.v1.WorkService/ReviewTrials", {kM}},
};

std::string RolesOf(const MethodRule& rule) {
  std::vector<std::string> names;
  for (const Role role : {kC, kM, kV, kO}) {
    if (rule.roles.Contains(role)) names.emplace_back(ToString(role));
  }
  return absl::StrJoin(names, " or ");
}

}  // namespace

absl::Span<const MethodRule> MethodRules() { return kRules; }

absl::Status Authorize(absl::string_view method, Role role) {
  for (const MethodRule& rule : kRules) {
    if (rule.method != method) continue;
    if (rule.roles.Contains(role)) return absl::OkStatus();
    return PermissionDenied(
        "ROLE_NOT_ALLOWED",
        absl::StrCat("the account's role is ", ToString(role), "; ", method,
                     " is for the role ", RolesOf(rule),
                     ": use the token of such an account"));
  }
  return PermissionDenied("ROLE_NOT_ALLOWED",
                          absl::StrCat(method, " is open to no role"));
}

}  // namespace archpool::rpc
