// SPDX-License-Identifier: Apache-2.0
// A connection to an archpool server under one account, or under none: what
// every program that talks to it shares. Thread-safe.
#ifndef ARCHPOOL_COMMON_CHANNEL_REMOTE_H_
#define ARCHPOOL_COMMON_CHANNEL_REMOTE_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/channel/certificate_holder.h"
#include "common/channel/handshake_notes.h"
#include "common/channel/server_site.h"
#include "common/channel/token_holder.h"
#include "common/wire/status_wire.h"

namespace archpool {

inline constexpr absl::Duration kCallDeadline = absl::Seconds(20);

struct CallOptions {
  // From now; the server's own waiting has to fit in.
  absl::Duration deadline = kCallDeadline;
  // Cancels the call, which then answers CANCELLED.
  std::stop_token stop;
};

// Whether a connection is shared with the others of this process to the same
// server, or one apart: what is long under way must not keep what is short, and
// in a hurry, waiting behind it.
enum class Line { kShared, kSeparate };

// Whether the error is that the server is not, or not as told, the pool's:
// SERVER_PIN_MISMATCH, SERVER_UNTRUSTED, CERTIFICATE_MALFORMED,
// SERVER_SPEAKS_TLS, SERVER_SPEAKS_PLAINTEXT. Either somebody stands in
// between, which may pass, or it takes another pin.
bool IsAnotherServer(const absl::Status& status);

class Remote {
 public:
  // The address and `token` come from ReadServerAddress and ReadTokenFile: gRPC
  // guesses at other addresses, and ends the program over other tokens. Under
  // the token "" calls carry none.
  // Connects when first used, and again whenever the connection is lost.
  Remote(const ServerSite& site, absl::string_view token,
         Line line = Line::kShared);

  // Calls carry the token that `holder` has when they are made, and tell it
  // what the server says of that. Before any call.
  void Follow(std::shared_ptr<TokenHolder> holder) {
    holder_ = std::move(holder);
  }

  // Connections show the certificate that `holder` has, which is told what the
  // server says of it; nullptr: none. Before any call, and before `channel` is
  // asked.
  void Show(std::shared_ptr<CertificateHolder> holder);

  // What stubs need. Where a certificate is shown, it is another one once that
  // was renewed: make a stub for each call then, and for good otherwise. What
  // is under way stays on the one that it began with.
  std::shared_ptr<grpc::Channel> channel() const;

  // Adds the token if there is one, this build's version and the deadline to
  // `context`.
  void Prepare(grpc::ClientContext& context, absl::Duration deadline) const;

  // What a call that ended so came to, in an error with a reason. Every call
  // that Call does not make ends with it.
  //
  // UNAVAILABLE: the server cannot be reached, or another answers in its place
  // (IsAnotherServer): then nothing was sent, and nothing is decided; or the
  // token is over, and its holder waits for another one (TokenHolder::Heard),
  // or the certificate is (CertificateHolder::Heard).
  absl::Status Finish(const grpc::Status& status) const;

  // Whether the right server was ever heard.
  bool WasRight() const { return notes_->WasRight(); }

  // One unary call, tried once. Errors carry the server's reason (GetReason),
  // or are Finish's.
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(
      Stub& stub,
      grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                   Response*),
      const Request& request, const CallOptions& options = {}) const {
    grpc::ClientContext context;
    Prepare(context, options.deadline);
    const std::stop_callback cancel(options.stop,
                                    [&context] { context.TryCancel(); });
    Response response;
    const grpc::Status status = (stub.*method)(&context, request, &response);
    HearNotes(context);
    if (absl::Status ended = Finish(status); !ended.ok()) return ended;
    return response;
  }

 private:
  // The channel to the server whose connections show that certificate.
  struct Shown {
    absl::Mutex mutex;
    std::shared_ptr<const CertificatePair> pair ABSL_GUARDED_BY(mutex);
    std::shared_ptr<grpc::Channel> channel ABSL_GUARDED_BY(mutex);
  };

  std::shared_ptr<grpc::Channel> MakeChannel(const CertificatePair* pair) const;
  // Tells the holders what a call that has ended says of the token, of its
  // account and of the certificate.
  void HearNotes(const grpc::ClientContext& context) const;

  const ServerSite site_;
  const std::shared_ptr<HandshakeNotes> notes_ =
      std::make_shared<HandshakeNotes>();
  std::string authorization_;
  std::shared_ptr<TokenHolder> holder_;
  const Line line_;
  std::shared_ptr<CertificateHolder> certificate_;  // nullptr: none is shown
  std::shared_ptr<Shown> shown_;                    // where one is
  std::shared_ptr<grpc::Channel> channel_;          // where none is
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_CHANNEL_REMOTE_H_
