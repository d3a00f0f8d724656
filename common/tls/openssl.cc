// SPDX-License-Identifier: Apache-2.0
#include "common/tls/openssl.h"

#include <openssl/pem.h>

#include <cstdint>

#include "absl/types/span.h"
#include "common/base/check.h"
#include "common/base/status.h"

namespace archpool::tls {
namespace {

// More than any chain has.
constexpr size_t kChainMax = 16;
constexpr size_t kPemBytesMax = size_t{1} << 20;

}  // namespace

absl::StatusOr<std::vector<Certificate>> ParseChain(absl::string_view pem) {
  const ErrorsForgotten errors;
  std::vector<Certificate> chain;
  if (pem.size() <= kPemBytesMax) {
    const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    ARCHPOOL_CHECK(bio != nullptr);
    while (chain.size() < kChainMax) {
      Certificate one(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
      if (one == nullptr) break;
      chain.push_back(std::move(one));
    }
    // What ends the loop is the end of the text, or something else than a
    // certificate.
    const unsigned long last = ERR_peek_last_error();
    if (chain.size() < kChainMax && ERR_GET_LIB(last) == ERR_LIB_PEM &&
        ERR_GET_REASON(last) == PEM_R_NO_START_LINE && !chain.empty()) {
      return chain;
    }
  }
  return InvalidArgument(
      "CERTIFICATE_MALFORMED",
      chain.empty() ? "there is no certificate in it that can be read: it "
                      "takes PEM, beginning with -----BEGIN CERTIFICATE-----"
                    : "what follows its first certificates cannot be read: "
                      "the file was cut short or is damaged");
}

std::string LastError() {
  const char* const words = ERR_reason_error_string(ERR_peek_last_error());
  return words == nullptr ? "no reason is known" : words;
}

Pin PinOf(const X509& certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(&certificate), &der);
  ARCHPOOL_CHECK(size > 0);
  const Pin pin{Sha256(absl::MakeConstSpan(static_cast<const uint8_t*>(der),
                                           static_cast<size_t>(size)))};
  OPENSSL_free(der);
  return pin;
}

}  // namespace archpool::tls
