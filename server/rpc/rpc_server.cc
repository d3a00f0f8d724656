#include "server/rpc/rpc_server.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <variant>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/resource_quota.h"
#include "server/engine/executor.h"
#include "server/observability/audit_log.h"
#include "server/rpc/account_directory.h"
#include "server/rpc/blob_service.h"
#include "server/rpc/call.h"
#include "server/rpc/ledger_service.h"
#include "server/rpc/payout_service.h"
#include "server/rpc/pool_service.h"
#include "server/rpc/receipt_service.h"
#include "server/rpc/session_directory.h"
#include "server/rpc/task_hub.h"
#include "server/rpc/task_service.h"
#include "server/rpc/task_views.h"
#include "server/rpc/timer.h"
#include "server/rpc/upload_rules.h"
#include "server/rpc/verification_service.h"
#include "server/rpc/work_service.h"
#include "server/search/search_runner.h"

namespace archpool::rpc {
namespace {

constexpr int kMessageSizeBytesMax = 4 << 20;
constexpr int kStreamsPerConnectionMax = 1'024;
constexpr int kKeepaliveMs = 60'000;
constexpr int kPingIntervalMinMs = 10'000;
constexpr size_t kGrpcMemoryBytesMax = size_t{1} << 30;
constexpr size_t kViewsCachedMax = 1'024;
constexpr int64_t kRegistrationsWaitingMax = 16;
constexpr int64_t kVerifiersWoken = 16;
constexpr absl::Duration kSessionForgotten = absl::Hours(1);

void SetLimits(grpc::ServerBuilder& builder) {
  grpc::ResourceQuota quota("archpool");
  quota.Resize(kGrpcMemoryBytesMax);
  builder.SetResourceQuota(quota);
  builder.SetMaxReceiveMessageSize(kMessageSizeBytesMax);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                             kStreamsPerConnectionMax);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(
      GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
      kPingIntervalMinMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  // Two servers on one port would take turns at the calls.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
}

}  // namespace

struct RpcServer::Impl {
  Impl(const RpcParts& rpc_parts, const RpcOptions& rpc_options)
      : parts(rpc_parts), options(rpc_options) {}

  void Note(const Account& account) { accounts.Update(account); }
  void Note(const Task& task);
  void Note(const Trial& trial);
  void Note(const Session& session) {
    sessions.Update(session, parts.clock.Now());
  }
  void Note(const SubspaceRecord& subspace);
  void Note(const Lease& lease);
  void Note(const Audit& audit);
  void Note(const PoolClock& clock);
  template <typename Other>
  void Note(const Other&) {}
  void NoteMaintenance(const PoolClock& clock);
  void LogAudits(TaskId task);
  void DropOldCheckpoints(const PoolSnapshot& snapshot);
  void NoteAll(absl::Span<const Event> events) {
    for (const Event& event : events) {
      std::visit([this](const auto& record) { Note(record); }, event);
    }
  }

  void Touch(TaskId task) {
    views.Touch(task);
    hub.Touch(task);
  }

  const RpcParts parts;
  const RpcOptions options;

  AccountDirectory accounts;
  SessionDirectory sessions{kSessionForgotten};
  Gate gate{accounts};
  Timer timer;
  WaitQueue work_waiting{timer, options.wait_limits};
  WaitQueue audits_waiting{timer, options.wait_limits};
  TaskHub hub{options.watches_max};
  TaskViews views{parts.reader, kViewsCachedMax};
  UploadRules upload_rules{parts.clock, parts.reader};
  Executor reads{options.read_threads, options.queue_max};
  Executor blob_jobs{options.blob_threads, options.queue_max};
  Executor registrations{1, kRegistrationsWaitingMax};

  PoolService pool{gate,     parts.clock,    parts.engine,       accounts,
                   sessions, options.policy, options.receipt_key};
  TaskService tasks{{gate,
                     parts.engine,
                     parts.reader,
                     parts.blobs,
                     registrations,
                     {reads, timer, views, hub, accounts}},
                    options.pool_secret,
                    options.watch_pace};
  BlobService blobs{
      gate,
      parts.reader,
      {parts.engine, blob_jobs, parts.blobs, parts.checkpoints, upload_rules}};
  WorkService work{gate,  parts.clock, parts.engine, parts.reader,
                   reads, sessions,    work_waiting, options.policy};
  VerificationService verification{gate, parts.clock, parts.engine,
                                   audits_waiting, accounts};
  LedgerService ledger{gate, parts.engine, parts.reader, reads, accounts};
  PayoutService payouts{{gate, parts.clock, parts.engine, parts.reader, reads,
                         accounts, sessions, options.policy}};
  ReceiptService receipts{{gate, parts.receipts, reads, options.receipt_key}};

  std::unique_ptr<SearchRunner> search =
      options.search ? std::make_unique<SearchRunner>(
                           parts.engine, *options.search, options.policy)
                     : nullptr;

