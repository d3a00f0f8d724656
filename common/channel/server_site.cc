// SPDX-License-Identifier: Apache-2.0
#include "common/channel/server_site.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <functional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/channel/tls13.h"

namespace archpool {
namespace {

using grpc::experimental::ExternalCertificateVerifier;
using grpc::experimental::TlsCustomVerificationCheckRequest;

constexpr absl::Duration kProbeMax = absl::Seconds(2);

absl::string_view TextOf(grpc::string_ref text) {
  return absl::string_view(text.data(), text.size());
}

// Judges what a server shows, before anything is sent to it.
class Verifier : public ExternalCertificateVerifier {
 public:
  Verifier(ServerTrust trust, std::shared_ptr<HandshakeNotes> notes)
      : trust_(std::move(trust)), notes_(std::move(notes)) {}

  bool Verify(TlsCustomVerificationCheckRequest* request,
              std::function<void(grpc::Status)> /*callback*/,
              grpc::Status* sync_status) override {
    const absl::Status result =
        CheckServer(trust_, TextOf(request->peer_cert_full_chain()),
                    TextOf(request->target_name()));
    notes_->NoteHandshake(result);
    // The reason alone: it finds its sentence again in the notes.
    *sync_status = result.ok() ? grpc::Status::OK
                               : grpc::Status(grpc::StatusCode::UNAUTHENTICATED,
                                              GetReason(result));
    return true;
  }

  void Cancel(TlsCustomVerificationCheckRequest* /*request*/) override {}

 private:
  const ServerTrust trust_;
  const std::shared_ptr<HandshakeNotes> notes_;
};

// Whether a connection by `credentials` comes about.
bool Connects(const std::string& address,
              const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  const auto channel =
      grpc::CreateCustomChannel(address, credentials, arguments);
  const auto deadline = absl::ToChronoTime(absl::Now() + kProbeMax);
  grpc_connectivity_state state = channel->GetState(/*try_to_connect=*/true);
  while (state == GRPC_CHANNEL_IDLE || state == GRPC_CHANNEL_CONNECTING) {
    if (!channel->WaitForStateChange(state, deadline)) return false;
    state = channel->GetState(/*try_to_connect=*/true);
  }
  return state == GRPC_CHANNEL_READY;
}

// Whether a handshake of TLS gets as far as the server's certificates.
bool ShowsCertificates(const std::string& address) {
  const auto notes = std::make_shared<HandshakeNotes>();
  // A pin that nobody has: nothing comes of the connection.
  const ServerTrust nobody{.by = ServerTrust::By::kPin, .source = "nobody"};
  Connects(address, MakeCredentials(nobody, notes));
  return !notes->RefusalIn("SERVER_PIN_MISMATCH").ok();
}

}  // namespace

std::shared_ptr<grpc::ChannelCredentials> MakeCredentials(
    const ServerTrust& trust, std::shared_ptr<HandshakeNotes> notes,
    const CertificatePair* shown) {
  if (trust.by == ServerTrust::By::kPlaintext) {
    return grpc::InsecureChannelCredentials();
  }
  ARCHPOOL_CHECK(IsTls13Alone());
  grpc::experimental::TlsChannelCredentialsOptions options;
  // The verifier does it, by the pin or by the system's authorities.
  options.set_verify_server_certs(false);
  options.set_check_call_host(false);
  options.set_certificate_verifier(
      ExternalCertificateVerifier::Create<Verifier>(trust, std::move(notes)));
  if (shown != nullptr) {
    // gRPC could watch the files itself, and would show nothing while the key
    // is another certificate's: another pair gets another channel instead.
    const std::vector<grpc::experimental::IdentityKeyCertPair> pairs = {
        {.private_key = shown->key, .certificate_chain = shown->certificates}};
    options.set_certificate_provider(
        std::make_shared<grpc::experimental::StaticDataCertificateProvider>(
            pairs));
    options.watch_identity_key_cert_pairs();
  }
  return grpc::experimental::TlsCredentials(options);
}

absl::Status FindSpeech(const ServerSite& site) {
  if (site.trust.by == ServerTrust::By::kPlaintext) {
    if (!ShowsCertificates(site.address)) return absl::OkStatus();
    return Unavailable(
        "SERVER_SPEAKS_TLS",
        absl::StrCat("the server at ", site.address,
                     " speaks TLS, and --plaintext was asked for: leave that "
                     "out, and give the server's pin with --server-pin "
                     "(`archpool-server pin` shows it) or in the second line "
                     "of the token file"));
  }
  if (!Connects(site.address, grpc::InsecureChannelCredentials())) {
    return absl::OkStatus();
  }
  return Unavailable(
      "SERVER_SPEAKS_PLAINTEXT",
      absl::StrCat("the server at ", site.address,
                   " speaks no TLS: nothing was sent to it. If it runs on this "
                   "machine with --plaintext, say --plaintext here as well; if "
                   "it is older than this program, have it updated; otherwise "
                   "somebody stands between you and the pool"));
}

}  // namespace archpool
