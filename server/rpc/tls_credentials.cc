// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/tls_credentials.h"

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

#include <atomic>
#include <cstdint>
#include <string>

#include "common/base/check.h"
#include "common/channel/tls13.h"
#include "common/tls/client_chains.h"

namespace archpool::rpc {
namespace {

// gRPC asks at each handshake whether there is a new certificate, and keeps the
// last where it cannot use the new one. Its C++ interface offers only files
// that it watches itself, and takes a key that is another certificate's.
class TlsCredentials : public grpc::ServerCredentials {
 public:
  TlsCredentials(const ServedCertificate& served, AskClients ask)
      : served_(served), ask_(ask) {}

  void SetAuthMetadataProcessor(
      const std::shared_ptr<grpc::AuthMetadataProcessor>& /*processor*/)
      override {
    ARCHPOOL_CHECK(false);  // callers are known by their token
  }

 private:
  int AddPortToServer(const std::string& address,
                      grpc_server* server) override {
    grpc_server_credentials* const credentials =
        grpc_ssl_server_credentials_create_with_options(
            grpc_ssl_server_credentials_create_options_using_config_fetcher(
                ask_ == AskClients::kAlways
                    ? GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_BUT_DONT_VERIFY
                    : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE,
                Fetch, this));
    const int port =
        grpc_server_add_http2_port(server, address.c_str(), credentials);
    grpc_server_credentials_release(credentials);
    return port;
  }

  static grpc_ssl_certificate_config_reload_status Fetch(
      void* user_data, grpc_ssl_server_certificate_config** config) {
    TlsCredentials& self = *static_cast<TlsCredentials*>(user_data);
    const auto current = self.served_.Current();
    if (self.shown_.exchange(current->number) == current->number) {
      return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    }
    const CertificatePair& pair = current->served.pair;
    const grpc_ssl_pem_key_cert_pair shown{pair.key.c_str(),
                                           pair.certificates.c_str()};
    // It wants authorities of clients even where nothing is asked of them.
    *config = grpc_ssl_server_certificate_config_create(
        pair.certificates.c_str(), &shown, 1);
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
  }

  const ServedCertificate& served_;
  const AskClients ask_;
  std::atomic<int64_t> shown_{0};
};

}  // namespace

std::shared_ptr<grpc::ServerCredentials> MakeTlsCredentials(
    const ServedCertificate& served, AskClients ask) {
  ARCHPOOL_CHECK(IsTls13Alone());
  if (ask == AskClients::kAlways) ARCHPOOL_CHECK(BoundClientChains());
  return std::make_shared<TlsCredentials>(served, ask);
}

}  // namespace archpool::rpc
