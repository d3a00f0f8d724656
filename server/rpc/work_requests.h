// SPDX-License-Identifier: Apache-2.0
// Requests of workers, read into commands: every field is checked here. Pure
// functions; thread-safe. Errors are those of common/wire/fields.h, and of
// ReadOpenSession CLIENT_TOO_OLD too.
#ifndef ARCHPOOL_SERVER_RPC_WORK_REQUESTS_H_
#define ARCHPOOL_SERVER_RPC_WORK_REQUESTS_H_

#include "absl/status/statusor.h"
#include "archpool/v1/work.pb.h"
#include "server/core/commands/commands.h"
#include "server/rpc/long_poll.h"
#include "server/rpc/session_directory.h"

namespace archpool::rpc {

absl::StatusOr<OpenSession> ReadOpenSession(
    AccountId caller, const v1::OpenSessionRequest& request);
absl::StatusOr<Poll<AcquireLease>> ReadAcquireLease(
    AccountId caller, const v1::AcquireLeaseRequest& request);
// What it says of the worker, with the rest of it checked but for `kept`.
absl::StatusOr<WorkerProgress> ReadProgress(
    const v1::HeartbeatRequest& request);
absl::StatusOr<ReportTrials> ReadReportTrials(
    AccountId caller, const v1::ReportTrialsRequest& request);
absl::StatusOr<RevealSegment> ReadRevealSegment(
    AccountId caller, const v1::RevealSegmentRequest& request);
// `kept`, of a heartbeat that ReadProgress took.
absl::StatusOr<ReviewTrials> ReadReviewTrials(
    AccountId caller, const v1::HeartbeatRequest& request);
absl::StatusOr<ReleaseLease> ReadReleaseLease(
    AccountId caller, const v1::ReleaseLeaseRequest& request);

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_WORK_REQUESTS_H_
