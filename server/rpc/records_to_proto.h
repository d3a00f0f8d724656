// SPDX-License-Identifier: Apache-2.0
// The pool's records as the wire shows them. Pure functions; thread-safe.
#ifndef ARCHPOOL_SERVER_RPC_RECORDS_TO_PROTO_H_
#define ARCHPOOL_SERVER_RPC_RECORDS_TO_PROTO_H_

#include <string>

#include "archpool/v1/account.pb.h"
#include "archpool/v1/ledger.pb.h"
#include "archpool/v1/payout.pb.h"
#include "archpool/v1/pool.pb.h"
#include "archpool/v1/task.pb.h"
#include "archpool/v1/token.pb.h"
#include "archpool/v1/verification.pb.h"
#include "archpool/v1/work.pb.h"
#include "server/core/commands/commands.h"
#include "server/core/records/entities.h"
#include "server/core/views/task_summary.h"
#include "server/rpc/account_directory.h"

namespace archpool::rpc {

v1::TaskState ToProto(TaskState state);
v1::TrialState ToProto(TrialState state);
v1::Account ToProto(const Account& account);
// Without its hash.
v1::Token ToProto(const AccountToken& token, absl::Time now);

v1::LeaseGrant::Assignment ToProto(const Assignment& assignment);
// What is told to other machines is how much time is left: `now` is the clock
// that the deadlines are of.
v1::LeaseGrant ToProto(const LeaseGrant& grant, absl::Time now);
v1::AuditRequest ToProto(const AuditRequest& request, absl::Time now);
v1::Audit ToProto(const AuditGrant& grant, absl::Time now);
google::protobuf::Duration LeftToProto(absl::Time deadline, absl::Time now);

v1::Trial ToProto(const Trial& trial, const TaskSpec& spec,
                  const DatasetManifest& manifest, const Names& names);

// A task and its dataset's manifest, summed up.
struct TaskView {
  Task task;
  DatasetManifest manifest;
  int64_t subspaces = 0;
  TaskSummary summary;
  std::vector<Lease> backups;  // the newest first
};
// To a miner without where the promising subspaces are.
v1::Lease ToProto(const Lease& lease, const Names& names);
// Whether the viewer sees the task's front: a miner that knew it during the
// search could train beside it instead of where the search looks.
bool SeesResults(const Account& viewer, const Task& task);
// To a miner its own part (Task.is_partial).
v1::Task ToProto(const TaskView& view, const Names& names);
// For lists.
v1::TaskSummary ToSummary(const TaskView& view, const Names& names);
// The same of a task that has ended, by what was stored of it.
v1::TaskSummary ToSummary(const Task& task, const SummaryRecord& stored,
                          const Names& names);

v1::Place ToProto(const Place& place, const AccountDirectory& accounts);
v1::Payout ToProto(const Payout& payout, const AccountDirectory& accounts);
v1::Transfer ToProto(const Transfer& transfer,
                     const AccountDirectory& accounts);

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_RECORDS_TO_PROTO_H_
