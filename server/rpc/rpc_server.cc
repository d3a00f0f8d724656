// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/rpc_server.h"

#include <chrono>
#include <functional>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/resource_quota.h"
#include "server/engine/executor.h"
#include "server/intake/upload_rules.h"
#include "server/rpc/acceptor.h"
#include "server/rpc/account_directory.h"
#include "server/rpc/account_service.h"
#include "server/rpc/blob_service.h"
#include "server/rpc/call.h"
#include "server/rpc/invitation_directory.h"
#include "server/rpc/invitation_service.h"
#include "server/rpc/join_limits.h"
#include "server/rpc/ledger_service.h"
#include "server/rpc/payout_service.h"
#include "server/rpc/pool_service.h"
#include "server/rpc/receipt_service.h"
#include "server/rpc/rpc_listener.h"
#include "server/rpc/session_directory.h"
#include "server/rpc/task_hub.h"
#include "server/rpc/task_service.h"
#include "server/rpc/task_views.h"
#include "server/rpc/timer.h"
#include "server/rpc/tls_credentials.h"
#include "server/rpc/token_service.h"
#include "server/rpc/unknown_methods.h"
#include "server/rpc/verification_service.h"
#include "server/rpc/work_service.h"

namespace archpool::rpc {
namespace {

// Where gRPC is given connections that were accepted elsewhere.
using Entrance = grpc::experimental::ExternalConnectionAcceptor;

constexpr int kMessageSizeBytesMax = 4 << 20;
constexpr int kStreamsPerConnectionMax = 1'024;
constexpr int kKeepaliveMs = 60'000;
constexpr int kPingIntervalMinMs = 10'000;
// Until encryption and HTTP/2 are agreed; a slow line needs some of it.
constexpr int kHandshakeMs = 20'000;
// Without a call; callers connect again when they have one.
constexpr int kIdleMs = 3'600'000;
constexpr int kMetadataBytesMax = 8 << 10;
constexpr size_t kGrpcMemoryBytesMax = size_t{1} << 30;
constexpr size_t kViewsCachedMax = 1'024;
constexpr int64_t kRegistrationsWaitingMax = 16;
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
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                             kHandshakeMs);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, kIdleMs);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMetadataBytesMax);
  // gRPC bounds the bytes that come, not those that they would inflate to; and
  // no program of the pool compresses.
  builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
}

}  // namespace

struct RpcServer::Impl {
  Impl(const RpcParts& rpc_parts, const RpcOptions& rpc_options)
      : parts(rpc_parts), options(rpc_options) {}

  const RpcParts parts;
  const RpcOptions options;

  AccountDirectory accounts;
  InvitationDirectory invitations;
  JoinLimits join_limits;
  SessionDirectory sessions{kSessionForgotten};
  Acceptor acceptor{parts.clock, options.connections};
  Timer timer;
  AnswerPace pace{options.call_pace, sessions, timer, options.on_late_answer};
  Gate gate{accounts,
            parts.clock,
            parts.engine,
            [this](absl::string_view peer, const AccountToken& token) {
              return acceptor.NoteCaller(peer, token);
            },
            &pace,
            options.verifier_certificates};
  WaitQueue work_waiting{timer, options.wait_limits};
  WaitQueue audits_waiting{timer, options.wait_limits};
  TaskHub hub{options.watches_max};
  TaskViews views{parts.reader, kViewsCachedMax};
  UploadRules upload_rules{parts.clock, parts.reader};
  Executor reads{options.read_threads, options.queue_max};
  Executor blob_jobs{options.blob_threads, options.queue_max};
  Executor registrations{1, kRegistrationsWaitingMax};
  const std::function<absl::Status()> check_disk =
      options.check_disk != nullptr ? options.check_disk
                                    : [] { return absl::OkStatus(); };

