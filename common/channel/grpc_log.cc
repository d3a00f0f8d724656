// SPDX-License-Identifier: Apache-2.0
#include "common/channel/grpc_log.h"

#include <atomic>
#include <cstdint>

#include "absl/strings/match.h"
#include "absl/time/time.h"
#include "common/base/countdown.h"
#include "common/log/log.h"

namespace archpool {
namespace {

constexpr absl::Duration kHandshakeLineInterval = absl::Minutes(1);

// Whether this failed handshake is the one of its minute.
bool IsDue() {
  static const Stopwatch since_start;
  static std::atomic<int64_t> next_s{0};
  int64_t next = next_s.load();
  const int64_t now = absl::ToInt64Seconds(since_start.elapsed());
  return now >= next &&
         next_s.compare_exchange_strong(
             next, now + absl::ToInt64Seconds(kHandshakeLineInterval));
}

}  // namespace

GrpcLine Sort(absl::string_view message) {
  if (absl::StartsWith(message, "No match found for server name")) {
    return GrpcLine::kUnremarkable;
  }
  if (absl::StartsWith(message, "Handshake failed with fatal error")) {
    return GrpcLine::kHandshake;
  }
  return GrpcLine::kPlain;
}

void LogGrpc(gpr_log_func_args* said) {
  const GrpcLine line = Sort(said->message);
  if (line == GrpcLine::kHandshake && IsDue()) {
    LogWarn("handshake_failed",
            "a connection was closed: the other side speaks no TLS 1.3",
            "if it is a program of this pool, update it, or start it without "
            "--plaintext and with the pin; strangers that try ports are "
            "harmless",
            {{"error", said->message}});
    return;
  }
  LogLibrary(line != GrpcLine::kPlain                   ? LogLevel::kDebug
             : said->severity == GPR_LOG_SEVERITY_ERROR ? LogLevel::kError
             : said->severity == GPR_LOG_SEVERITY_INFO  ? LogLevel::kInfo
                                                        : LogLevel::kDebug,
             "grpc", said->message);
}

void IgnoreGrpc(gpr_log_func_args* /*said*/) {}

}  // namespace archpool
