// SPDX-License-Identifier: Apache-2.0
#include "common/channel/remote.h"

#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/channel/reconnect.h"
#include "common/wire/api_version.h"

namespace archpool {
namespace {

// A server that restarts is found again within seconds, not within gRPC's
// default of two minutes; together with RetryPolicy's pause, within five.
constexpr int kReconnectMsMax = 2'000;
constexpr int kConnectMs = 5'000;
// Finds a connection that died without a word. Not more often than gRPC servers
// allow by default.
constexpr int kKeepaliveMs = 300'000;
constexpr int kMessageBytesMax = 8 << 20;

}  // namespace

bool IsAnotherServer(const absl::Status& status) {
  static const auto& reasons = *new std::set<std::string>{
      "SERVER_PIN_MISMATCH", "SERVER_UNTRUSTED", "CERTIFICATE_MALFORMED",
      "SERVER_SPEAKS_TLS", "SERVER_SPEAKS_PLAINTEXT"};
  return absl::IsUnavailable(status) && reasons.count(GetReason(status)) > 0;
}

Remote::Remote(const ServerSite& site, absl::string_view token, Line line)
    : site_(site),
      authorization_(token.empty() ? "" : absl::StrCat("Bearer ", token)),
      line_(line) {
  ARCHPOOL_CHECK(ReconnectsByItself());
  channel_ = MakeChannel(nullptr);
}

void Remote::Show(std::shared_ptr<CertificateHolder> holder) {
  if (holder == nullptr) return;
  certificate_ = std::move(holder);
  shown_ = std::make_shared<Shown>();
}

std::shared_ptr<grpc::Channel> Remote::channel() const {
  if (shown_ == nullptr) return channel_;
  const std::shared_ptr<const CertificatePair> pair = certificate_->Current();
  const absl::MutexLock lock(&shown_->mutex);
  if (shown_->pair != pair) {
    shown_->pair = pair;
    shown_->channel = MakeChannel(pair.get());
  }
  return shown_->channel;
}

std::shared_ptr<grpc::Channel> Remote::MakeChannel(
    const CertificatePair* pair) const {
  grpc::ChannelArguments arguments;
  // It bounds how long the connection itself may take, too: several round
  // trips over a long line.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectMs);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMsMax);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  // Pools are addressed directly; a proxy for the web must not get in between.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  // Channels of equal arguments share their connections.
  if (line_ == Line::kSeparate) {
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  }
  return grpc::CreateCustomChannel(
      site_.address, MakeCredentials(site_.trust, notes_, pair), arguments);
}

void Remote::Prepare(grpc::ClientContext& context,
                     absl::Duration deadline) const {
  if (holder_ != nullptr) {
    context.AddMetadata("authorization",
                        absl::StrCat("Bearer ", holder_->Current()));
  } else if (!authorization_.empty()) {
    context.AddMetadata("authorization", authorization_);
  }
  context.AddMetadata(wire::kClientVersionKey, wire::kOwnVersion);
  context.set_deadline(absl::ToChronoTime(absl::Now() + deadline));
}

absl::Status Remote::Finish(const grpc::Status& status) const {
  absl::Status heard = wire::FromGrpc(status);
  if (GetReason(heard) == "SERVER_UNREACHABLE") {
    absl::Status why = notes_->RefusalIn(status.error_message());
    if (why.ok() && !notes_->WasRight()) why = FindSpeech(site_);
    if (!why.ok()) heard = std::move(why);
  } else if (heard.ok() || !status.error_details().empty()) {
    // Whatever gRPC says by itself, it may say of a server never heard.
    notes_->NoteAnswer();
  }
  if (heard.ok()) return heard;
  if (certificate_ != nullptr) heard = certificate_->Heard(heard);
  return holder_ == nullptr ? heard : holder_->Heard(heard);
}

void Remote::HearNotes(const grpc::ClientContext& context) const {
  if (holder_ == nullptr && certificate_ == nullptr) return;
  const auto& metadata = context.GetServerTrailingMetadata();
  const auto note = [&metadata](const char* key) -> absl::string_view {
    const auto found = metadata.find(key);
    if (found == metadata.end()) return "";
    return {found->second.data(), found->second.size()};
  };
  if (certificate_ != nullptr) {
    certificate_->HearLeft(note(wire::kCertificateSecondsLeftKey));
  }
  if (holder_ == nullptr) return;
  holder_->HearLeft(note(wire::kTokenSecondsLeftKey));
  holder_->HearLate(note(wire::kAnswerLateKey));
}

}  // namespace archpool
