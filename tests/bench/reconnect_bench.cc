// SPDX-License-Identifier: Apache-2.0
// How long a thousand workers take to come back after a restart of the server:
// from when it listens again until each has been answered. All come from one
// address, had been trying for three seconds, and have a connection of their
// own; server and workers share this process and its cores. Over plain text
// and over TLS in the same run, with what a connection costs both sides.
// `--plaintext`, `--tls`: one of the two alone.
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "archpool/v1/account.grpc.pb.h"
#include "common/base/check.h"
#include "common/channel/remote.h"
#include "common/channel/server_site.h"
#include "common/crypto/token.h"
#include "server/rpc/connection_table.h"
#include "server/rpc/listening_sockets.h"
#include "server/rpc/rpc_server.h"
#include "tests/bench/bench_util.h"
#include "tests/bench/encryption.h"
#include "tests/bench/json_line.h"
#include "tests/support/rpc_fixture.h"

namespace archpool {
namespace {

constexpr int kWorkers = 1'000;
constexpr double kGoalS = 5;
// A machine that is busy with other things still manages this.
constexpr double kFloorS = 20;
// How long the server is away while its workers try.
constexpr absl::Duration kAway = absl::Seconds(3);
// What a server has whose limit of open files is what docs ask for.
constexpr int64_t kConnectionsMax = 7'680;
constexpr absl::Duration kDeadline = absl::Minutes(2);

// Of this process so far, in seconds.
double UsedCpu() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) +
           static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

// A thousand connections have three descriptors each here.
void RaiseFiles() {
  rlimit limit{};
  ARCHPOOL_CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = limit.rlim_max;
  ARCHPOOL_CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

// A worker's connection. It asks until it is answered, as workers do: what was
// cut is asked again.
class Worker {
 public:
  Worker(const ServerSite& site, const std::string& token)
      : remote_(site, token, Line::kSeparate), stub_(remote_.channel()) {}

  // `answered` and `again` outlive the call.
  void Ask(absl::BlockingCounter& answered, std::atomic<int>& again) {
    context_.emplace();
    remote_.Prepare(*context_, kDeadline);
    context_->set_wait_for_ready(true);
    stub_.async()->WhoAmI(
        &*context_, &request_, &response_,
        [this, &answered, &again](const grpc::Status& status) {
          if (status.ok()) return (void)answered.DecrementCount();
          if (status.error_code() != grpc::StatusCode::UNAVAILABLE) {
            std::fprintf(stderr, "%s\n", status.error_message().c_str());
            std::abort();
          }
          ++again;
          Ask(answered, again);
        });
  }

 private:
  Remote remote_;
  v1::AccountService::Stub stub_;
  std::optional<grpc::ClientContext> context_;
  const v1::WhoAmIRequest request_;
  v1::WhoAmIResponse response_;
};

struct Measured {
  double seconds = 0;
  double cpu_ms = 0;  // of both sides, for each connection
  int asked_again = 0;
};

// A port that was free just now.
std::string FreeAddress() {
  auto sockets = rpc::ListeningSockets::Open("127.0.0.1:0");
  AbortUnlessOk(sockets.status());
  const int port = sockets->port();
  sockets->Close();
  return absl::StrCat("127.0.0.1:", port);
}

Measured Measure(bool is_encrypted) {
  const Encryption encryption;
  const std::string address = FreeAddress();
  rpc::RpcOptions options;
  options.listen = address;
  options.connections.limits = rpc::LimitsFor(kConnectionsMax);
  if (is_encrypted) options.certificate = &encryption.served();
  RpcFixture fixture(options);
  const std::string token = MakeToken();
  AbortUnlessOk(fixture.engine
                    ->Call(CreateAccount{.name = "farm",
                                         .role = Role::kMiner,
                                         .token_hash = HashToken(token)})
                    .status());
  const ServerSite site = is_encrypted ? encryption.SiteOf(address)
                                       : ServerSite::Plaintext(address);
  std::vector<std::unique_ptr<Worker>> workers;
  for (int i = 0; i < kWorkers; ++i) {
    workers.push_back(std::make_unique<Worker>(site, token));
  }
  std::atomic<int> again = 0;
  absl::BlockingCounter first(kWorkers);
  for (const auto& worker : workers) worker->Ask(first, again);
  first.Wait();

  again = 0;
  absl::BlockingCounter second(kWorkers);
  double cpu_before = 0;
  fixture.Restart([&] {
    for (const auto& worker : workers) worker->Ask(second, again);
    absl::SleepFor(kAway);
    cpu_before = UsedCpu();
  });
  const auto begin = std::chrono::steady_clock::now();
  second.Wait();
  return {.seconds = SecondsSince(begin),
          .cpu_ms = 1'000 * (UsedCpu() - cpu_before) / kWorkers,
          .asked_again = again};
}

Measured MeasureAndPrint(const std::string& name, bool is_encrypted) {
  const Measured measured = Measure(is_encrypted);
  PrintJsonLine(absl::StrCat("reconnect/1000_", name), measured.seconds, "s",
                kGoalS);
  std::fprintf(stderr, "%s: %d calls were cut and asked again\n", name.c_str(),
               measured.asked_again);
  return measured;
}

// The longest of what `flag` asks for, in seconds.
double Run(absl::string_view flag) {
  std::optional<Measured> plaintext;
  if (flag != "--tls") plaintext = MeasureAndPrint("plaintext", false);
  if (flag == "--plaintext") return plaintext->seconds;
  const Measured tls = MeasureAndPrint("tls", true);
  if (!plaintext) return tls.seconds;
  PrintJsonLine("reconnect/tls_against_plaintext", tls.seconds, "s",
                plaintext->seconds);
  PrintJsonLine("reconnect/tls_cpu_of_both_sides", tls.cpu_ms, "ms/connection",
                plaintext->cpu_ms);
  return std::max(plaintext->seconds, tls.seconds);
}

}  // namespace
}  // namespace archpool

int main(int argc, char** argv) {
  archpool::RaiseFiles();
  const double longest = archpool::Run(argc > 1 ? argv[1] : "");
  if (longest <= archpool::kFloorS) return 0;
  std::fprintf(stderr, "not back within %.0f s\n", archpool::kFloorS);
  return 1;
}
