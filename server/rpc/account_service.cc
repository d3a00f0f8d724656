// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/account_service.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/wire/api_version.h"
#include "common/wire/fields.h"
#include "common/wire/request_limits.h"
#include "common/wire/words.h"
#include "server/intake/miner_records.h"
#include "server/rpc/paging.h"
#include "server/rpc/records_to_proto.h"

namespace archpool::rpc {
namespace {

constexpr absl::Duration kExplainedByDefault = absl::Hours(7 * 24);

// `token` is the server's own, for a caller that brings no hash of one.
absl::StatusOr<CreateAccount> ReadCreateAccount(
    const v1::CreateAccountRequest& request, const std::string& token,
    AccountId by) {
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckName("name", request.name()));
  const std::optional<Role> role = wire::FromProto<Role>(request.role());
  if (!role) return wire::RequiredError("role");
  archpool::CreateAccount command{.name = request.name(),
                                  .role = *role,
                                  .token_hash = HashToken(token),
                                  .by = by};
  if (!request.token_hash().empty()) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        command.token_hash,
        wire::ReadDigest("token_hash", request.token_hash()));
  }
  return command;
}

template <typename Request>
absl::StatusOr<SetAccountState> ReadState(const Request& request,
                                          AccountState state, AccountId by) {
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckName("account_name", request.account_name()));
  return archpool::SetAccountState{
      .name = request.account_name(), .state = state, .by = by};
}

absl::StatusOr<SetQuotas> ReadGetQuotas(const Account& caller,
                                        const v1::GetQuotasRequest& request) {
  if (request.account_name().empty() || request.account_name() == caller.name) {
    return archpool::SetQuotas{.name = caller.name};
  }
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckName("account_name", request.account_name()));
  if (caller.role != Role::kOperator) {
    return PermissionDenied("ROLE_NOT_ALLOWED",
                            "another account's quotas are for operators");
  }
  return archpool::SetQuotas{.name = request.account_name()};
}

absl::Status ReadQuota(absl::string_view field, bool is_set, int64_t value,
                       const Range<int64_t>& range,
                       std::optional<int64_t>& quota) {
  if (!is_set) return absl::OkStatus();
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckRange(field, value, range));
  quota = value;
  return absl::OkStatus();
}

absl::StatusOr<SetQuotas> ReadSetQuotas(const v1::SetQuotasRequest& request,
                                        AccountId by) {
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckName("account_name", request.account_name()));
  archpool::SetQuotas command{.name = request.account_name(), .by = by};
  ARCHPOOL_RETURN_IF_ERROR(
      ReadQuota("open_tasks", request.has_open_tasks(), request.open_tasks(),
                limits::kOpenTasksAllowed, command.open_tasks));
  ARCHPOOL_RETURN_IF_ERROR(ReadQuota("leases", request.has_leases(),
                                     request.leases(), limits::kLeasesAllowed,
                                     command.leases));
  ARCHPOOL_RETURN_IF_ERROR(
      ReadQuota("sessions", request.has_sessions(), request.sessions(),
                limits::kSessionsAllowed, command.sessions));
  ARCHPOOL_RETURN_IF_ERROR(ReadQuota(
      "stored_bytes", request.has_stored_bytes(), request.stored_bytes(),
      limits::kStoredBytesAllowed, command.stored_bytes));
  if (request.has_group()) {
    if (!request.group().empty()) {
      ARCHPOOL_RETURN_IF_ERROR(wire::CheckName("group", request.group()));
    }
    command.group = request.group();
  }
  return command;
}

MinerWorkers WorkersOf(const SessionDirectory& sessions, AccountId account,
                       absl::Time now) {
  MinerWorkers workers;
  for (const WorkerRecord& worker : sessions.Of(account)) {
    workers.heard.push_back({worker.worker_name, worker.last_seen,
                             worker.idle_reason, worker.idle_message,
                             worker.session});
  }
  for (const RefusedWorker& one :
       sessions.RefusedOf(account, now - kRefusedLately)) {
    workers.refused.push_back({one.worker_name, one.reason, one.message});
  }
  return workers;
}

void FillLine(const SetQuotas::Line& line, int64_t allowed,
              v1::Quotas::Line* to) {
  to->set_held(line.held);
  to->set_max(line.max);
  to->set_allowed(allowed);
}

