// SPDX-License-Identifier: Apache-2.0
#include "common/tls/client_chains.h"

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <memory>

#include "gtest/gtest.h"

namespace archpool {
namespace {

TEST(ClientChainsTest, AChainIsBoundedInItsBytesAndNotWalked) {
  ASSERT_TRUE(BoundClientChains());
  ASSERT_TRUE(BoundClientChains());
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(
      SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
  ASSERT_NE(context, nullptr);
  EXPECT_EQ(SSL_CTX_get_max_cert_list(context.get()), 32 << 10);
  const X509_VERIFY_PARAM* const rules = X509_VERIFY_PARAM_lookup("ssl_client");
  ASSERT_NE(rules, nullptr);
  EXPECT_EQ(X509_VERIFY_PARAM_get_depth(rules), 0);
  // Those for servers are OpenSSL's.
  EXPECT_NE(X509_VERIFY_PARAM_get_depth(X509_VERIFY_PARAM_lookup("ssl_server")),
            0);
}

}  // namespace
}  // namespace archpool
