// SPDX-License-Identifier: Apache-2.0
#include "common/channel/grpc_log.h"

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/countdown.h"
#include "common/log/line_shares.h"
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

// Much of what gRPC says is about a peer, at each of whose connections it says
// it again: the message with how many went unsaid, or nullopt for one of those.
std::optional<std::string> WithinShare(const gpr_log_func_args& said) {
  static const Stopwatch& running = *new Stopwatch;
  static auto& shares = *new LineShares(/*lines_max=*/3, absl::Minutes(1));
  const std::optional<int64_t> unsaid =
      shares.Take(said.file, said.line, running.elapsed());
  if (!unsaid) return std::nullopt;
  return *unsaid == 0 ? std::string(said.message)
                      : absl::StrCat(said.message, " (and ", *unsaid,
                                     " more from there since)");
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
  const std::optional<std::string> message = WithinShare(*said);
  if (!message) return;
  LogLibrary(line != GrpcLine::kPlain                   ? LogLevel::kDebug
             : said->severity == GPR_LOG_SEVERITY_ERROR ? LogLevel::kError
             : said->severity == GPR_LOG_SEVERITY_INFO  ? LogLevel::kInfo
                                                        : LogLevel::kDebug,
             "grpc", *message);
}

void IgnoreGrpc(gpr_log_func_args* /*said*/) {}

}  // namespace archpool
