// SPDX-License-Identifier: Apache-2.0
#include "common/tls/certificate.h"

#include <arpa/inet.h>
#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/tls/openssl.h"

namespace archpool {
namespace {

using tls::Bio;
using tls::Certificate;
using tls::Extension;
using tls::Key;

constexpr absl::Duration kBackdated = absl::Hours(24);

std::string TextOf(const Bio& bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &bytes);
  ARCHPOOL_CHECK(size > 0);
  return std::string(bytes, static_cast<size_t>(size));
}

Bio MemoryBio() {
  Bio bio(BIO_new(BIO_s_mem()));
  ARCHPOOL_CHECK(bio != nullptr);
  return bio;
}

std::string PemOf(X509& certificate) {
  const Bio bio = MemoryBio();
  ARCHPOOL_CHECK(PEM_write_bio_X509(bio.get(), &certificate) == 1);
  return TextOf(bio);
}

std::string PemOf(EVP_PKEY& key) {
  const Bio bio = MemoryBio();
  ARCHPOOL_CHECK(PEM_write_bio_PKCS8PrivateKey(bio.get(), &key, nullptr,
                                               nullptr, 0, nullptr,
                                               nullptr) == 1);
  return TextOf(bio);
}

Key KeyOf(const SigningKey& key) {
  const std::string seed = key.seed();
  Key made(EVP_PKEY_new_raw_private_key(
      EVP_PKEY_ED25519, nullptr,
      reinterpret_cast<const unsigned char*>(seed.data()), seed.size()));
  ARCHPOOL_CHECK(made != nullptr);
  return made;
}

void AddExtension(X509& certificate, X509& issuer, int kind,
                  const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, &issuer, &certificate, nullptr, nullptr, 0);
  const Extension extension(
      X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  ARCHPOOL_CHECK(extension != nullptr &&
                 X509_add_ext(&certificate, extension.get(), -1) == 1);
}

void SetSerial(X509& certificate) {
  std::array<unsigned char, 16> bytes;
  ARCHPOOL_CHECK(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
  bytes[0] &= 0x7f;  // positive
  bytes[0] |= 0x40;  // and of one length
  BIGNUM* number =
      BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr);
  ARCHPOOL_CHECK(number != nullptr &&
                 BN_to_ASN1_INTEGER(
                     number, X509_get_serialNumber(&certificate)) != nullptr);
  BN_free(number);
}

// Version, number, dates, subject and public key.
Certificate Begin(const std::string& subject, EVP_PKEY& key, absl::Time now,
                  absl::Duration term) {
  Certificate made(X509_new());
  ARCHPOOL_CHECK(made != nullptr && X509_set_version(made.get(), 2) == 1);
  SetSerial(*made);
  X509_NAME* const name = X509_get_subject_name(made.get());
  ARCHPOOL_CHECK(X509_NAME_add_entry_by_txt(
                     name, "CN", MBSTRING_UTF8,
                     reinterpret_cast<const unsigned char*>(subject.data()),
                     static_cast<int>(subject.size()), -1, 0) == 1 &&
                 ASN1_TIME_set(X509_getm_notBefore(made.get()),
                               absl::ToTimeT(now - kBackdated)) != nullptr &&
                 ASN1_TIME_set(X509_getm_notAfter(made.get()),
                               absl::ToTimeT(now + term)) != nullptr &&
                 X509_set_pubkey(made.get(), &key) == 1);
  return made;
}

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

absl::Time TimeOf(const ASN1_TIME& time) {
  std::tm parts{};
  ARCHPOOL_CHECK(ASN1_TIME_to_tm(&time, &parts) == 1);
  return absl::FromTM(parts, absl::UTCTimeZone());
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
      Begin(kPoolAuthorityName, *signer, now, kAuthorityTerm);
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
  const Certificate made = Begin(kPoolServerName, *key, now, kCertificateTerm);
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
        "the key is not that of the first certificate: the server's own "
        "certificate comes first, then its issuers");
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
