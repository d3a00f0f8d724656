// SPDX-License-Identifier: Apache-2.0
#include "server/tls/brought_certificates.h"

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/data/read_file.h"

namespace archpool {
namespace {

constexpr int64_t kFileBytesMax = 1 << 20;

}  // namespace

absl::StatusOr<std::optional<CheckedPair>> BroughtCertificates::Look(
    absl::Time /*now*/) {
  CertificatePair pair;
  ARCHPOOL_ASSIGN_OR_RETURN(pair.certificates,
                            ReadFile(certificate_path_, kFileBytesMax));
  ARCHPOOL_ASSIGN_OR_RETURN(pair.key, ReadFile(key_path_, kFileBytesMax));
  if (last_ == pair) return std::nullopt;
  const absl::StatusOr<ChainFacts> facts = CheckPair(pair);
  if (!facts.ok()) {
    return MakeError(
        facts.status().code(), GetReason(facts.status()),
        absl::StrCat("the certificate ", certificate_path_, " with the key ",
                     key_path_, " cannot be used: ", facts.status().message()));
  }
  last_ = pair;
  return CheckedPair{std::move(pair), *facts};
}

}  // namespace archpool
