// SPDX-License-Identifier: Apache-2.0
// What a gRPC port needs to speak TLS 1.3 with the certificate that is served
// at the moment.
#ifndef ARCHPOOL_SERVER_RPC_TLS_CREDENTIALS_H_
#define ARCHPOOL_SERVER_RPC_TLS_CREDENTIALS_H_

#include <grpcpp/security/server_credentials.h>

#include <memory>

#include "server/tls/served_certificate.h"

namespace archpool::rpc {

// `served` outlives the credentials, which outlive the server.
std::shared_ptr<grpc::ServerCredentials> MakeTlsCredentials(
    const ServedCertificate& served);

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_TLS_CREDENTIALS_H_