  AccountService account_calls{{gate, parts.clock, parts.engine, parts.reader,
                                reads, accounts, sessions, options.policy,
                                hub}};
  InvitationService invitation_calls{
      {gate, parts.clock, parts.engine, accounts, invitations, join_limits}};
  TokenService token_calls{{gate, parts.clock, parts.engine, accounts}};
  PoolService pool{gate,     parts.clock,    parts.engine,       accounts,
                   sessions, options.policy, options.receipt_key};
  TaskService tasks{{gate,
                     parts.engine,
                     parts.reader,
                     parts.blobs,
                     registrations,
                     check_disk,
                     {reads, timer, views, hub, accounts}},
                    options.pool_secret,
                    options.watch_pace};
  BlobService blobs{
      gate,
      parts.reader,
      {parts.engine, blob_jobs, parts.blobs, parts.checkpoints, upload_rules,
       check_disk, parts.clock, options.policy.retention}};
  WorkService work{gate,  parts.clock, parts.engine, parts.reader,
                   reads, sessions,    work_waiting, options.policy};
  VerificationService verification{gate, parts.clock, parts.engine,
                                   audits_waiting, accounts};
  LedgerService ledger{gate, parts.engine, parts.reader, reads, accounts};
  PayoutService payouts{
      {gate, parts.clock, parts.engine, parts.reader, reads, accounts}};
  ReceiptService receipts{{gate, parts.receipts, reads, options.receipt_key}};
  UnknownMethods unknown;

  RpcListener listener{
      {parts.clock, accounts, invitations, sessions, views, hub, work_waiting,
       audits_waiting,
       [this](const TokenKey& token) { acceptor.NoteTokenEnd(token); }},
      options.wait_limits.waiters_max};

  const std::shared_ptr<grpc::ServerCredentials> credentials =
      options.certificate == nullptr
          ? grpc::InsecureServerCredentials()
          : MakeTlsCredentials(*options.certificate,
                               options.verifier_certificates == nullptr
                                   ? AskClients::kNever
                                   : AskClients::kAlways);
  std::unique_ptr<grpc::Server> server;
};

RpcServer::RpcServer(const RpcParts& parts, const RpcOptions& options)
    : impl_(std::make_unique<Impl>(parts, options)) {}

RpcServer::~RpcServer() { Stop(); }

EngineListener& RpcServer::listener() { return impl_->listener; }

absl::Status RpcServer::Open() {
  ARCHPOOL_RETURN_IF_ERROR(impl_->acceptor.Listen(impl_->options.listen));
  grpc::ServerBuilder builder;
  SetLimits(builder);
  const std::shared_ptr<Entrance> entrance =
      builder.experimental().AddExternalConnectionAcceptor(
          grpc::ServerBuilder::experimental_type::ExternalConnectionType::
              FROM_FD,
          impl_->credentials);
  builder.RegisterService(&impl_->account_calls);
  builder.RegisterService(&impl_->invitation_calls);
  builder.RegisterService(&impl_->token_calls);
  builder.RegisterService(&impl_->pool);
  builder.RegisterService(&impl_->tasks);
  builder.RegisterService(&impl_->blobs);
  builder.RegisterService(&impl_->work);
  builder.RegisterService(&impl_->verification);
  builder.RegisterService(&impl_->ledger);
  builder.RegisterService(&impl_->payouts);
  builder.RegisterService(&impl_->receipts);
  builder.RegisterCallbackGenericService(&impl_->unknown);
  impl_->server = builder.BuildAndStart();
  if (impl_->server == nullptr) {
    return Unavailable("LISTEN_FAILED",
                       absl::StrCat("cannot serve at ", impl_->options.listen,
                                    "; the lines before say why"));
  }
  return impl_->acceptor.Start([entrance](int listener, int connection) {
    Entrance::NewConnectionParameters accepted;
    accepted.listener_fd = listener;
    accepted.fd = connection;
    entrance->HandleNewConnection(&accepted);
  });
}

int RpcServer::port() const { return impl_->acceptor.port(); }

void RpcServer::Stop() {
  impl_->acceptor.Stop();
  impl_->pace.Stop();
  impl_->work_waiting.Stop();
  impl_->audits_waiting.Stop();
  if (impl_->server != nullptr) {
    impl_->server->Shutdown(std::chrono::system_clock::now() +
                            absl::ToChronoMilliseconds(impl_->options.drain));
    impl_->server->Wait();
    impl_->server.reset();
  }
  impl_->registrations.Stop();
  impl_->blob_jobs.Stop();
  impl_->reads.Stop();
  impl_->timer.Stop();
}

}  // namespace archpool::rpc
