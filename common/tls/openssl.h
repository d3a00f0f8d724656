// SPDX-License-Identifier: Apache-2.0
// OpenSSL's types, each with its end, for the files beside this one.
#ifndef ARCHPOOL_COMMON_TLS_OPENSSL_H_
#define ARCHPOOL_COMMON_TLS_OPENSSL_H_

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/tls/pin.h"

namespace archpool::tls {

template <auto free>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    free(object);
  }
};

using Bio = std::unique_ptr<BIO, Freer<BIO_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using Request = std::unique_ptr<X509_REQ, Freer<X509_REQ_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Freer<GENERAL_NAMES_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION_free>>;
using ServerContext = std::unique_ptr<SSL_CTX, Freer<SSL_CTX_free>>;
using Store = std::unique_ptr<X509_STORE, Freer<X509_STORE_free>>;
using StoreContext =
    std::unique_ptr<X509_STORE_CTX, Freer<X509_STORE_CTX_free>>;

// Forgets, at its end, what OpenSSL noted of errors in this thread: a
// connection that the thread serves next would take them for its own.
class ErrorsForgotten {
 public:
  ErrorsForgotten() = default;
  ~ErrorsForgotten() { ERR_clear_error(); }
  ErrorsForgotten(const ErrorsForgotten&) = delete;
  ErrorsForgotten& operator=(const ErrorsForgotten&) = delete;
};

// At least one. INVALID_ARGUMENT (CERTIFICATE_MALFORMED).
absl::StatusOr<std::vector<Certificate>> ParseChain(absl::string_view pem);

// What went wrong last in this thread, in OpenSSL's words.
std::string LastError();

Pin PinOf(const X509& certificate);

}  // namespace archpool::tls

#endif  // ARCHPOOL_COMMON_TLS_OPENSSL_H_
