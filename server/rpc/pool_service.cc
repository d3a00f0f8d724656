// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/pool_service.h"

#include <string>

#include "common/base/status.h"
#include "common/log/log.h"
#include "common/wire/fields.h"
#include "server/rpc/records_to_proto.h"

namespace archpool::rpc {
namespace {

constexpr int64_t kOpenTasksAllowedMax = 1'000;
constexpr int64_t kAllowedMax = 1'000'000;

// `token` is the server's own, for a caller that brings no hash of one.
absl::StatusOr<CreateAccount> ReadCreateAccount(
    const v1::CreateAccountRequest& request, const std::string& token) {
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckName("name", request.name()));
  const std::optional<Role> role = RoleFromProto(request.role());
  if (!role) return wire::RequiredError("role");
  archpool::CreateAccount command{
      .name = request.name(), .role = *role, .token_hash = HashToken(token)};
  if (!request.token_hash().empty()) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        command.token_hash,
        wire::ReadDigest("token_hash", request.token_hash()));
  }
  return command;
}

absl::StatusOr<SetAccountState> ReadSetAccountState(
    const v1::SetAccountStateRequest& request) {
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckName("name", request.name()));
  archpool::SetAccountState command{.name = request.name()};
  switch (request.state()) {
    case v1::Account::STATE_ACTIVE:
      command.state = AccountState::kActive;
      return command;
    case v1::Account::STATE_SUSPENDED:
      command.state = AccountState::kSuspended;
      return command;
    default:
      return wire::RequiredError("state");
  }
}

absl::StatusOr<SetQuotas> ReadGetQuotas(const Account& caller,
                                        const v1::GetQuotasRequest& request) {
  if (request.name().empty() || request.name() == caller.name) {
    return archpool::SetQuotas{.name = caller.name};
  }
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckName("name", request.name()));
  if (caller.role != Role::kOperator) {
    return PermissionDenied("ROLE_NOT_ALLOWED",
                            "another account's quotas are for operators");
  }
  return archpool::SetQuotas{.name = request.name()};
}

absl::Status ReadQuota(absl::string_view field, bool is_set, int64_t value,
                       int64_t max, std::optional<int64_t>& quota) {
  if (!is_set) return absl::OkStatus();
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckRange(field, value, {0, max}));
  quota = value;
  return absl::OkStatus();
}

absl::StatusOr<SetQuotas> ReadSetQuotas(const v1::SetQuotasRequest& request) {
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckName("name", request.name()));
  archpool::SetQuotas command{.name = request.name()};
  ARCHPOOL_RETURN_IF_ERROR(ReadQuota("open_tasks", request.has_open_tasks(),
                                     request.open_tasks(), kOpenTasksAllowedMax,
                                     command.open_tasks));
  ARCHPOOL_RETURN_IF_ERROR(ReadQuota("leases", request.has_leases(),
                                     request.leases(), kAllowedMax,
                                     command.leases));
  ARCHPOOL_RETURN_IF_ERROR(ReadQuota("sessions", request.has_sessions(),
                                     request.sessions(), kAllowedMax,
                                     command.sessions));
  return command;
}

void FillLine(const SetQuotas::Line& line, int64_t allowed,
              v1::Quotas::Line* to) {
  to->set_held(line.held);
  to->set_max(line.max);
  to->set_allowed(allowed);
}

v1::Quotas ToProto(const SetQuotas::Reply& reply) {
  v1::Quotas proto;
  const AccountQuotas& allowed = reply.account.quotas;
  proto.set_account_name(reply.account.name);
  FillLine(reply.open_tasks, allowed.open_tasks, proto.mutable_open_tasks());
  FillLine(reply.leases, allowed.leases, proto.mutable_leases());
  FillLine(reply.sessions, allowed.sessions, proto.mutable_sessions());
  *proto.mutable_pause_left() = wire::ToProto(reply.pause_left);
  proto.set_is_proven(reply.is_proven);
  return proto;
}

v1::Maintenance ToProto(const PoolClock& clock) {
  v1::Maintenance proto;
  proto.set_is_on(clock.InMaintenance());
  if (clock.InMaintenance()) {
    *proto.mutable_since_time() = wire::ToProto(clock.maintenance_since);
  }
  return proto;
}

}  // namespace

