#include "server/rpc/work_service.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/base/status.h"
#include "common/wire/fields.h"
#include "common/wire/work_wire.h"
#include "server/rpc/long_poll.h"
#include "server/rpc/records_to_proto.h"

namespace archpool::rpc {
namespace {

constexpr absl::Duration kWaitMax = absl::Seconds(30);
constexpr absl::Duration kTrainTimeMax = absl::Hours(24 * 365);
constexpr int64_t kThreadsMax = 1024;
constexpr int64_t kHardwareClassLengthMax = 100;
constexpr int64_t kActivityLengthMax = 32;
constexpr int64_t kLeasesNamedMax = 64;
constexpr int64_t kReportsMax = 64;
// A lease outlives this many lost heartbeats, less one.
constexpr int64_t kHeartbeatsPerTerm = 4;

absl::StatusOr<OpenSession> ReadOpenSession(
    AccountId caller, const v1::OpenSessionRequest& request) {
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckName("worker_name", request.worker_name()));
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckRange("threads", request.threads(), 1, kThreadsMax));
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckPrintable(
      "hardware_class", request.hardware_class(), kHardwareClassLengthMax));
  return archpool::OpenSession{.caller = caller,
                               .worker_name = request.worker_name(),
                               .threads = request.threads(),
                               .hardware_class = request.hardware_class()};
}

absl::StatusOr<std::vector<LeaseId>> ReadLeases(
    const std::string& path,
    const google::protobuf::RepeatedField<int64_t>& ids) {
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckCount(path, ids.size(), kLeasesNamedMax));
  std::vector<LeaseId> leases;
  for (int i = 0; i < ids.size(); ++i) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        const LeaseId lease,
        wire::ReadId<LeaseId>(wire::At(path, i), ids.Get(i)));
    leases.push_back(lease);
  }
  return leases;
}

absl::StatusOr<Poll<AcquireLease>> ReadAcquireLease(
    AccountId caller, const v1::AcquireLeaseRequest& request) {
  ARCHPOOL_ASSIGN_OR_RETURN(
      const SessionId session,
      wire::ReadId<SessionId>("session_id", request.session_id()));
  ARCHPOOL_ASSIGN_OR_RETURN(const absl::Duration wait,
                            wire::ReadDuration("wait", request.wait(),
                                               absl::ZeroDuration(), kWaitMax));
  ARCHPOOL_ASSIGN_OR_RETURN(
      std::vector<LeaseId> holding,
      ReadLeases("holding_lease_ids", request.holding_lease_ids()));
  return Poll<AcquireLease>{{caller, session, std::move(holding)}, wait};
}

bool FillLease(const AcquireLease::Reply& reply,
               v1::AcquireLeaseResponse* response) {
  if (reply.grant) {
    response->Clear();
    *response->mutable_lease() = ToProto(*reply.grant);
    return true;
  }
  response->set_idle_reason(reply.idle_reason);
  response->set_idle_message(reply.idle_message);
  return false;
}

absl::StatusOr<TrialReport> ReadReport(const std::string& path,
                                       const v1::TrialReport& proto) {
  TrialReport report;
  ARCHPOOL_ASSIGN_OR_RETURN(
      report.trial,
      wire::ReadId<TrialId>(wire::Join(path, "trial_id"), proto.trial_id()));
  ARCHPOOL_ASSIGN_OR_RETURN(report.weights_digest,
                            wire::ReadDigest(wire::Join(path, "weights_digest"),
                                             proto.weights_digest()));
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckRanges(
      path, {{"weights_size_bytes", proto.weights_size_bytes(), 1,
              wire::kWeightsSizeBytesMax},
             {"validation_correct", proto.validation_correct(), 0,
              kDatasetCountMax}}));
  ARCHPOOL_ASSIGN_OR_RETURN(
      report.train_time,
      wire::ReadDuration(wire::Join(path, "train_time"), proto.train_time(),
                         absl::ZeroDuration(), kTrainTimeMax));
  report.weights_size_bytes = proto.weights_size_bytes();
  report.validation_correct = proto.validation_correct();
  return report;
}

absl::StatusOr<ReportTrials> ReadReportTrials(
    AccountId caller, const v1::ReportTrialsRequest& request) {
  archpool::ReportTrials command{.caller = caller};
  ARCHPOOL_ASSIGN_OR_RETURN(
      command.session,
      wire::ReadId<SessionId>("session_id", request.session_id()));
  ARCHPOOL_ASSIGN_OR_RETURN(
      command.lease, wire::ReadId<LeaseId>("lease_id", request.lease_id()));
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckRange("attempt", request.attempt(), 1, INT64_MAX));
  command.attempt = request.attempt();
  if (request.reports().empty()) return wire::RequiredError("reports");
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckCount("reports", request.reports_size(), kReportsMax));
  for (int i = 0; i < request.reports_size(); ++i) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        TrialReport report,
        ReadReport(wire::At("reports", i), request.reports(i)));
    command.reports.push_back(std::move(report));
  }
  return command;
}