  PoolClock noted;  // on the engine's thread, once it runs
  int port = 0;
  std::unique_ptr<grpc::Server> server;
};

// A new task opens its boxes; a lease that ended opens one; a rejected trial
// frees what it had reserved of the budget, and after an accepted one whoever
// asks may find that the budget is spent, which ends the task.
void RpcServer::Impl::Note(const Task& task) {
  Touch(task.id);
  sessions.Update(task);
  if (IsEnded(task.state)) {
    // Nobody misses the line where too much else is asked for.
    (void)reads.Run([this, id = task.id] { LogAudits(id); });
  }
  if (task.state == TaskState::kActive) {
    work_waiting.Notify(task.spec->subspaces);
  }
}

void RpcServer::Impl::LogAudits(TaskId task) {
  const auto view = views.Get(task);
  if (!view.ok()) return;
  const AuditReport report =
      ReportAudits((*view)->summary, options.audit_budget_ppm);
  if (report.text.empty()) return;
  spdlog::log(report.is_over_budget ? spdlog::level::warn : spdlog::level::info,
              "{}: {}", task.ToString(), report.text);
}

// A request looks into few exhausted boxes; another one goes on from there.
void RpcServer::Impl::Note(const SubspaceRecord& subspace) {
  if (subspace.state == SubspaceState::kCompleted) work_waiting.Notify(1);
}

void RpcServer::Impl::Note(const Lease& lease) {
  if (lease.role == LeaseRole::kBackup) Touch(lease.task);
  sessions.Update(lease);
  if (lease.state != LeaseState::kActive) work_waiting.Notify(1);
}

void RpcServer::Impl::Note(const Trial& trial) {
  Touch(trial.task);
  if (trial.reason == kSuperseded) sessions.SetNews(trial.lease);
  if (trial.state == TrialState::kRejected ||
      trial.state == TrialState::kAccepted) {
    work_waiting.Notify(1);
  }
}

void RpcServer::Impl::Note(const Audit& audit) {
  if (audit.state == AuditState::kWaiting) {
    // Not every verifier can compute in its class.
    audits_waiting.Notify(kVerifiersWoken);
  } else if (audit.state == AuditState::kDone) {
    // Refused, they are dropped at the next start.
    (void)blob_jobs.Run(
        [this, trial = audit.trial] { parts.checkpoints.Drop(trial); });
  }
}

void RpcServer::Impl::Note(const PoolClock& clock) {
  const absl::Duration passed = clock.time - noted.time;
  const bool is_known = noted.time != absl::InfinitePast();
  const bool was_maintained = noted.InMaintenance() || clock.InMaintenance();
  if (!is_known || noted.InMaintenance() != clock.InMaintenance()) {
    NoteMaintenance(clock);
  }
  noted = clock;
  // It is noted every few seconds.
  if (!is_known || was_maintained || passed < options.policy.silence_term / 3) {
    return;
  }
  spdlog::warn(
      "there was no pool for {}; that time was added to every deadline",
      absl::FormatDuration(passed));
  if (options.on_time_away) options.on_time_away(passed);
}

void RpcServer::Impl::NoteMaintenance(const PoolClock& clock) {
  if (clock.InMaintenance()) {
    spdlog::warn(
        "the pool is in maintenance since {}: nothing is leased and no "
        "deadline runs, until: archpool pool maintenance off",
        absl::FormatTime(clock.maintenance_since));
  } else if (noted.InMaintenance()) {
    spdlog::info(
        "maintenance is over after {}; that time was added to every deadline",
        absl::FormatDuration(clock.time - noted.maintenance_since));
    work_waiting.Notify(options.wait_limits.waiters_max);
  }
  if (options.on_maintenance) options.on_maintenance(clock.InMaintenance());
}

// Nothing is uploaded before the engine says which audits are open.
void RpcServer::Impl::DropOldCheckpoints(const PoolSnapshot& snapshot) {
  absl::btree_set<TrialId> audited;
  for (const Event& event : snapshot.records) {
    const auto* audit = std::get_if<Audit>(&event);
    if (audit != nullptr) audited.insert(audit->trial);
  }
  parts.checkpoints.DropAllBut(audited);
}

RpcServer::RpcServer(const RpcParts& parts, const RpcOptions& options)
    : impl_(std::make_unique<Impl>(parts, options)) {}

RpcServer::~RpcServer() {
  Stop();
  impl_->parts.engine.Stop();
}

absl::Status RpcServer::StartEngine() {
  return impl_->parts.engine.Start(
      [this](absl::Span<const Event> events) {
        if (impl_->search) impl_->search->Watch(events);
        impl_->NoteAll(events);
      },
      [this](const PoolSnapshot& snapshot) {
        if (impl_->search) impl_->search->Load(snapshot);
        // Of tasks that ended in a commit nobody heard of the snapshot says
        // nothing.
        impl_->views.TouchAll();
        impl_->hub.TouchAll();
        impl_->NoteAll(snapshot.records);
        impl_->DropOldCheckpoints(snapshot);
      });
}

absl::Status RpcServer::Open() {
  grpc::ServerBuilder builder;
  SetLimits(builder);
  builder.AddListeningPort(impl_->options.listen,
                           grpc::InsecureServerCredentials(), &impl_->port);
  builder.RegisterService(&impl_->pool);
  builder.RegisterService(&impl_->tasks);
  builder.RegisterService(&impl_->blobs);
  builder.RegisterService(&impl_->work);
  builder.RegisterService(&impl_->verification);
  builder.RegisterService(&impl_->ledger);
  builder.RegisterService(&impl_->payouts);
  builder.RegisterService(&impl_->receipts);
  impl_->server = builder.BuildAndStart();
  if (impl_->server != nullptr && impl_->port != 0) {
    return absl::OkStatus();
  }
  return Unavailable("LISTEN_FAILED",
                     absl::StrCat("Cannot listen on ", impl_->options.listen,
                                  "; is another server running there?"));
}

int RpcServer::port() const { return impl_->port; }

void RpcServer::Stop() {
  impl_->work_waiting.Stop();
  impl_->audits_waiting.Stop();
  if (impl_->server != nullptr) {
    impl_->server->Shutdown(std::chrono::system_clock::now() +
                            absl::ToChronoMilliseconds(impl_->options.drain));
    impl_->server->Wait();
    impl_->server.reset();
  }
  if (impl_->search) impl_->search->Stop();
  impl_->registrations.Stop();
  impl_->blob_jobs.Stop();
  impl_->reads.Stop();
  impl_->timer.Stop();
}

}  // namespace archpool::rpc
