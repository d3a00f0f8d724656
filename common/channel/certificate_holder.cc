// SPDX-License-Identifier: Apache-2.0
#include "common/channel/certificate_holder.h"

#include <sys/stat.h>

#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/status.h"
#include "common/data/read_file.h"
#include "common/log/log.h"

namespace archpool {
namespace {

constexpr int64_t kCertificateBytesMax = 1 << 20;
constexpr absl::Duration kFilesReadAgain = absl::Seconds(2);
constexpr absl::Duration kEndSaidAgain = absl::Hours(24);
// Service managers hand secrets over as files that a group may read.
constexpr mode_t kTooOpen = S_IWGRP | S_IRWXO;

absl::Status CheckMode(const std::string& path) {
  struct stat found {};
  // Whether it is there, reading it tells.
  if (stat(path.c_str(), &found) != 0 || (found.st_mode & kTooOpen) == 0) {
    return absl::OkStatus();
  }
  return FailedPrecondition(
      "CERTIFICATE_KEY_EXPOSED",
      absl::StrCat("the key ", path,
                   " is open to other users of this machine "
                   "(mode ",
                   absl::StrFormat("%04o", found.st_mode & 07777),
                   "): `chmod 600` it; if they may have read it, make another "
                   "key, and have the certificate revoked"));
}

}  // namespace

absl::StatusOr<CertificatePair> ReadCertificateFiles(
    const CertificateFiles& files) {
  CertificatePair pair;
  ARCHPOOL_ASSIGN_OR_RETURN(pair.certificates,
                            ReadFile(files.certificate, kCertificateBytesMax));
  ARCHPOOL_RETURN_IF_ERROR(CheckMode(files.key));
  ARCHPOOL_ASSIGN_OR_RETURN(pair.key,
                            ReadFile(files.key, kCertificateBytesMax));
  const absl::Status checked = CheckPair(pair).status();
  if (checked.ok()) return pair;
  return MakeError(
      checked.code(), GetReason(checked),
      absl::StrCat("the certificate ", files.certificate, " with the key ",
                   files.key,
                   " cannot be used: ", std::string(checked.message())));
}

absl::StatusOr<std::shared_ptr<CertificateHolder>> CertificateHolder::Open(
    const CertificateFiles& files) {
  if (files.certificate.empty() && files.key.empty()) {
    return std::shared_ptr<CertificateHolder>();
  }
  if (files.certificate.empty() != files.key.empty()) {
    return InvalidArgument(
        "CERTIFICATE_FLAGS",
        "--certificate and --key belong together: give both, or neither for a "
        "pool that asks for no certificate");
  }
  ARCHPOOL_ASSIGN_OR_RETURN(CertificatePair pair, ReadCertificateFiles(files));
  return std::shared_ptr<CertificateHolder>(
      new CertificateHolder(files, std::move(pair)));
}

std::shared_ptr<const CertificatePair> CertificateHolder::Current() {
  const absl::MutexLock lock(&mutex_);
  if (fresh_.IsOver()) ReadAgain();
  return pair_;
}

void CertificateHolder::ReadAgain() {
  fresh_ = Countdown(kFilesReadAgain);
  absl::StatusOr<CertificatePair> read = ReadCertificateFiles(files_);
  if (!read.ok()) return NoteFailure(read.status());
  failure_.clear();
  is_failure_said_ = false;
  if (*read == *pair_) return;
  pair_ = std::make_shared<const CertificatePair>(*std::move(read));
  refusal_said_.clear();
  left_said_.reset();
  LogInfo("own_certificate_read",
          "the files have another certificate, which new connections show",
          {{"file", files_.certificate}});
}

void CertificateHolder::NoteFailure(const absl::Status& failure) {
  const std::string words = failure.ToString();
  if (words != failure_) {
    failure_ = words;
    is_failure_said_ = false;
  } else if (!is_failure_said_) {
    is_failure_said_ = true;
    LogError("own_certificate_unusable",
             "the files of the certificate and its key cannot be used; the "
             "last ones are still shown",
             "put the certificate and the key that belongs to it in place; "
             "they are read again by themselves",
             {{"error", failure}});
  }
}

void CertificateHolder::HearLeft(absl::string_view seconds) {
  int64_t left = 0;
  if (!absl::SimpleAtoi(seconds, &left) || left < 0) return;
  const absl::MutexLock lock(&mutex_);
  if (left_said_ && !left_said_->IsOver()) return;
  left_said_ = Countdown(kEndSaidAgain);
  LogWarn("own_certificate_ends_soon",
          "the pool says that this program's certificate ends",
          "ask the pool's operator for another one before then, for the same "
          "key or a new one, and put it into its file; the program reads it "
          "by itself",
          {{"file", files_.certificate}, {"left_s", absl::Seconds(left)}});
}

absl::Status CertificateHolder::Heard(const absl::Status& status) {
  const std::string reason = GetReason(status);
  if (!absl::IsUnauthenticated(status) ||
      !absl::StartsWith(reason, "CERTIFICATE_")) {
    return status;
  }
  {
    const absl::MutexLock lock(&mutex_);
    if (refusal_said_ != reason) {
      refusal_said_ = reason;
      LogError("own_certificate_refused",
               "the pool does not take this program's certificate; the program "
               "continues once its files have one that holds",
               "put such a certificate and its key into their files; they are "
               "read again by themselves",
               {{"file", files_.certificate}, {"error", status}});
    }
  }
  return MakeError(absl::StatusCode::kUnavailable, reason,
                   std::string(status.message()));
}

}  // namespace archpool