PoolService::PoolService(const Gate& gate, const Clock& clock, Engine& engine,
                         const AccountDirectory& accounts,
                         const SessionDirectory& sessions,
                         const PoolPolicy& policy, const PublicKey& receipt_key)
    : gate_(gate),
      clock_(clock),
      engine_(engine),
      accounts_(accounts),
      sessions_(sessions),
      policy_(policy),
      receipt_key_(receipt_key) {}

grpc::ServerUnaryReactor* PoolService::WhoAmI(
    grpc::CallbackServerContext* context, const v1::WhoAmIRequest* request,
    v1::WhoAmIResponse* response) {
  return Serve(gate_, context, "/archpool.v1.PoolService/WhoAmI", request,
               response, [](const auto& call) {
                 *call.response->mutable_account() = ToProto(call.caller);
                 call.finish(absl::OkStatus());
               });
}

grpc::ServerUnaryReactor* PoolService::GetTerms(
    grpc::CallbackServerContext* context, const v1::GetTermsRequest* request,
    v1::GetTermsResponse* response) {
  return Serve(
      gate_, context, "/archpool.v1.PoolService/GetTerms", request, response,
      [this](const auto& call) {
        call.response->set_reward_rule(ToString(policy_.reward_rule));
        call.response->set_window_work_units(policy_.pplns_window_units);
        call.response->set_fee_ppm(policy_.fee_ppm);
        call.response->set_payout_minimum(policy_.payout_min);
        call.response->set_receipt_key(receipt_key_.AsBytes());
        call.response->set_text(DescribeTerms(policy_));
        call.finish(absl::OkStatus());
      });
}

grpc::ServerUnaryReactor* PoolService::CreateAccount(
    grpc::CallbackServerContext* context,
    const v1::CreateAccountRequest* request,
    v1::CreateAccountResponse* response) {
  return Serve(
      gate_, context, "/archpool.v1.PoolService/CreateAccount", request,
      response, [this](const auto& call) {
        const std::string token =
            call.request->token_hash().empty() ? MakeToken() : "";
        SubmitCommand<archpool::CreateAccount>(
            engine_, ReadCreateAccount(*call.request, token), call,
            [token](const Account& account, v1::CreateAccountResponse* to) {
              *to->mutable_account() = ToProto(account);
              to->set_token(token);
            });
      });
}

grpc::ServerUnaryReactor* PoolService::ListAccounts(
    grpc::CallbackServerContext* context,
    const v1::ListAccountsRequest* request,
    v1::ListAccountsResponse* response) {
  return Serve(gate_, context, "/archpool.v1.PoolService/ListAccounts", request,
               response, [this](const auto& call) {
                 for (const Account& account : accounts_.All()) {
                   *call.response->add_accounts() = ToProto(account);
                 }
                 call.finish(absl::OkStatus());
               });
}

grpc::ServerUnaryReactor* PoolService::SetAccountState(
    grpc::CallbackServerContext* context,
    const v1::SetAccountStateRequest* request,
    v1::SetAccountStateResponse* response) {
  return Serve(
      gate_, context, "/archpool.v1.PoolService/SetAccountState", request,
      response, [this](const auto& call) {
        SubmitCommand<archpool::SetAccountState>(
            engine_, ReadSetAccountState(*call.request), call,
            [](const Account& account, v1::SetAccountStateResponse* to) {
              *to->mutable_account() = ToProto(account);
            });
      });
}

grpc::ServerUnaryReactor* PoolService::GetQuotas(
    grpc::CallbackServerContext* context, const v1::GetQuotasRequest* request,
    v1::GetQuotasResponse* response) {
  return Serve(gate_, context, "/archpool.v1.PoolService/GetQuotas", request,
               response, [this](const auto& call) {
                 SubmitCommand<archpool::SetQuotas>(
                     engine_, ReadGetQuotas(call.caller, *call.request), call,
                     [](const archpool::SetQuotas::Reply& reply,
                        v1::GetQuotasResponse* to) {
                       *to->mutable_quotas() = ToProto(reply);
                     });
               });
}

