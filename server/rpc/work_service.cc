// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/work_service.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "common/base/status.h"
#include "common/wire/api_version.h"
#include "common/wire/fields.h"
#include "server/intake/report_signatures.h"
#include "server/rpc/long_poll.h"
#include "server/rpc/records_to_proto.h"
#include "server/rpc/work_requests.h"

namespace archpool::rpc {
namespace {

// A lease outlives this many lost heartbeats, less one.
constexpr int64_t kHeartbeatsPerTerm = 4;

bool FillLease(const AcquireLease::Reply& reply, absl::Time now,
               v1::AcquireLeaseResponse* response) {
  if (reply.grant) {
    response->Clear();
    *response->mutable_lease() = ToProto(*reply.grant, now);
    return true;
  }
  response->set_idle_reason(reply.idle_reason);
  response->set_idle_message(reply.idle_message);
  return false;
}

absl::Status SessionUnknown(SessionId session) {
  return NotFound("SESSION_UNKNOWN",
                  absl::StrCat(session.ToString(),
                               " is not an open session of this account; open "
                               "one again"));
}

absl::Status NameInUse(const std::string& worker_name) {
  return FailedPrecondition(
      "WORKER_NAME_IN_USE",
      absl::StrCat("another machine works as ", worker_name,
                   " for this account and was heard just now: give each "
                   "machine a --name of its own. If this is the only one, its "
                   "work directory is a new one, and the name is free again "
                   "soon after the earlier worker has ended"));
}

void FillReport(const ReportTrials::Reply& reply, absl::Time now,
                v1::ReportTrialsResponse* to) {
  for (const ReportTrials::Result& result : reply.results) {
    v1::ReportTrialsResponse::Result* one = to->add_results();
    one->set_trial_id(result.trial.value);
    if (!result.status.ok()) {
      one->set_refusal_reason(GetReason(result.status));
      one->set_refusal_message(std::string(result.status.message()));
      continue;
    }
    *one->mutable_upload_deadline_time() =
        wire::ToProto(result.upload_deadline);
    *one->mutable_upload_deadline_left() =
        LeftToProto(result.upload_deadline, now);
    one->set_wants_weights(result.wants_weights);
    if (result.audit) *one->mutable_audit() = ToProto(*result.audit, now);
  }
  for (const Assignment& assignment : reply.appended) {
    *to->add_appended() = ToProto(assignment);
  }
}

// What is asked comes again with the next heartbeat, until it is answered.
constexpr size_t kAskedBytesMax = size_t{1} << 20;

void FillReview(const ReviewTrials::Reply& review, absl::Time now,
                v1::HeartbeatResponse* to) {
  for (const TrialId trial : review.settled) {
    to->add_settled_trial_ids(trial.value);
  }
  for (const ReviewTrials::Asked& asked : review.asked) {
    v1::HeartbeatResponse::Asked* one = to->add_asked();
    *one->mutable_request() = ToProto(asked.request, now);
    *one->mutable_lease() = ToProto(asked.grant, now);
    if (to->ByteSizeLong() >= kAskedBytesMax) break;
  }
}

// A heartbeat that waits for what it asked of the core. The last answer to come
// ends it.
class AwaitedBeat {
 public:
  AwaitedBeat(WorkService::HeartbeatCall call, size_t count)
      : call_(std::move(call)), awaited_(count) {}

  void Came(LeaseId lease, const absl::StatusOr<RenewLease::Reply>& renewed) {
    Take([&] {
      if (GetReason(renewed.status()) == "LEASE_ENDED") {
        call_.response->add_ended_lease_ids(lease.value);
        return absl::OkStatus();
      }
      if (!renewed.ok()) return renewed.status();
      for (const TrialId trial : renewed->withdrawn) {
        call_.response->add_withdrawn_trial_ids(trial.value);
      }
      return absl::OkStatus();
    });
  }
  void Came(const absl::StatusOr<ReviewTrials::Reply>& review, absl::Time now) {
    Take([&] {
      if (review.ok()) FillReview(*review, now, call_.response);
      return review.status();
    });
  }

