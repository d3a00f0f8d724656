// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzzed_server.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/crypto/sha256.h"
#include "common/wire/api_version.h"
#include "common/wire/status_wire.h"
#include "google/protobuf/message.h"
#include "server/core/pool.h"

namespace archpool {
namespace {

using google::protobuf::Message;
using google::protobuf::MessageFactory;
using google::protobuf::MethodDescriptor;

// Of real time; a call that takes longer hangs.
constexpr std::chrono::seconds kCallMax(30);
// Streams that do not end by themselves are left then.
constexpr int kAnswersMax = 8;
constexpr int kTicksMax = 1'000;

void Fail(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  ARCHPOOL_CHECK(false);
}

// One call of any kind, step by step; each step ends before the next begins.
class AnyCall {
 public:
  AnyCall(grpc::GenericStub& stub, const Caller& caller,
          const std::string& path) {
    if (caller.token[0] != '\0') {
      context_.AddMetadata("authorization",
                           absl::StrCat("Bearer ", caller.token));
    }
    context_.AddMetadata(wire::kClientVersionKey, wire::kOwnVersion);
    context_.set_deadline(std::chrono::system_clock::now() + kCallMax);
    stream_ = stub.PrepareCall(&context_, path, &queue_);
    stream_->StartCall(this);
    Next();
  }
  ~AnyCall() {
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }

  // False: the server wants no more.
  bool Write(const std::string& bytes) {
    const grpc::Slice slice(bytes);
    stream_->Write(grpc::ByteBuffer(&slice, 1), this);
    return Next();
  }
  void EndWrites() {
    stream_->WritesDone(this);
    Next();
  }
  // False: there is no more.
  bool Read(std::string* bytes) {
    grpc::ByteBuffer buffer;
    stream_->Read(&buffer, this);
    if (!Next()) return false;
    std::vector<grpc::Slice> slices;
    ARCHPOOL_CHECK(buffer.Dump(&slices).ok());
    bytes->clear();
    for (const grpc::Slice& slice : slices) {
      bytes->append(reinterpret_cast<const char*>(slice.begin()), slice.size());
    }
    return true;
  }
  void Cancel() { context_.TryCancel(); }
  grpc::Status Finish() {
    grpc::Status status;
    stream_->Finish(&status, this);
    Next();
    return status;
  }

 private:
  bool Next() {
    void* tag = nullptr;
    bool ok = false;
    ARCHPOOL_CHECK(queue_.Next(&tag, &ok));
    return ok;
  }

  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
};

// What the server may answer to a message that could be read.
bool MayAnswer(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::CANCELLED:
    case grpc::StatusCode::UNKNOWN:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::UNIMPLEMENTED:
    case grpc::StatusCode::INTERNAL:
    case grpc::StatusCode::DATA_LOSS:
      return false;
    default:
      return true;
  }
}

void CheckStatus(const std::string& path, const grpc::Status& status) {
  if (status.ok()) return;
  if (!MayAnswer(status.error_code())) {
    Fail(absl::StrCat(path, " ended with code ", status.error_code(), ": ",
                      status.error_message()));
  }
  if (GetReason(wire::FromGrpc(status)).empty()) {
    Fail(absl::StrCat(path, " gave no reason: ", status.error_message()));
  }
}

// That a token was used is noted for every call.
bool IsNoteOfUse(const Event& event) {
  return std::holds_alternative<AccountToken>(event);
}

void CheckSeen(const Caller& caller, const std::string& path,
               const std::vector<Event>& seen) {
  // It asks for no token, so whoever calls it is a stranger with a code.
  const bool joins = path == "/archpool.v1.InvitationService/Join";
  for (const Event& event : seen) {
    const auto* const transfer = std::get_if<Transfer>(&event);
    const bool changes_nothing =
        !joins && (caller.kind == CallerKind::kReader ||
                   caller.kind == CallerKind::kStranger);
    const bool moves_nothing = caller.kind == CallerKind::kReader ||
                               caller.kind == CallerKind::kStranger ||
                               caller.kind == CallerKind::kSuspended;
    if (changes_nothing && !IsNoteOfUse(event)) {
      Fail(absl::StrCat(path, " of '", caller.token,
                        "' changed a record, of kind ", event.index()));
    }
    if (transfer == nullptr) continue;
    if (moves_nothing) {
      Fail(absl::StrCat(path, " of '", caller.token, "' moved money"));
    }
    if (transfer->kind == TransferKind::kDeposit &&
        caller.kind != CallerKind::kOperator) {
      Fail(absl::StrCat(path, " of '", caller.token, "' brought money in"));
    }
  }
}

rpc::RpcOptions OptionsOf(const PreparedPool& prepared) {
  rpc::RpcOptions options;
  options.listen = "127.0.0.1:0";
  options.policy = prepared.policy;
  options.pool_secret = Sha256("pool secret");
  options.read_threads = 1;
  options.blob_threads = 1;
  options.watch_pace = {.interval_min = absl::Milliseconds(1),
                        .interval_max = absl::Milliseconds(1)};
  options.drain = absl::Seconds(1);
  return options;
}

}  // namespace

