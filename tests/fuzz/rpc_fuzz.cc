// SPDX-License-Identifier: Apache-2.0
// Whatever a caller of any role asks of the pool, in any order and at any time,
// is answered as fuzzed_server.h says. An input is a series of steps:
//
//   who      1 byte: of kCallers; 255: time passes, by the next byte's minutes
//   method   2 bytes: of the methods' marks, the next one up (see MarkOf)
//   length   1 byte, then as many bytes of choices (request_maker.h)
//
// Marks are of the methods' names, so that inputs stay what they are when
// others are added. make_rpc_corpus.py writes the corpus.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

#include "absl/strings/str_split.h"
#include "common/crypto/sha256.h"
#include "common/log/log.h"
#include "common/wire/status_wire.h"
#include "google/protobuf/stubs/logging.h"
#include "server/rpc/authorization.h"
#include "tests/fuzz/choices.h"
#include "tests/fuzz/fuzzed_server.h"
#include "tests/fuzz/prepared_pool.h"
#include "tests/fuzz/request_maker.h"
#include "tests/support/temporary_directory.h"

// libprotobuf would print a line for every text that is no UTF-8.
static const google::protobuf::LogSilencer log_silencer;

namespace archpool {
namespace {

namespace fs = std::filesystem;

using google::protobuf::DescriptorPool;
using google::protobuf::MethodDescriptor;
using Methods = std::map<uint16_t, const MethodDescriptor*>;

constexpr int kStepsMax = 24;
constexpr uint8_t kTimePasses = 255;

// The first two bytes of SHA-256 of "/archpool.v1.Service/Method".
uint16_t MarkOf(absl::string_view path) {
  const std::string digest = Sha256(path).AsBytes();
  return static_cast<uint16_t>(static_cast<uint8_t>(digest[0]) << 8 |
                               static_cast<uint8_t>(digest[1]));
}

// Every method that the server has.
const Methods& AllMethods() {
  static const Methods* const kMethods = [] {
    auto* const methods = new Methods;
    for (const rpc::MethodRule& rule : rpc::MethodRules()) {
      const std::pair<std::string, std::string> names =
          absl::StrSplit(rule.method.substr(1), '/');
      const auto* const service =
          DescriptorPool::generated_pool()->FindServiceByName(names.first);
      const MethodDescriptor* const method =
          service->FindMethodByName(names.second);
      // Two methods of one mark: the one with the lesser name takes the next.
      uint16_t mark = MarkOf(rule.method);
      while (!methods->try_emplace(mark, method).second) ++mark;
    }
    return methods;
  }();
  return *kMethods;
}

const MethodDescriptor& MethodAt(uint16_t mark) {
  const Methods& methods = AllMethods();
  const auto found = methods.lower_bound(mark);
  return *(found == methods.end() ? methods.begin() : found)->second;
}

struct Prepared {
  // A line for each call would take longer than the call.
  Prepared() { SetUpLog({.level = LogLevel::kError}); }

  TemporaryDirectory directory;
  PreparedPool pool = PreparePool(directory.path() + "/blobs",
                                  directory.path() + "/checkpoints");
};

// The files that an input may change: a copy of those that were prepared.
class Files {
 public:
  explicit Files(const Prepared& prepared) {
    fs::copy(prepared.directory.path(), directory_.path(),
             fs::copy_options::recursive);
  }
  std::string blobs() const { return directory_.path() + "/blobs"; }
  std::string checkpoints() const { return directory_.path() + "/checkpoints"; }

 private:
  TemporaryDirectory directory_;
};

void Run(absl::string_view input) {
  static const Prepared prepared;
  // With ARCHPOOL_FUZZ_TRACE each call is printed with how it ended.
  static const bool is_traced = std::getenv("ARCHPOOL_FUZZ_TRACE") != nullptr;
  const Files files(prepared);
  KnownValues known = prepared.pool.known;
  FuzzedServer server(prepared.pool, files.blobs(), files.checkpoints());
  Choices steps(input);
  for (int step = 0; step < kStepsMax && !steps.IsOver(); ++step) {
    const uint8_t who = steps.Byte();
    if (who == kTimePasses) {
      server.Advance(absl::Minutes(steps.Byte()));
      continue;
    }
    const Caller& caller = kCallers[who % std::size(kCallers)];
    const MethodDescriptor& method = MethodAt(steps.Short());
    Choices choices(steps.Take(steps.Byte()));
    const Requests requests =
        MakeRequests(method, prepared.pool.honest, known, choices);
    Requests answers;
    const grpc::Status status = server.Call(caller, method, requests, &answers);
    if (is_traced) {
      std::fprintf(stderr, "'%s' %s: %s\n", caller.token,
                   PathOf(method).c_str(),
                   wire::FromGrpc(status).ToString().c_str());
    }
    for (const auto& answer : answers) known.Learn(*answer);
  }
}

}  // namespace
}  // namespace archpool

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  archpool::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
