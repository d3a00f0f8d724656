// SPDX-License-Identifier: Apache-2.0
#include "common/tls/client_chains.h"

#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

namespace archpool {
namespace {

constexpr long kChainBytesMax = 32 << 10;

// gRPC makes its contexts itself, and leaves this at OpenSSL's 100 KiB.
void KeepSmall(void* context, void* /*data*/, CRYPTO_EX_DATA* /*all*/,
               int /*index*/, long /*argl*/, void* /*argp*/) {
  SSL_CTX_set_max_cert_list(static_cast<SSL_CTX*>(context), kChainBytesMax);
}

// OpenSSL looks the rules for certificates of clients up by this name.
bool ReadTheFirstAlone() {
  X509_VERIFY_PARAM* const rules = X509_VERIFY_PARAM_new();
  if (rules == nullptr) return false;
  X509_VERIFY_PARAM_set_depth(rules, 0);
  if (X509_VERIFY_PARAM_set1_name(rules, "ssl_client") == 1 &&
      X509_VERIFY_PARAM_set_purpose(rules, X509_PURPOSE_SSL_CLIENT) == 1 &&
      X509_VERIFY_PARAM_set_trust(rules, X509_TRUST_SSL_CLIENT) == 1 &&
      X509_VERIFY_PARAM_set_inh_flags(rules, X509_VP_FLAG_DEFAULT) == 1 &&
      X509_VERIFY_PARAM_add0_table(rules) == 1) {
    return true;
  }
  X509_VERIFY_PARAM_free(rules);
  return false;
}

}  // namespace

bool BoundClientChains() {
  static const bool is_bounded =
      ReadTheFirstAlone() &&
      CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL_CTX, 0, nullptr, KeepSmall,
                              nullptr, nullptr) >= 0;
  return is_bounded;
}

}  // namespace archpool