 private:
  template <typename Fill>
  void Take(const Fill& fill) {
    {
      absl::MutexLock lock(&mutex_);
      error_.Update(fill());
      if (--awaited_ > 0) return;
    }
    call_.finish(error_);
  }

  const WorkService::HeartbeatCall call_;
  absl::Mutex mutex_;
  size_t awaited_;
  absl::Status error_;
};

}  // namespace

WorkService::WorkService(const Gate& gate, const Clock& clock, Engine& engine,
                         Reader& reader, Executor& executor,
                         SessionDirectory& sessions, WaitQueue& waiting,
                         const PoolPolicy& policy)
    : gate_(gate),
      clock_(clock),
      engine_(engine),
      reader_(reader),
      executor_(executor),
      sessions_(sessions),
      waiting_(waiting),
      policy_(policy) {}

// For archpool explain: a worker without a session is in no list of workers.
WorkService::OpenCall WorkService::NotingRefusal(const OpenCall& call) {
  OpenCall noting = call;
  noting.finish = [this, call](const absl::Status& status) {
    if (absl::IsFailedPrecondition(status) ||
        absl::IsResourceExhausted(status)) {
      sessions_.NoteRefused(call.caller.id,
                            {.worker_name = call.request->worker_name(),
                             .reason = GetReason(status),
                             .message = std::string(status.message()),
                             .time = clock_.Now()});
    }
    call.finish(status);
  };
  return noting;
}

grpc::ServerUnaryReactor* WorkService::OpenSession(
    grpc::CallbackServerContext* context, const v1::OpenSessionRequest* request,
    v1::OpenSessionResponse* response) {
  return Serve(
      gate_, context, "/archpool.v1.WorkService/OpenSession", request, response,
      [this](const auto& call) {
        absl::StatusOr<archpool::OpenSession> command =
            ReadOpenSession(call.caller.id, *call.request);
        const absl::Status shared =
            wire::ShareFeatures(call.request->protocol_features(),
                                call.response->mutable_protocol_features());
        if (command.ok() && !shared.ok()) command = shared;
        if (command.ok() &&
            sessions_.IsNameInUse(command->caller, command->worker_name,
                                  command->key,
                                  clock_.Now() - policy_.silence_term)) {
          command = NameInUse(command->worker_name);
        }
        SubmitCommand<archpool::OpenSession>(
            engine_, std::move(command), NotingRefusal(call),
            [this](SessionId session, v1::OpenSessionResponse* to) {
              to->set_session_id(session.value);
              *to->mutable_heartbeat_interval() =
                  wire::ToProto(policy_.silence_term / kHeartbeatsPerTerm);
              to->set_terms(DescribeTerms(policy_));
              *to->mutable_server_time() = wire::ToProto(absl::Now());
              to->set_server_version(wire::kOwnVersion);
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
      [this, request, response](const archpool::AcquireLease::Reply& reply) {
        // A worker that looks ahead for the next lease has work.
        const bool is_idle = request->holding_lease_ids().empty();
        sessions_.NoteAnswer(SessionId{request->session_id()},
                             is_idle ? reply.idle_reason : "",
                             is_idle ? reply.idle_message : "");
        return FillLease(reply, clock_.Now(), response);
      });
}

grpc::ServerUnaryReactor* WorkService::Heartbeat(
    grpc::CallbackServerContext* context, const v1::HeartbeatRequest* request,
    v1::HeartbeatResponse* response) {
  return Serve(gate_, context, "/archpool.v1.WorkService/Heartbeat", request,
               response, [this](const HeartbeatCall& call) {
                 const absl::StatusOr<WorkerProgress> progress =
                     ReadProgress(*call.request);
                 if (!progress.ok()) return call.finish(progress.status());
                 std::optional<ReviewTrials> review;
                 if (call.request->has_kept()) {
                   absl::StatusOr<ReviewTrials> read =
                       ReadReviewTrials(call.caller.id, *call.request);
                   if (!read.ok()) return call.finish(read.status());
                   review = *std::move(read);
                 }
                 InSession(SessionId{call.request->session_id()}, call,
                           [this, progress = *progress, review](
                               const HeartbeatCall& known, const OpenWorker&) {
                             Beat(known, progress, review);
                           });
               });
}

template <typename Call, typename Then>
void WorkService::InSession(SessionId session, const Call& call, Then then) {
  const auto go_on = [call, then](const OpenWorker& worker, SessionId id) {
    if (worker.account == call.caller.id) return then(call, worker);
    call.finish(SessionUnknown(id));
  };
  if (const auto worker = sessions_.Find(session)) {
    return go_on(*worker, session);
  }
  const absl::Status taken = executor_.Run([this, session, call, go_on] {
    const absl::StatusOr<Session> found = reader_.GetSession(session);
    if (!found.ok()) return call.finish(found.status());
    if (found->state != SessionState::kOpen) {
      return call.finish(SessionUnknown(session));
    }
    sessions_.Update(*found, clock_.Now());
    go_on({found->account, found->key}, session);
  });
  if (!taken.ok()) call.finish(taken);
}

void WorkService::Beat(const HeartbeatCall& call,
                       const WorkerProgress& progress,
                       const std::optional<ReviewTrials>& review) {
  const v1::HeartbeatRequest& request = *call.request;
  const SessionId session{request.session_id()};
  const absl::Time now = clock_.Now();
  sessions_.Note(session, progress, now);
  std::vector<LeaseId> due;
  for (const int64_t id : request.lease_ids()) {
    const LeaseId lease{id};
    // A lease that is not known as active may have ended, or be older than this
    // server's start: the core knows.
    if (sessions_.RenewTimeOf(session, lease, policy_.silence_term / 2) <=
        now) {
      due.push_back(lease);
    }
  }
  const size_t count = due.size() + (review ? 1 : 0);
  if (count == 0) return call.finish(absl::OkStatus());
  const auto beat = std::make_shared<AwaitedBeat>(call, count);
  for (const LeaseId lease : due) {
    engine_.Submit<RenewLease>(
        {.caller = call.caller.id, .session = session, .lease = lease},
        [beat, lease](const absl::StatusOr<RenewLease::Reply>& renewed) {
          beat->Came(lease, renewed);
        },
        call.caller.id);
  }
  if (!review) return;
  engine_.Submit<ReviewTrials>(
      *review,
      [this, beat](const absl::StatusOr<ReviewTrials::Reply>& reviewed) {
        beat->Came(reviewed, clock_.Now());
      },
      call.caller.id);
}

grpc::ServerUnaryReactor* WorkService::ReportTrials(
    grpc::CallbackServerContext* context,
    const v1::ReportTrialsRequest* request,
    v1::ReportTrialsResponse* response) {
  return Serve(gate_, context, "/archpool.v1.WorkService/ReportTrials", request,
               response, [this](const ReportCall& call) {
                 absl::StatusOr<archpool::ReportTrials> command =
                     ReadReportTrials(call.caller.id, *call.request);
                 if (!command.ok()) return call.finish(command.status());
                 const SessionId session = command->session;
                 InSession(
                     session, call,
                     [this, command = *std::move(command)](
                         const ReportCall& known, const OpenWorker& worker) {
                       const absl::Status is_signed =
                           CheckSignatures(command, worker.key);
                       if (!is_signed.ok()) return known.finish(is_signed);
                       SubmitCommand<archpool::ReportTrials>(
                           engine_, command, known,
                           [this](const archpool::ReportTrials::Reply& reply,
                                  v1::ReportTrialsResponse* to) {
                             FillReport(reply, clock_.Now(), to);
                           });
                     });
               });
}

grpc::ServerUnaryReactor* WorkService::RevealSegment(
    grpc::CallbackServerContext* context,
    const v1::RevealSegmentRequest* request,
    v1::RevealSegmentResponse* response) {
  return Serve(gate_, context, "/archpool.v1.WorkService/RevealSegment",
               request, response, [this](const auto& call) {
                 SubmitCommand<archpool::RevealSegment>(
                     engine_, ReadRevealSegment(call.caller.id, *call.request),
                     call,
                     [](const archpool::RevealSegment::Reply&,
                        v1::RevealSegmentResponse*) {});
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
