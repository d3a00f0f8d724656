// SPDX-License-Identifier: Apache-2.0
// The real engine and the real services over a store in memory, for one input
// of a fuzzer, with an oracle that ends the process where a call breaks a rule:
// - every call is answered, never by INTERNAL, UNKNOWN or a code of gRPC's own,
//   and every error has a reason;
// - every answer is a message that its caller can read;
// - the records obey the simulator's oracle, and the ledger adds up;
// - a stranger and a token that reads change nothing, a suspended account moves
//   no money, and the operator alone brings money in.
// Time stands still but for Advance. One thread at a time.
#ifndef ARCHPOOL_TESTS_FUZZ_FUZZED_SERVER_H_
#define ARCHPOOL_TESTS_FUZZ_FUZZED_SERVER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/steady_clock.h"
#include "google/protobuf/descriptor.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/grpcpp.h"
#include "server/engine/engine.h"
#include "server/engine/engine_listener.h"
#include "server/observability/metrics.h"
#include "server/rpc/rpc_server.h"
#include "server/storage/blob_store.h"
#include "server/storage/checkpoint_blobs.h"
#include "server/storage/memory_store.h"
#include "server/wiring.h"
#include "tests/fuzz/prepared_pool.h"

namespace archpool {

class FuzzedServer {
 public:
  // Starts from `prepared`, which outlives it, with the files in those folders,
  // which it may change.
  FuzzedServer(const PreparedPool& prepared, const std::string& blobs_path,
               const std::string& checkpoints_path);
  // Checks the books as a whole, and that what is stored can be loaded.
  ~FuzzedServer();

  // Calls, and checks the answer. The messages that came are in `answers`.
  grpc::Status Call(const Caller& caller,
                    const google::protobuf::MethodDescriptor& method,
                    const Requests& requests, Requests* answers);

  void Advance(absl::Duration time);

 private:
  // Hears what the engine commits.
  class Watcher : public EngineListener {
   public:
    explicit Watcher(const RecordOracle& oracle) : oracle_(oracle) {}
    void OnCommit(absl::Span<const Event> events) override
        ABSL_LOCKS_EXCLUDED(mutex_);
    void OnLoad(const PoolSnapshot&) override {}
    // Since the last call.
    std::vector<Event> TakeSeen() ABSL_LOCKS_EXCLUDED(mutex_);

   private:
    absl::Mutex mutex_;
    RecordOracle oracle_ ABSL_GUARDED_BY(mutex_);
    std::vector<Event> seen_ ABSL_GUARDED_BY(mutex_);
  };

  // Until nothing more is due.
  void Settle();

  const PreparedPool& prepared_;
  std::atomic<int64_t> passed_us_ = 0;
  SteadyClock clock_;
  MemoryStore store_;
  const BlobStore blobs_;
  const CheckpointBlobs checkpoints_;
  Metrics metrics_;
  Watcher watcher_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<rpc::RpcServer> server_;
  std::unique_ptr<Wiring> wiring_;
  std::unique_ptr<grpc::GenericStub> stub_;
};

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_FUZZ_FUZZED_SERVER_H_
