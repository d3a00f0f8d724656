#include "common/channel/remote.h"

#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status.h"

namespace archpool {
namespace {

// A server that restarts is found again within seconds, not within gRPC's
// default of two minutes.
constexpr int kReconnectMsMax = 5'000;
// Finds a connection that died without a word. Not more often than gRPC servers
// allow by default.
constexpr int kKeepaliveMs = 300'000;
constexpr int kMessageBytesMax = 8 << 20;

}  // namespace

Remote::Remote(const std::string& server, absl::string_view token)
    : authorization_(absl::StrCat("Bearer ", token)) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMsMax);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  // Pools are addressed directly; a proxy for the web must not get in between.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  channel_ = grpc::CreateCustomChannel(
      server, grpc::InsecureChannelCredentials(), arguments);
}

void Remote::Prepare(grpc::ClientContext& context,
                     absl::Duration deadline) const {
  context.AddMetadata("authorization", authorization_);
  context.set_deadline(absl::ToChronoTime(absl::Now() + deadline));
}

absl::StatusOr<std::string> ReadTokenFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    return NotFound("TOKEN_FILE_MISSING",
                    absl::StrCat("the token file ", path,
                                 " cannot be read: name the file in which the "
                                 "account's token was saved"));
  }
  std::string line;
  std::getline(file, line);
  std::string token(absl::StripAsciiWhitespace(line));
  if (token.empty()) {
    return InvalidArgument("TOKEN_FILE_EMPTY",
                           absl::StrCat("the token file ", path,
                                        " has no token in its first line"));
  }
  return token;
}

}  // namespace archpool