absl::StatusOr<ReleaseLease> ReadReleaseLease(
    AccountId caller, const v1::ReleaseLeaseRequest& request) {
  archpool::ReleaseLease command{.caller = caller};
  ARCHPOOL_ASSIGN_OR_RETURN(
      command.session,
      wire::ReadId<SessionId>("session_id", request.session_id()));
  ARCHPOOL_ASSIGN_OR_RETURN(
      command.lease, wire::ReadId<LeaseId>("lease_id", request.lease_id()));
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckRange("attempt", request.attempt(), 1, INT64_MAX));
  command.attempt = request.attempt();
  return command;
}

absl::Status CheckHeartbeat(const v1::HeartbeatRequest& request) {
  ARCHPOOL_RETURN_IF_ERROR(
      wire::ReadId<SessionId>("session_id", request.session_id()).status());
  ARCHPOOL_RETURN_IF_ERROR(
      ReadLeases("lease_ids", request.lease_ids()).status());
  if (!request.activity().empty()) {
    ARCHPOOL_RETURN_IF_ERROR(wire::CheckPrintable(
        "activity", request.activity(), kActivityLengthMax));
  }
  return wire::CheckRanges("", {{"trial_id", request.trial_id(), 0, INT64_MAX},
                                {"step", request.step(), 0, INT64_MAX},
                                {"steps", request.steps(), 0, INT64_MAX}});
}

absl::Status SessionUnknown(SessionId session) {
  return NotFound("SESSION_UNKNOWN",
                  absl::StrCat(session.ToString(),
                               " is not an open session of this account; open "
                               "one again."));
}

// A heartbeat that waits for its renewals. The last one to come answers it.
class Renewals {
 public:
  Renewals(WorkService::HeartbeatCall call, size_t count)
      : call_(std::move(call)), awaited_(count) {}

  void Came(LeaseId lease, const absl::StatusOr<RenewLease::Reply>& renewed) {
    {
      absl::MutexLock lock(&mutex_);
      if (GetReason(renewed.status()) == "LEASE_ENDED") {
        call_.response->add_ended_lease_ids(lease.value);
      } else if (!renewed.ok()) {
        error_.Update(renewed.status());
      } else {
        for (const TrialId trial : renewed->withdrawn) {
          call_.response->add_withdrawn_trial_ids(trial.value);
        }
      }
      if (--awaited_ > 0) return;
    }
    call_.finish(error_);
  }

 private:
  const WorkService::HeartbeatCall call_;
  absl::Mutex mutex_;
  size_t awaited_;
  absl::Status error_;
};

}  // namespace

WorkService::WorkService(const Gate& gate, const Clock& clock, Engine& engine,
                         Reader& reader, Executor& executor,
                         SessionDirectory& sessions, WaitQueue& waiting,
                         absl::Duration lease_term)
    : gate_(gate),
      clock_(clock),
      engine_(engine),
      reader_(reader),
      executor_(executor),
      sessions_(sessions),
      waiting_(waiting),
      lease_term_(lease_term) {}

grpc::ServerUnaryReactor* WorkService::OpenSession(
    grpc::CallbackServerContext* context, const v1::OpenSessionRequest* request,
    v1::OpenSessionResponse* response) {
  return Serve(gate_, context, "/archpool.v1.WorkService/OpenSession", request,
               response, [this](const auto& call) {
                 SubmitCommand<archpool::OpenSession>(
                     engine_, ReadOpenSession(call.caller.id, *call.request),
                     call,
                     [this](SessionId session, v1::OpenSessionResponse* to) {
                       to->set_session_id(session.value);
                       *to->mutable_heartbeat_interval() =
                           wire::ToProto(lease_term_ / kHeartbeatsPerTerm);
                     });
               });
}

grpc::ServerUnaryReactor* WorkService::AcquireLease(
    grpc::CallbackServerContext* context,
    const v1::AcquireLeaseRequest* request,
    v1::AcquireLeaseResponse* response) {
  return ServePoll<archpool::AcquireLease>(
      gate_, context, "/archpool.v1.WorkService/AcquireLease", engine_,
      waiting_,
      [request](AccountId caller) {
        return ReadAcquireLease(caller, *request);
      },
      [response](const archpool::AcquireLease::Reply& reply) {
        return FillLease(reply, response);
      });
}