grpc::ServerUnaryReactor* PoolService::SetQuotas(
    grpc::CallbackServerContext* context, const v1::SetQuotasRequest* request,
    v1::SetQuotasResponse* response) {
  return Serve(gate_, context, "/archpool.v1.PoolService/SetQuotas", request,
               response, [this](const auto& call) {
                 SubmitCommand<archpool::SetQuotas>(
                     engine_, ReadSetQuotas(*call.request), call,
                     [](const archpool::SetQuotas::Reply& reply,
                        v1::SetQuotasResponse* to) {
                       *to->mutable_quotas() = ToProto(reply);
                     });
               });
}

grpc::ServerUnaryReactor* PoolService::SetVisibility(
    grpc::CallbackServerContext* context,
    const v1::SetVisibilityRequest* request,
    v1::SetVisibilityResponse* response) {
  return Serve(
      gate_, context, "/archpool.v1.PoolService/SetVisibility", request,
      response, [this](const auto& call) {
        SubmitCommand<archpool::SetVisibility>(
            engine_,
            archpool::SetVisibility{call.caller.id, call.request->is_public()},
            call, [](const Account& account, v1::SetVisibilityResponse* to) {
              *to->mutable_account() = ToProto(account);
            });
      });
}

grpc::ServerUnaryReactor* PoolService::GetMaintenance(
    grpc::CallbackServerContext* context,
    const v1::GetMaintenanceRequest* request,
    v1::GetMaintenanceResponse* response) {
  return Serve(
      gate_, context, "/archpool.v1.PoolService/GetMaintenance", request,
      response, [this](const auto& call) {
        SubmitCommand<archpool::SetMaintenance>(
            engine_, archpool::SetMaintenance{}, call,
            [](const PoolClock& clock, v1::GetMaintenanceResponse* to) {
              *to->mutable_maintenance() = ToProto(clock);
            });
      });
}

grpc::ServerUnaryReactor* PoolService::SetMaintenance(
    grpc::CallbackServerContext* context,
    const v1::SetMaintenanceRequest* request,
    v1::SetMaintenanceResponse* response) {
  return Serve(
      gate_, context, "/archpool.v1.PoolService/SetMaintenance", request,
      response, [this](const auto& call) {
        const bool is_on = call.request->is_on();
        LogInfo("maintenance_asked", "an operator asks for maintenance",
                {{"account", call.caller.name}, {"is_on", is_on}});
        SubmitCommand<archpool::SetMaintenance>(
            engine_, archpool::SetMaintenance{is_on}, call,
            [](const PoolClock& clock, v1::SetMaintenanceResponse* to) {
              *to->mutable_maintenance() = ToProto(clock);
            });
      });
}

grpc::ServerUnaryReactor* PoolService::ListWorkers(
    grpc::CallbackServerContext* context, const v1::ListWorkersRequest* request,
    v1::ListWorkersResponse* response) {
  return Serve(
      gate_, context, "/archpool.v1.PoolService/ListWorkers", request, response,
      [this](const auto& call) {
        const absl::Time now = clock_.Now();
        const bool is_client = call.caller.role == Role::kClient;
        const Names names(accounts_, call.caller);
        for (const WorkerRecord& worker :
             is_client ? sessions_.WorkingFor(call.caller.id)
                       : sessions_.All()) {
          if (call.caller.role == Role::kMiner &&
              worker.account != call.caller.id) {
            continue;
          }
          const bool is_silent = worker.last_seen + policy_.silence_term < now;
          v1::WorkerStatus* to = call.response->add_workers();
          to->set_session_id(worker.session.value);
          to->set_account_name(names.Of(worker.account));
          to->set_worker_name(
              names.OfWorker(worker.session, worker.worker_name));
          to->set_activity(is_silent ? "silent" : worker.progress.activity);
          to->set_trial_id(worker.progress.trial.value);
          to->set_step(worker.progress.step);
          to->set_steps(worker.progress.steps);
          *to->mutable_last_seen_time() = wire::ToProto(worker.last_seen);
        }
        call.finish(absl::OkStatus());
      });
}

}  // namespace archpool::rpc
