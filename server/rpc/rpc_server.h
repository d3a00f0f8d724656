// SPDX-License-Identifier: Apache-2.0
// The pool's gRPC interface: the services, what they share, and the server that
// carries them. Thread-safe after Open.
//
//   RpcServer server(parts, options);
//   engine.Subscribe(server.listener());
//   engine.Start();
//   server.Open();
//   ...
//   server.Stop();
//   engine.Stop();  // then the server may go
#ifndef ARCHPOOL_SERVER_RPC_RPC_SERVER_H_
#define ARCHPOOL_SERVER_RPC_RPC_SERVER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/crypto/sha256.h"
#include "common/crypto/signature.h"
#include "server/core/rules/policy.h"
#include "server/engine/engine.h"
#include "server/engine/engine_listener.h"
#include "server/rpc/acceptor.h"
#include "server/rpc/answer_pace.h"
#include "server/rpc/task_watch.h"
#include "server/rpc/wait_queue.h"
#include "server/storage/blob_store.h"
#include "server/storage/checkpoint_blobs.h"
#include "server/storage/receipt_store.h"
#include "server/storage/store.h"
#include "server/tls/served_certificate.h"
#include "server/tls/verifier_certificates.h"

namespace archpool::rpc {

// All outlive the server.
struct RpcParts {
  const Clock& clock;
  Engine& engine;
  Reader& reader;
  const BlobStore& blobs;
  const CheckpointBlobs& checkpoints;
  ReceiptStore& receipts;
};

struct RpcOptions {
  std::string listen = "127.0.0.1:7070";  // port 0: any
  // What the port shows; it outlives the server. nullptr: the port speaks plain
  // text.
  const ServedCertificate* certificate = nullptr;
  // Which certificates verifiers need; it outlives the server. nullptr: none.
  const VerifierCertificates* verifier_certificates = nullptr;
  PoolPolicy policy;
  PublicKey receipt_key;  // what the notary signs with
  Digest pool_secret;     // keys the cuts of datasets; the same forever
  int read_threads = 4;
  int blob_threads = 4;
  int64_t queue_max = 10'000;
  int64_t watches_max = 1'000;
  WaitLimits wait_limits;
  WatchPace watch_pace;
  // Whether the disk has room for new files and tasks; nullptr: it has.
  std::function<absl::Status()> check_disk;
  // Bounds of connections.
  AcceptorOptions connections;
  CallPaceLimits call_pace;
  AnswerPace::OnLate on_late_answer = nullptr;
  // What a stop grants calls that are under way.
  absl::Duration drain = absl::Seconds(5);
};

class RpcServer {
 public:
  RpcServer(const RpcParts& parts, const RpcOptions& options);
  // Stops. REQUIRES: the engine has stopped where `listener` hears it.
  ~RpcServer();

  // Keeps current what calls look up, and wakes those that wait. Subscribe it
  // before the engine starts. Valid while the server lives, after Stop as well.
  EngineListener& listener();

  // UNAVAILABLE (LISTEN_FAILED): the address is taken or is none.
  // REQUIRES: the engine runs.
  absl::Status Open();
  int port() const;

  // Answers those who wait, lets others finish, closes. Idempotent. The engine
  // must still run.
  void Stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_RPC_SERVER_H_