v1::Quotas ToProto(const SetQuotas::Reply& reply, const TaskHub& hub) {
  v1::Quotas proto;
  const AccountQuotas& allowed = reply.account.quotas;
  proto.set_account_name(reply.account.name);
  FillLine(reply.open_tasks, allowed.open_tasks, proto.mutable_open_tasks());
  FillLine(reply.leases, allowed.leases, proto.mutable_leases());
  FillLine(reply.sessions, allowed.sessions, proto.mutable_sessions());
  FillLine(reply.stored_bytes, allowed.stored_bytes,
           proto.mutable_stored_bytes());
  FillLine(reply.subspaces_opened, 0, proto.mutable_subspaces_opened());
  FillLine(reply.sessions_opened, 0, proto.mutable_sessions_opened());
  FillLine({hub.CountOf(reply.account.id), kWatchesPerAccountMax}, 0,
           proto.mutable_watches());
  *proto.mutable_pause_left() = wire::ToProto(reply.pause_left);
  proto.set_is_proven(reply.is_proven);
  if (!reply.account.group.empty()) proto.set_group(reply.account.group);
  return proto;
}

}  // namespace

grpc::ServerUnaryReactor* AccountService::WhoAmI(
    grpc::CallbackServerContext* context, const v1::WhoAmIRequest* request,
    v1::WhoAmIResponse* response) {
  return Serve(parts_.gate, context, "/archpool.v1.AccountService/WhoAmI",
               request, response, [this](const auto& call) {
                 *call.response->mutable_account() = ToProto(call.caller);
                 *call.response->mutable_token() =
                     ToProto(call.token, parts_.clock.Now());
                 call.response->set_server_version(wire::kOwnVersion);
                 call.finish(absl::OkStatus());
               });
}

grpc::ServerUnaryReactor* AccountService::CreateAccount(
    grpc::CallbackServerContext* context,
    const v1::CreateAccountRequest* request,
    v1::CreateAccountResponse* response) {
  return Serve(
      parts_.gate, context, "/archpool.v1.AccountService/CreateAccount",
      request, response, [this](const auto& call) {
        const std::string token =
            call.request->token_hash().empty() ? MakeToken() : "";
        SubmitCommand<archpool::CreateAccount>(
            parts_.engine,
            ReadCreateAccount(*call.request, token, call.caller.id), call,
            [token](const Account& account, v1::CreateAccountResponse* to) {
              *to->mutable_account() = ToProto(account);
              to->set_token(token);
            });
      });
}

grpc::ServerUnaryReactor* AccountService::ListAccounts(
    grpc::CallbackServerContext* context,
    const v1::ListAccountsRequest* request,
    v1::ListAccountsResponse* response) {
  return Serve(
      parts_.gate, context, "/archpool.v1.AccountService/ListAccounts", request,
      response, [this](const auto& call) {
        absl::StatusOr<Page> page =
            Page::Read("ListAccounts", "", *call.request);
        if (!page.ok()) return call.finish(page.status());
        FillPage(
            *page,
            parts_.accounts.After(AccountId{page->after_id()}, page->limit()),
            [&call](const Account& account) -> const v1::Account& {
              return *call.response->add_accounts() = ToProto(account);
            },
            [](const Account& account) { return account.id.value; },
            call.response);
        call.finish(absl::OkStatus());
      });
}

grpc::ServerUnaryReactor* AccountService::SuspendAccount(
    grpc::CallbackServerContext* context,
    const v1::SuspendAccountRequest* request,
    v1::SuspendAccountResponse* response) {
  return Serve(
      parts_.gate, context, "/archpool.v1.AccountService/SuspendAccount",
      request, response, [this](const auto& call) {
        SubmitCommand<SetAccountState>(
            parts_.engine,
            ReadState(*call.request, AccountState::kSuspended, call.caller.id),
            call, [](const Account& account, v1::SuspendAccountResponse* to) {
              *to->mutable_account() = ToProto(account);
            });
      });
}

grpc::ServerUnaryReactor* AccountService::ReinstateAccount(
    grpc::CallbackServerContext* context,
    const v1::ReinstateAccountRequest* request,
    v1::ReinstateAccountResponse* response) {
  return Serve(
      parts_.gate, context, "/archpool.v1.AccountService/ReinstateAccount",
      request, response, [this](const auto& call) {
        SubmitCommand<SetAccountState>(
            parts_.engine,
            ReadState(*call.request, AccountState::kActive, call.caller.id),
            call, [](const Account& account, v1::ReinstateAccountResponse* to) {
              *to->mutable_account() = ToProto(account);
            });
      });
}

