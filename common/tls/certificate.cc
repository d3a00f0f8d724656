// SPDX-License-Identifier: Apache-2.0
#include "common/tls/certificate.h"

#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/tls/openssl.h"
#include "common/tls/signing.h"

namespace archpool {
namespace {

using tls::AddExtension;
using tls::Bio;
using tls::Certificate;
using tls::Key;
using tls::KeyOf;
using tls::PemOf;
using tls::TimeOf;

bool IsDnsName(const std::string& name) {
  return !name.empty() && name.size() <= 253 &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '-' || c == '.';
         });
}

std::string AlternativeNames(const std::vector<std::string>& names) {
  std::string text = absl::StrCat("DNS:", kPoolServerName);
  for (const std::string& name : names) {
    std::array<unsigned char, sizeof(in6_addr)> address;
    const bool is_address =
        inet_pton(AF_INET, name.c_str(), address.data()) == 1 ||
        inet_pton(AF_INET6, name.c_str(), address.data()) == 1;
    if (is_address) {
      absl::StrAppend(&text, ",IP:", name);
    } else if (IsDnsName(name)) {
      absl::StrAppend(&text, ",DNS:", name);
    }
  }
  return text;
}

// No one is there to type a passphrase.
int NoPassphrase(char*, int, int, void*) { return 0; }

ChainFacts FactsOf(const std::vector<Certificate>& chain) {
  return {.pin = tls::PinOf(*chain.back()),
          .first_pin = tls::PinOf(*chain.front()),
          .not_before = TimeOf(*X509_get0_notBefore(chain.front().get())),
          .not_after = TimeOf(*X509_get0_notAfter(chain.front().get()))};
}

}  // namespace

std::string MakeAuthority(const SigningKey& key, absl::Time now) {
  const Key signer = KeyOf(key);
  const Certificate made =
      tls::Begin(kPoolAuthorityName, *signer, now, kAuthorityTerm);
  ARCHPOOL_CHECK(
      X509_set_issuer_name(made.get(), X509_get_subject_name(made.get())) == 1);
  AddExtension(*made, *made, NID_basic_constraints,
               "critical,CA:TRUE,pathlen:0");
  AddExtension(*made, *made, NID_key_usage, "critical,keyCertSign,cRLSign");
  AddExtension(*made, *made, NID_subject_key_identifier, "hash");
  // Ed25519 hashes for itself.
  ARCHPOOL_CHECK(X509_sign(made.get(), signer.get(), nullptr) > 0);
  return PemOf(*made);
}

CertificatePair IssueCertificate(const SigningKey& authority_key,
                                 absl::string_view authority,
                                 const std::vector<std::string>& names,
                                 absl::Time now) {
  const auto issuers = tls::ParseChain(authority);
  ARCHPOOL_CHECK(issuers.ok());
  X509& issuer = *issuers->front();
  const Key key(EVP_EC_gen("P-256"));
  ARCHPOOL_CHECK(key != nullptr);
  const Certificate made =
      tls::Begin(kPoolServerName, *key, now, kCertificateTerm);
  ARCHPOOL_CHECK(
      X509_set_issuer_name(made.get(), X509_get_subject_name(&issuer)) == 1);
  AddExtension(*made, issuer, NID_basic_constraints, "critical,CA:FALSE");
  AddExtension(*made, issuer, NID_key_usage, "critical,digitalSignature");
  AddExtension(*made, issuer, NID_ext_key_usage, "serverAuth");
  AddExtension(*made, issuer, NID_subject_alt_name, AlternativeNames(names));
  AddExtension(*made, issuer, NID_subject_key_identifier, "hash");
  AddExtension(*made, issuer, NID_authority_key_identifier, "keyid");
  ARCHPOOL_CHECK(X509_sign(made.get(), KeyOf(authority_key).get(), nullptr) >
                 0);
  return {.certificates = absl::StrCat(PemOf(*made), authority),
          .key = PemOf(*key)};
}

absl::StatusOr<ChainFacts> ReadChain(absl::string_view certificates) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<Certificate> chain,
                            tls::ParseChain(certificates));
  return FactsOf(chain);
}

absl::StatusOr<ChainFacts> CheckPair(const CertificatePair& pair) {
  const tls::ErrorsForgotten errors;
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<Certificate> chain,
                            tls::ParseChain(pair.certificates));
  const Bio bio(
      BIO_new_mem_buf(pair.key.data(), static_cast<int>(pair.key.size())));
  ARCHPOOL_CHECK(bio != nullptr);
  const Key key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr));
  if (key == nullptr) {
    return InvalidArgument(
        "CERTIFICATE_KEY_MALFORMED",
        "there is no private key in it that can be read: it takes PEM without "
        "a passphrase, beginning with -----BEGIN PRIVATE KEY-----");
  }
  if (X509_check_private_key(chain.front().get(), key.get()) != 1) {
    return InvalidArgument(
        "CERTIFICATE_KEY_MISMATCH",
        "the key is not that of the first certificate: the certificate for "
        "this key comes first, then its issuers");
  }
  const tls::ServerContext context(SSL_CTX_new(TLS_server_method()));
  ARCHPOOL_CHECK(context != nullptr);
  if (SSL_CTX_use_certificate(context.get(), chain.front().get()) != 1 ||
      SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1) {
    return InvalidArgument(
        "CERTIFICATE_UNUSABLE",
        absl::StrCat("this certificate is not one that TLS 1.3 takes (",
                     tls::LastError(),
                     "): make one for a P-256 key, or for an RSA key of 2048 "
                     "bits or more"));
  }
  return FactsOf(chain);
}

}  // namespace archpool
