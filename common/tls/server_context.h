// SPDX-License-Identifier: Apache-2.0
// OpenSSL's side of a port that speaks TLS without gRPC.
#ifndef ARCHPOOL_COMMON_TLS_SERVER_CONTEXT_H_
#define ARCHPOOL_COMMON_TLS_SERVER_CONTEXT_H_

#include <functional>

#include "common/tls/certificate.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace archpool {

// Called at each handshake, from its thread; answers a pair that CheckPair
// found right.
using CurrentPair = std::function<CertificatePair()>;

// Makes `context` speak TLS 1.3 alone, and show what `current` answers, which
// outlives it. Whether OpenSSL took it.
bool SetUpServerContext(ssl_ctx_st& context, const CurrentPair& current);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_TLS_SERVER_CONTEXT_H_
