// SPDX-License-Identifier: Apache-2.0
#include "common/tls/server_context.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "common/tls/openssl.h"

namespace archpool {
namespace {

constexpr int kGoOn = 1;
constexpr int kGiveUp = 0;

int ShowCurrent(SSL* connection, void* argument) {
  const CertificatePair pair = (*static_cast<const CurrentPair*>(argument))();
  const auto chain = tls::ParseChain(pair.certificates);
  const tls::Bio bio(
      BIO_new_mem_buf(pair.key.data(), static_cast<int>(pair.key.size())));
  if (!chain.ok() || bio == nullptr) return kGiveUp;
  const tls::Key key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  if (key == nullptr ||
      SSL_use_certificate(connection, chain->front().get()) != 1 ||
      SSL_use_PrivateKey(connection, key.get()) != 1) {
    return kGiveUp;
  }
  for (size_t i = 1; i < chain->size(); ++i) {
    if (SSL_add1_chain_cert(connection, (*chain)[i].get()) != 1) {
      return kGiveUp;
    }
  }
  return kGoOn;
}

}  // namespace

bool SetUpServerContext(ssl_ctx_st& context, const CurrentPair& current) {
  if (SSL_CTX_set_min_proto_version(&context, TLS1_3_VERSION) != 1) {
    return false;
  }
  SSL_CTX_set_cert_cb(&context, ShowCurrent,
                      const_cast<CurrentPair*>(&current));
  return true;
}

}  // namespace archpool
