// SPDX-License-Identifier: Apache-2.0
#include "server/tls/own_certificates.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/durable_file.h"
#include "common/base/status.h"
#include "common/data/read_file.h"
#include "common/log/log.h"

namespace archpool {
namespace {

constexpr int64_t kFileBytesMax = 1 << 16;
constexpr mode_t kOwnerOnly = 0700;

// Whether `kept` is of the same key as `made`, and lasts.
bool IsOf(const absl::StatusOr<ChainFacts>& kept, const ChainFacts& made,
          absl::Time now) {
  return kept.ok() && kept->first_pin == made.pin && kept->pin == made.pin &&
         kept->not_after > now + 2 * kCertificateTerm;
}

}  // namespace

std::string AuthorityPath(const std::string& folder) {
  return absl::StrCat(folder, "/authority.pem");
}

std::string AuthorityDomain(int64_t generation) {
  return absl::StrCat("archpool/tls-authority/v1/", generation);
}

absl::StatusOr<int64_t> ReadGeneration(const std::string& folder) {
  const std::string path = absl::StrCat(folder, "/generation");
  const absl::StatusOr<std::string> text = ReadFile(path, kFileBytesMax);
  if (absl::IsNotFound(text.status())) return 1;
  int64_t generation = 0;
  if (text.ok() &&
      absl::SimpleAtoi(absl::StripAsciiWhitespace(*text), &generation) &&
      generation >= 1) {
    return generation;
  }
  return FailedPrecondition(
      "TLS_GENERATION_MALFORMED",
      absl::StrCat(path,
                   " holds no number from 1 on, and so does not say which pin "
                   "the pool has: restore it from a backup. If the pool never "
                   "had a second pin, remove it"));
}

absl::StatusOr<OwnCertificates> OwnCertificates::Open(
    const std::string& folder, const SigningKey& authority_key,
    std::vector<std::string> names, absl::Time now) {
  if (mkdir(folder.c_str(), kOwnerOnly) != 0 && errno != EEXIST) {
    return FailedPrecondition(
        "FILE_UNWRITABLE",
        absl::StrCat("cannot make ", folder, ": ", std::strerror(errno)));
  }
  const std::string path = AuthorityPath(folder);
  std::string authority = MakeAuthority(authority_key, now);
  const absl::StatusOr<ChainFacts> made = ReadChain(authority);
  ARCHPOOL_CHECK(made.ok());
  const absl::StatusOr<std::string> kept = ReadFile(path, kFileBytesMax);
  if (kept.ok() && IsOf(ReadChain(*kept), *made, now)) {
    authority = *kept;
  } else {
    if (!absl::IsNotFound(kept.status())) {
      LogWarn("authority_replaced",
              "the certificate of the pool's authority was damaged, or of "
              "another pool or generation: it was made again",
              "the pin is what the pool's secret makes it; compare it with "
              "what workers have, and look at the disk if nobody changed the "
              "file",
              {{"file", path}, {"pin", made->pin.ToString()}});
    }
    ARCHPOOL_RETURN_IF_ERROR(WriteFileDurably(path, authority));
  }
  return OwnCertificates(authority_key, std::move(authority), std::move(names));
}

absl::StatusOr<std::optional<CheckedPair>> OwnCertificates::Look(
    absl::Time now) {
  if (last_ && now >= last_->not_before &&
      now < last_->not_after - kRenewalTerm) {
    return std::nullopt;
  }
  CertificatePair pair =
      IssueCertificate(authority_key_, authority_, names_, now);
  ARCHPOOL_ASSIGN_OR_RETURN(const ChainFacts facts, CheckPair(pair));
  last_ = facts;
  return CheckedPair{std::move(pair), facts};
}

}  // namespace archpool