void FuzzedServer::Watcher::OnCommit(absl::Span<const Event> events) {
  absl::MutexLock lock(&mutex_);
  for (const std::string& wrong : oracle_.Watch(events)) Fail(wrong);
  seen_.insert(seen_.end(), events.begin(), events.end());
}

std::vector<Event> FuzzedServer::Watcher::TakeSeen() {
  absl::MutexLock lock(&mutex_);
  return std::exchange(seen_, {});
}

FuzzedServer::FuzzedServer(const PreparedPool& prepared,
                           const std::string& blobs_path,
                           const std::string& checkpoints_path)
    : prepared_(prepared),
      clock_({.system_time =
                  [this] {
                    return prepared_.now +
                           absl::Microseconds(passed_us_.load());
                  },
              .elapsed =
                  [this] { return absl::Microseconds(passed_us_.load()); }}),
      blobs_(*BlobStore::Open(blobs_path)),
      checkpoints_(checkpoints_path),
      watcher_(prepared.oracle) {
  const auto loaded = store_.TakeOver();
  ARCHPOOL_CHECK(loaded.ok());
  ARCHPOOL_CHECK(
      store_.Commit(loaded->generation, loaded->sequence, prepared.events)
          .ok());
  engine_ = std::make_unique<Engine>(clock_, store_, prepared.policy,
                                     EngineOptions());
  engine_->Subscribe(watcher_);
  server_ = std::make_unique<rpc::RpcServer>(
      rpc::RpcParts{.clock = clock_,
                    .engine = *engine_,
                    .reader = store_,
                    .blobs = blobs_,
                    .checkpoints = checkpoints_,
                    .receipts = store_},
      OptionsOf(prepared));
  wiring_ = std::make_unique<Wiring>(WiringParts{.engine = *engine_,
                                                 .server = *server_,
                                                 .reader = store_,
                                                 .checkpoints = checkpoints_,
                                                 .metrics = metrics_},
                                     WiringOptions{.policy = prepared.policy});
  ARCHPOOL_CHECK(wiring_->StartEngine().ok());
  ARCHPOOL_CHECK(server_->Open().ok());
  Settle();
  watcher_.TakeSeen();
  stub_ = std::make_unique<grpc::GenericStub>(
      grpc::CreateChannel(absl::StrCat("127.0.0.1:", server_->port()),
                          grpc::InsecureChannelCredentials()));
}

FuzzedServer::~FuzzedServer() {
  stub_.reset();
  wiring_->Stop();
  const auto check = store_.CheckLedger();
  ARCHPOOL_CHECK(check.ok());
  for (const std::string& wrong : check->violations) Fail(wrong);
  const auto loaded = store_.TakeOver();
  ARCHPOOL_CHECK(loaded.ok());
  const Pool again(prepared_.policy, loaded->snapshot);
}

grpc::Status FuzzedServer::Call(const Caller& caller,
                                const MethodDescriptor& method,
                                const Requests& requests, Requests* answers) {
  const std::string path = PathOf(method);
  AnyCall call(*stub_, caller, path);
  for (const auto& request : requests) {
    if (!call.Write(request->SerializeAsString())) break;
  }
  call.EndWrites();
  const Message& answer_type =
      *MessageFactory::generated_factory()->GetPrototype(method.output_type());
  bool is_left = false;
  std::string bytes;
  while (!is_left && call.Read(&bytes)) {
    const std::shared_ptr<Message> answer(answer_type.New());
    if (!answer->ParseFromString(bytes)) {
      Fail(absl::StrCat(path, " answered what cannot be read"));
    }
    answers->push_back(answer);
    is_left = answers->size() >= kAnswersMax;
    if (is_left) call.Cancel();
  }
  const grpc::Status status = call.Finish();
  if (!is_left) CheckStatus(path, status);
  Settle();
  CheckSeen(caller, path, watcher_.TakeSeen());
  return status;
}

void FuzzedServer::Advance(absl::Duration time) {
  passed_us_ += absl::ToInt64Microseconds(time);
  Settle();
  watcher_.TakeSeen();
}

void FuzzedServer::Settle() {
  for (int ticks = 0; ticks < kTicksMax; ++ticks) {
    const auto ticked = engine_->Call(Tick{});
    ARCHPOOL_CHECK(ticked.ok());
    if (!ticked->more && !ticked->settles) return;
  }
  Fail("the pool ticks for ever");
}

}  // namespace archpool
