// SPDX-License-Identifier: Apache-2.0
#include "common/tls/signing.h"

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include <array>
#include <ctime>

#include "common/base/check.h"

namespace archpool::tls {
namespace {

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

}  // namespace

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

std::string PemOf(X509_REQ& request) {
  const Bio bio = MemoryBio();
  ARCHPOOL_CHECK(PEM_write_bio_X509_REQ(bio.get(), &request) == 1);
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

absl::Time TimeOf(const ASN1_TIME& time) {
  std::tm parts{};
  ARCHPOOL_CHECK(ASN1_TIME_to_tm(&time, &parts) == 1);
  return absl::FromTM(parts, absl::UTCTimeZone());
}

}  // namespace archpool::tls
