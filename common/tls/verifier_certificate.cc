// SPDX-License-Identifier: Apache-2.0
#include "common/tls/verifier_certificate.h"

#include <openssl/ec.h>
#include <openssl/pem.h>

#include <optional>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/tls/openssl.h"
#include "common/tls/signing.h"

namespace archpool {
namespace {

using tls::Certificate;
using tls::Key;

constexpr char kAuthorityName[] = "archpool verifier authority";
constexpr char kSubject[] = "archpool verifier";
// Then the account's name, a colon and the series.
constexpr char kNamePrefix[] = "archpool:verifier:";
constexpr size_t kRequestBytesMax = size_t{1} << 16;

absl::Status RequestMalformed(absl::string_view what) {
  return InvalidArgument(
      "CERTIFICATE_REQUEST_MALFORMED",
      absl::StrCat(what,
                   ": on the verifier's machine, `archpool verifier request` "
                   "makes one"));
}

// The key of a request that its owner signed.
absl::StatusOr<Key> KeyOfRequest(absl::string_view text) {
  tls::Request request;
  if (text.size() <= kRequestBytesMax) {
    const tls::Bio bio(
        BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    ARCHPOOL_CHECK(bio != nullptr);
    request.reset(PEM_read_bio_X509_REQ(bio.get(), nullptr, nullptr, nullptr));
  }
  if (request == nullptr) {
    return RequestMalformed(
        "there is no certificate request in it that can be read: it takes PEM, "
        "beginning with -----BEGIN CERTIFICATE REQUEST-----");
  }
  Key key(X509_REQ_get_pubkey(request.get()));
  if (key == nullptr || X509_REQ_verify(request.get(), key.get()) != 1) {
    return RequestMalformed(
        "the certificate request is not signed with the key that it names");
  }
  return key;
}

void SetIssuer(X509& certificate) {
  X509_NAME* const issuer = X509_get_issuer_name(&certificate);
  ARCHPOOL_CHECK(X509_NAME_add_entry_by_txt(
                     issuer, "CN", MBSTRING_UTF8,
                     reinterpret_cast<const unsigned char*>(kAuthorityName),
                     static_cast<int>(sizeof(kAuthorityName) - 1), -1, 0) == 1);
}

// "victor:2" of the certificate's name; nullopt: it has none.
std::optional<std::string> NameIn(const X509& certificate) {
  const tls::Names names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* const uri = name->d.uniformResourceIdentifier;
    absl::string_view text(
        reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
        static_cast<size_t>(ASN1_STRING_length(uri)));
    if (absl::ConsumePrefix(&text, kNamePrefix)) return std::string(text);
  }
  return std::nullopt;
}

absl::Status Untrusted() {
  return InvalidArgument("CERTIFICATE_UNTRUSTED",
                         "the certificate was not issued by this pool");
}

}  // namespace

CertificateRequest MakeCertificateRequest() {
  const Key key(EVP_EC_gen("P-256"));
  ARCHPOOL_CHECK(key != nullptr);
  const tls::Request request(X509_REQ_new());
  ARCHPOOL_CHECK(request != nullptr &&
                 X509_REQ_set_version(request.get(), 0) == 1 &&
                 X509_REQ_set_pubkey(request.get(), key.get()) == 1 &&
                 X509_REQ_sign(request.get(), key.get(), EVP_sha256()) > 0);
  return {.key = tls::PemOf(*key), .request = tls::PemOf(*request)};
}

absl::StatusOr<std::string> SignVerifierCertificate(
    const SigningKey& authority, absl::string_view request,
    const VerifierCertificate& what, absl::Time now) {
  const tls::ErrorsForgotten errors;
  ARCHPOOL_ASSIGN_OR_RETURN(const Key key, KeyOfRequest(request));
  const Certificate made =
      tls::Begin(kSubject, *key, now, what.not_after - now);
  SetIssuer(*made);
  tls::AddExtension(*made, *made, NID_basic_constraints, "critical,CA:FALSE");
  tls::AddExtension(*made, *made, NID_key_usage, "critical,digitalSignature");
  tls::AddExtension(*made, *made, NID_ext_key_usage, "clientAuth");
  tls::AddExtension(
      *made, *made, NID_subject_alt_name,
      absl::StrCat("URI:", kNamePrefix, what.account, ":", what.series));
  tls::AddExtension(*made, *made, NID_subject_key_identifier, "hash");
  ARCHPOOL_CHECK(X509_sign(made.get(), tls::KeyOf(authority).get(), nullptr) >
                 0);
  const tls::ServerContext context(SSL_CTX_new(TLS_method()));
  ARCHPOOL_CHECK(context != nullptr);
  if (SSL_CTX_use_certificate(context.get(), made.get()) != 1) {
    return InvalidArgument(
        "CERTIFICATE_UNUSABLE",
        absl::StrCat("the request's key is not one that TLS 1.3 takes (",
                     tls::LastError(),
                     "): make it a P-256 key, or an RSA key of 2048 bits or "
                     "more"));
  }
  return tls::PemOf(*made);
}

absl::StatusOr<VerifierCertificate> ReadVerifierCertificate(
    const PublicKey& authority, absl::string_view certificates) {
  const tls::ErrorsForgotten errors;
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<Certificate> chain,
                            tls::ParseChain(certificates));
  X509& first = *chain.front();
  const Key signer(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr,
                                               authority.bytes.data(),
                                               authority.bytes.size()));
  ARCHPOOL_CHECK(signer != nullptr);
  if (X509_verify(&first, signer.get()) != 1) return Untrusted();
  const std::optional<std::string> name = NameIn(first);
  if (!name) return Untrusted();
  const size_t colon = name->rfind(':');
  VerifierCertificate read;
  if (colon == std::string::npos ||
      !absl::SimpleAtoi(name->substr(colon + 1), &read.series)) {
    return Untrusted();
  }
  read.account = name->substr(0, colon);
  read.not_after = tls::TimeOf(*X509_get0_notAfter(&first));
  return read;
}

}  // namespace archpool
