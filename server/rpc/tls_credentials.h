// SPDX-License-Identifier: Apache-2.0
// What a gRPC port needs to speak TLS 1.3 with the certificate that is served
// at the moment.
#ifndef ARCHPOOL_SERVER_RPC_TLS_CREDENTIALS_H_
#define ARCHPOOL_SERVER_RPC_TLS_CREDENTIALS_H_

#include <grpcpp/security/server_credentials.h>

#include <memory>

#include "server/tls/served_certificate.h"

namespace archpool::rpc {

// Whether the port asks those who connect for a certificate. Who has none shows
// none, and one that is shown is judged call by call (Gate::Admit): here, a
// refusal could not say why.
enum class AskClients { kNever, kAlways };

// `served` outlives the credentials, which outlive the server.
std::shared_ptr<grpc::ServerCredentials> MakeTlsCredentials(
    const ServedCertificate& served, AskClients ask = AskClients::kNever);

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_TLS_CREDENTIALS_H_
