// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/pool_service.h"

#include <vector>

#include "common/log/log.h"
#include "common/wire/fields.h"
#include "common/wire/words.h"
#include "server/rpc/paging.h"
#include "server/rpc/records_to_proto.h"

namespace archpool::rpc {
namespace {

v1::Maintenance ToProto(const PoolClock& clock) {
  v1::Maintenance proto;
  proto.set_is_on(clock.InMaintenance());
  if (clock.maintenance_since) {
    *proto.mutable_since_time() = wire::ToProto(*clock.maintenance_since);
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

grpc::ServerUnaryReactor* PoolService::GetTerms(
    grpc::CallbackServerContext* context, const v1::GetTermsRequest* request,
    v1::GetTermsResponse* response) {
  return Serve(
      gate_, context, "/archpool.v1.PoolService/GetTerms", request, response,
      [this](const auto& call) {
        call.response->set_reward_rule(
            wire::ToProto<v1::RewardRule>(policy_.reward_rule));
        call.response->set_window_work_units(policy_.pplns_window_units);
        call.response->set_fee_ppm(policy_.fee_ppm);
        call.response->set_payout_min_micros(policy_.payout_min);
        call.response->set_receipt_key(receipt_key_.AsBytes());
        call.response->set_text(DescribeTerms(policy_));
        call.finish(absl::OkStatus());
      });
}

grpc::ServerUnaryReactor* PoolService::GetMaintenance(
    grpc::CallbackServerContext* context,
    const v1::GetMaintenanceRequest* request,
    v1::GetMaintenanceResponse* response) {
  return Serve(
      gate_, context, "/archpool.v1.PoolService/GetMaintenance", request,
      response, [this](const auto& call) {
        SubmitCommand<SetMaintenance>(
            engine_, SetMaintenance{}, call,
            [](const PoolClock& clock, v1::GetMaintenanceResponse* to) {
              *to->mutable_maintenance() = ToProto(clock);
            });
      });
}

grpc::ServerUnaryReactor* PoolService::BeginMaintenance(
    grpc::CallbackServerContext* context,
    const v1::BeginMaintenanceRequest* request,
    v1::BeginMaintenanceResponse* response) {
  return Serve(
      gate_, context, "/archpool.v1.PoolService/BeginMaintenance", request,
      response, [this](const auto& call) {
        LogInfo("maintenance_asked", "an operator asks for maintenance",
                {{"account", call.caller.name}, {"is_on", true}});
        SubmitCommand<SetMaintenance>(
            engine_, SetMaintenance{true, call.caller.id}, call,
            [](const PoolClock& clock, v1::BeginMaintenanceResponse* to) {
              *to->mutable_maintenance() = ToProto(clock);
            });
      });
}

grpc::ServerUnaryReactor* PoolService::EndMaintenance(
    grpc::CallbackServerContext* context,
    const v1::EndMaintenanceRequest* request,
    v1::EndMaintenanceResponse* response) {
  return Serve(
      gate_, context, "/archpool.v1.PoolService/EndMaintenance", request,
      response, [this](const auto& call) {
        LogInfo("maintenance_asked", "an operator asks for maintenance",
                {{"account", call.caller.name}, {"is_on", false}});
        SubmitCommand<SetMaintenance>(
            engine_, SetMaintenance{false, call.caller.id}, call,
            [](const PoolClock& clock, v1::EndMaintenanceResponse* to) {
              *to->mutable_maintenance() = ToProto(clock);
            });
      });
}

namespace {

// What a caller may see of the workers, by session.
std::vector<WorkerRecord> SeenBy(const Account& caller,
                                 const SessionDirectory& sessions) {
  if (caller.role == Role::kClient) return sessions.WorkingFor(caller.id);
  return caller.role == Role::kOperator ? sessions.All()
                                        : sessions.Of(caller.id);
}

void FillWorker(const WorkerRecord& worker, bool is_silent, const Names& names,
                v1::WorkerStatus* to) {
  to->set_session_id(worker.session.value);
  to->set_account_name(names.Of(worker.account));
  to->set_worker_name(names.OfWorker(worker.session, worker.worker_name));
  const WorkerProgress& progress = worker.progress;
  if (is_silent) {
    to->set_activity(v1::WORKER_ACTIVITY_SILENT);
  } else if (progress.activity) {
    to->set_activity(wire::ToProto<v1::WorkerActivity>(*progress.activity));
  }
  if (progress.trial.IsSet()) to->set_trial_id(progress.trial.value);
  to->set_step(progress.step);
  to->set_steps(progress.steps);
  *to->mutable_last_seen_time() = wire::ToProto(worker.last_seen);
}

}  // namespace

grpc::ServerUnaryReactor* PoolService::ListWorkers(
    grpc::CallbackServerContext* context, const v1::ListWorkersRequest* request,
    v1::ListWorkersResponse* response) {
  return Serve(
      gate_, context, "/archpool.v1.PoolService/ListWorkers", request, response,
      [this](const auto& call) {
        absl::StatusOr<Page> page =
            Page::Read("ListWorkers", "", *call.request);
        if (!page.ok()) return call.finish(page.status());
        std::vector<WorkerRecord> workers = SeenBy(call.caller, sessions_);
        std::erase_if(workers, [&page](const WorkerRecord& worker) {
          return worker.session.value <= page->after_id();
        });
        const absl::Time heard_by = clock_.Now() - policy_.silence_term;
        const Names names(accounts_, call.caller);
        FillPage(
            *page, workers,
            [&](const WorkerRecord& worker) -> const v1::WorkerStatus& {
              v1::WorkerStatus* const to = call.response->add_workers();
              FillWorker(worker, worker.last_seen < heard_by, names, to);
              return *to;
            },
            [](const WorkerRecord& worker) { return worker.session.value; },
            call.response);
        call.finish(absl::OkStatus());
      });
}

}  // namespace archpool::rpc