grpc::ServerUnaryReactor* AccountService::GetQuotas(
    grpc::CallbackServerContext* context, const v1::GetQuotasRequest* request,
    v1::GetQuotasResponse* response) {
  return Serve(parts_.gate, context, "/archpool.v1.AccountService/GetQuotas",
               request, response, [this](const auto& call) {
                 SubmitCommand<archpool::SetQuotas>(
                     parts_.engine, ReadGetQuotas(call.caller, *call.request),
                     call,
                     [this](const archpool::SetQuotas::Reply& reply,
                            v1::GetQuotasResponse* to) {
                       *to->mutable_quotas() = ToProto(reply, parts_.hub);
                     });
               });
}

grpc::ServerUnaryReactor* AccountService::SetQuotas(
    grpc::CallbackServerContext* context, const v1::SetQuotasRequest* request,
    v1::SetQuotasResponse* response) {
  return Serve(parts_.gate, context, "/archpool.v1.AccountService/SetQuotas",
               request, response, [this](const auto& call) {
                 SubmitCommand<archpool::SetQuotas>(
                     parts_.engine,
                     ReadSetQuotas(*call.request, call.caller.id), call,
                     [this](const archpool::SetQuotas::Reply& reply,
                            v1::SetQuotasResponse* to) {
                       *to->mutable_quotas() = ToProto(reply, parts_.hub);
                     });
               });
}

grpc::ServerUnaryReactor* AccountService::SetVisibility(
    grpc::CallbackServerContext* context,
    const v1::SetVisibilityRequest* request,
    v1::SetVisibilityResponse* response) {
  return Serve(
      parts_.gate, context, "/archpool.v1.AccountService/SetVisibility",
      request, response, [this](const auto& call) {
        SubmitCommand<archpool::SetVisibility>(
            parts_.engine,
            archpool::SetVisibility{call.caller.id, call.request->is_public()},
            call, [](const Account& account, v1::SetVisibilityResponse* to) {
              *to->mutable_account() = ToProto(account);
            });
      });
}

absl::StatusOr<MinerRecords> AccountService::RecordsFor(
    const Account& caller, const v1::ExplainRequest& request) {
  const absl::Time now = parts_.clock.Now();
  absl::Time since = now - kExplainedByDefault;
  if (request.has_since_time()) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        since, wire::ReadTime("since_time", request.since_time()));
  }
  const std::string& name =
      request.account_name().empty() ? caller.name : request.account_name();
  const std::optional<Account> found = parts_.accounts.FindByName(name);
  const bool may_ask = caller.role == Role::kOperator || name == caller.name;
  if (!found || !may_ask || found->role != Role::kMiner) {
    return NotFound("ACCOUNT_UNKNOWN",
                    absl::StrCat("there is no miner '", name,
                                 "' that you may ask about; name one"));
  }
  return ReadMinerRecords({parts_.reader, parts_.policy, now}, *found, since,
                          WorkersOf(parts_.sessions, found->id, now));
}

grpc::ServerUnaryReactor* AccountService::Explain(
    grpc::CallbackServerContext* context, const v1::ExplainRequest* request,
    v1::ExplainResponse* response) {
  return Serve(parts_.gate, context, "/archpool.v1.AccountService/Explain",
               request, response, [this](const auto& accepted) {
                 RunOn(parts_.executor, accepted,
                       [this](const auto& call) -> absl::Status {
                         ARCHPOOL_ASSIGN_OR_RETURN(
                             const MinerRecords records,
                             RecordsFor(call.caller, *call.request));
                         for (const Explanation& one :
                              archpool::Explain(parts_.policy, records)) {
                           v1::Explanation* to =
                               call.response->add_explanations();
                           to->set_reason(one.reason);
                           to->set_message(one.message);
                           to->set_advice(one.advice);
                           to->set_count(one.count);
                           if (one.example.IsSet()) {
                             to->set_trial_id(one.example.value);
                           }
                         }
                         return absl::OkStatus();
                       });
               });
}

}  // namespace archpool::rpc