grpc::ServerUnaryReactor* WorkService::Heartbeat(
    grpc::CallbackServerContext* context, const v1::HeartbeatRequest* request,
    v1::HeartbeatResponse* response) {
  return Serve(gate_, context, "/archpool.v1.WorkService/Heartbeat", request,
               response, [this](const HeartbeatCall& call) {
                 const absl::Status valid = CheckHeartbeat(*call.request);
                 if (!valid.ok()) return call.finish(valid);
                 const SessionId session{call.request->session_id()};
                 const std::optional<AccountId> owner =
                     sessions_.OwnerOf(session);
                 if (!owner) return LookUpAndBeat(call);
                 if (*owner != call.caller.id) {
                   return call.finish(SessionUnknown(session));
                 }
                 Beat(call);
               });
}

void WorkService::LookUpAndBeat(const HeartbeatCall& accepted) {
  const absl::Status taken = executor_.Run([this, call = accepted] {
    const absl::StatusOr<Session> session =
        reader_.GetSession(SessionId{call.request->session_id()});
    if (!session.ok()) return call.finish(session.status());
    if (session->account != call.caller.id ||
        session->state != SessionState::kOpen) {
      return call.finish(SessionUnknown(session->id));
    }
    sessions_.Update(*session, clock_.Now());
    Beat(call);
  });
  if (!taken.ok()) accepted.finish(taken);
}

void WorkService::Beat(const HeartbeatCall& call) {
  const v1::HeartbeatRequest& request = *call.request;
  const SessionId session{request.session_id()};
  const absl::Time now = clock_.Now();
  sessions_.Note(session,
                 {.activity = request.activity(),
                  .trial = TrialId{request.trial_id()},
                  .step = request.step(),
                  .steps = request.steps()},
                 now);
  std::vector<LeaseId> due;
  for (const int64_t id : request.lease_ids()) {
    const LeaseId lease{id};
    // A lease that is not known as active may have ended, or be older than this
    // server's start: the core knows.
    if (sessions_.RenewTimeOf(session, lease, lease_term_ / 2) <= now) {
      due.push_back(lease);
    }
  }
  if (due.empty()) return call.finish(absl::OkStatus());
  const auto renewals = std::make_shared<Renewals>(call, due.size());
  for (const LeaseId lease : due) {
    engine_.Submit<RenewLease>(
        {.caller = call.caller.id, .session = session, .lease = lease},
        [renewals, lease](const absl::StatusOr<RenewLease::Reply>& renewed) {
          renewals->Came(lease, renewed);
        });
  }
}

grpc::ServerUnaryReactor* WorkService::ReportTrials(
    grpc::CallbackServerContext* context,
    const v1::ReportTrialsRequest* request,
    v1::ReportTrialsResponse* response) {
  return Serve(
      gate_, context, "/archpool.v1.WorkService/ReportTrials", request,
      response, [this](const auto& call) {
        SubmitCommand<archpool::ReportTrials>(
            engine_, ReadReportTrials(call.caller.id, *call.request), call,
            [](const archpool::ReportTrials::Reply& reply,
               v1::ReportTrialsResponse* to) {
              for (const archpool::ReportTrials::Result& result :
                   reply.results) {
                v1::ReportTrialsResponse::Result* one = to->add_results();
                one->set_trial_id(result.trial.value);
                if (result.status.ok()) {
                  *one->mutable_upload_deadline_time() =
                      wire::ToProto(result.upload_deadline);
                } else {
                  one->set_refusal_reason(GetReason(result.status));
                  one->set_refusal_message(
                      std::string(result.status.message()));
                }
              }
              for (const Assignment& assignment : reply.appended) {
                *to->add_appended() = ToProto(assignment);
              }
            });
      });
}

grpc::ServerUnaryReactor* WorkService::ReleaseLease(
    grpc::CallbackServerContext* context,
    const v1::ReleaseLeaseRequest* request,
    v1::ReleaseLeaseResponse* response) {
  return Serve(gate_, context, "/archpool.v1.WorkService/ReleaseLease", request,
               response, [this](const auto& call) {
                 SubmitCommand<archpool::ReleaseLease>(
                     engine_, ReadReleaseLease(call.caller.id, *call.request),
                     call,
                     [](const archpool::ReleaseLease::Reply&,
                        v1::ReleaseLeaseResponse*) {});
               });
}

}  // namespace archpool::rpc
