// SPDX-License-Identifier: Apache-2.0
// The work room: sessions, leases, their lists, and reports. Called by the pool
// alone.
#ifndef ARCHPOOL_SERVER_CORE_WORK_WORK_H_
#define ARCHPOOL_SERVER_CORE_WORK_WORK_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/core/commands/commands.h"
#include "server/core/state/step.h"

namespace archpool::work {

absl::StatusOr<OpenSession::Reply> Execute(Step& step,
                                           const OpenSession& command);
absl::StatusOr<AcquireLease::Reply> Execute(Step& step,
                                            const AcquireLease& command);
absl::StatusOr<RenewLease::Reply> Execute(Step& step,
                                          const RenewLease& command);
absl::StatusOr<ReleaseLease::Reply> Execute(Step& step,
                                            const ReleaseLease& command);

// ReportTrials, in three parts: what one report brings about is done before the
// next one is examined.
absl::Status BeginReports(Step& step, const ReportTrials& command);
absl::Status TakeReport(Step& step, const ReportTrials& command,
                        const TrialReport& report);
// Appends to the list what its worker will need next, or ends the lease.
void EndReports(Step& step, const ReportTrials& command,
                ReportTrials::Reply& reply);

// A lease that has gone silent: of a high-reward box, it wants a backup.
void CloseSilent(Step& step, const Lease& lease);
// Whether it wants backups, as far as it has come.
void CheckProgress(Step& step, Lease lease);

// The task finishes: the training that each worker is at may still be committed
// until its lease's deadline, or for as long as it may be expected to take at
// the worker's pace, from the units reserved for it; what is not begun is given
// up; by ticks where that is much.
void GiveUpUnbegun(Step& step, TaskId task);
// Workers that train in an arithmetic that was replaced: their leases end, held
// against nobody, and they open a session again once they are updated.
void EndReplacedSessions(Step& step);
// What it was trained under was convicted.
void Revoke(Step& step, LeaseId id);
// All that the suspended account holds; by ticks where that is much.
void RevokeAllOf(Step& step, AccountId account);
// Some of what is left of either. False: there was nothing to do.
bool EndSomeLeases(Step& step);
bool HasLeasesToEnd(const Step& step);
// Notes what is left of either after a load.
void NoteLeasesToEnd(Step& step);

}  // namespace archpool::work

#endif  // ARCHPOOL_SERVER_CORE_WORK_WORK_H_
