// SPDX-License-Identifier: Apache-2.0
#include "server/tls/verifier_certificates.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/durable_file.h"
#include "common/base/status.h"
#include "common/base/stop.h"
#include "common/data/read_file.h"
#include "common/log/log.h"
#include "common/model/account.h"
#include "common/tls/verifier_certificate.h"

namespace archpool {
namespace {

constexpr int64_t kFileBytesMax = 1 << 20;
constexpr absl::Duration kInterval = absl::Seconds(2);
constexpr absl::Duration kLineInterval = absl::Hours(1);
// How often an account's certificates can be revoked.
constexpr int64_t kSeriesMax = int64_t{1} << 32;
constexpr char kRenew[] =
    ": ask the pool's operator for a new one (archpool-server "
    "verifier-certificate), and put it into the file of --certificate, which "
    "is "
    "read again by itself";

std::string SeriesPath(const std::string& folder) {
  return absl::StrCat(folder, "/verifier-series");
}

absl::Status Refused(absl::string_view reason, absl::string_view message) {
  return MakeError(absl::StatusCode::kUnauthenticated, reason, message);
}

std::string DayOf(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

// Root calls for a server that runs as somebody else.
absl::Status GiveToOwnerOf(const std::string& folder, const std::string& path) {
  struct stat owner {};
  if (stat(folder.c_str(), &owner) == 0 && geteuid() == 0 &&
      chown(path.c_str(), owner.st_uid, owner.st_gid) != 0) {
    return FailedPrecondition(
        "FILE_UNWRITABLE",
        absl::StrCat("cannot give ", path, " to the owner of ", folder,
                     ", who runs the server: ", std::strerror(errno)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CertificateSeries> ReadCertificateSeries(
    const std::string& folder) {
  const std::string path = SeriesPath(folder);
  const absl::StatusOr<std::string> text = ReadFile(path, kFileBytesMax);
  if (absl::IsNotFound(text.status())) return CertificateSeries();
  ARCHPOOL_RETURN_IF_ERROR(text.status());
  CertificateSeries series;
  for (const absl::string_view line :
       absl::StrSplit(*text, '\n', absl::SkipWhitespace())) {
    const std::vector<std::string> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
    int64_t number = 0;
    if (words.size() != 2 || !IsName(words[0]) ||
        !absl::SimpleAtoi(words[1], &number) || number < 1 ||
        number > kSeriesMax) {
      return FailedPrecondition(
          "VERIFIER_SERIES_MALFORMED",
          absl::StrCat(path,
                       " has a line that is not an account's name and a "
                       "number, and so does not say which certificates "
                       "of verifiers are revoked: restore it from a "
                       "backup, or remove the line and revoke the "
                       "certificates of its account again"));
    }
    series[words[0]] = number;
  }
  return series;
}

absl::StatusOr<int64_t> RevokeCertificates(const std::string& folder,
                                           const std::string& account) {
  // A server that shows its operator's certificate has no such folder.
  if (mkdir(folder.c_str(), S_IRWXU) == 0) {
    ARCHPOOL_RETURN_IF_ERROR(
        GiveToOwnerOf(absl::StrCat(folder, "/.."), folder));
  }
  // Two at once would each write what the other had not read.
  const int lock = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const absl::Cleanup unlock = [lock] {
    if (lock >= 0) close(lock);
  };
  int locked = -1;
  while (lock >= 0 && (locked = flock(lock, LOCK_EX)) != 0 && errno == EINTR) {
  }
  if (locked != 0) {
    return FailedPrecondition(
        "FILE_UNWRITABLE",
        absl::StrCat("cannot lock ", folder, ": ", std::strerror(errno)));
  }
  ARCHPOOL_ASSIGN_OR_RETURN(CertificateSeries series,
                            ReadCertificateSeries(folder));
  int64_t& number = series.try_emplace(account, 1).first->second;
  const int64_t raised = ++number;
  std::string text;
  for (const auto& [name, value] : series) {
    absl::StrAppend(&text, name, " ", value, "\n");
  }
  const std::string path = SeriesPath(folder);
  ARCHPOOL_RETURN_IF_ERROR(WriteFileDurably(path, text));
  ARCHPOOL_RETURN_IF_ERROR(GiveToOwnerOf(folder, path));
  return raised;
}

std::string VerifierAuthorityDomain(int64_t generation) {
  return absl::StrCat("archpool/verifier-authority/v1/", generation);
}

absl::StatusOr<std::unique_ptr<VerifierCertificates>>
VerifierCertificates::Open(std::string folder, const PublicKey& authority,
                           CertificateDemand demand) {
  ARCHPOOL_ASSIGN_OR_RETURN(CertificateSeries series,
                            ReadCertificateSeries(folder));
  return std::unique_ptr<VerifierCertificates>(new VerifierCertificates(
      std::move(folder), authority, demand, std::move(series)));
}

VerifierCertificates::~VerifierCertificates() { Stop(); }

void VerifierCertificates::Start() {
  thread_ = std::jthread([this](const std::stop_token& stop) {
    while (!WaitOrStop(stop, kInterval)) Round();
  });
}

void VerifierCertificates::Stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void VerifierCertificates::Round() {
  absl::StatusOr<CertificateSeries> read = ReadCertificateSeries(folder_);
  if (read.ok()) {
    failure_.clear();
    is_failure_said_ = false;
    bool is_new = false;
    {
      const absl::MutexLock lock(&mutex_);
      // A number never goes down: a file that was removed or put back from an
      // old copy forgives nothing before the next start.
      for (const auto& [name, number] : series_) {
        int64_t& found = read->try_emplace(name, 1).first->second;
        found = std::max(found, number);
      }
      is_new = series_ != *read;
      if (is_new) series_ = *std::move(read);
    }
    if (is_new) {
      LogInfo("verifier_series_read",
              "the file of revoked certificates changed, and holds from now on",
              {{"file", SeriesPath(folder_)}});
    }
    return;
  }
  const std::string words = read.status().ToString();
  if (words != failure_) {
    failure_ = words;
    is_failure_said_ = false;
  } else if (!is_failure_said_) {
    is_failure_said_ = true;
    LogError("verifier_series_unreadable",
             "the file of revoked certificates cannot be read; what it said "
             "last still holds",
             "do what 'error' says: it is read again by itself",
             {{"error", read.status()}});
  }
}

int64_t VerifierCertificates::SeriesOf(absl::string_view account) const {
  const absl::MutexLock lock(&mutex_);
  const auto found = series_.find(std::string(account));
  return found == series_.end() ? 1 : found->second;
}

absl::StatusOr<absl::Duration> VerifierCertificates::Check(
    absl::string_view account, absl::string_view certificate, absl::Time now,
    bool is_suspended) const {
  if (certificate.empty()) {
    return Refused(
        "CERTIFICATE_REQUIRED",
        absl::StrCat("this pool takes calls of verifiers over connections that "
                     "show a certificate, and this one shows none: ask the "
                     "pool's operator for one (archpool verifier request makes "
                     "the key), and start the verifier with --certificate and "
                     "--key"));
  }
  const absl::StatusOr<VerifierCertificate> shown =
      ReadVerifierCertificate(authority_, certificate);
  if (!shown.ok()) {
    return Refused("CERTIFICATE_UNTRUSTED",
                   absl::StrCat("the certificate that this connection shows "
                                "was not issued by this pool",
                                kRenew));
  }
  if (shown->account != account) {
    return Refused(
        "CERTIFICATE_OF_ANOTHER",
        absl::StrCat("the certificate is that of the account ", shown->account,
                     ", and the token that of the account ", account,
                     ": put a token and a certificate of one account into the "
                     "files of --token-file and --certificate"));
  }
  if (is_suspended) {
    return Refused(
        "CERTIFICATE_SUSPENDED",
        "the account is suspended, and its certificates with it: ask "
        "the pool's operator, who can reinstate it (archpool account "
        "resume)");
  }
  if (shown->series < SeriesOf(account)) {
    return Refused(
        "CERTIFICATE_REVOKED",
        absl::StrCat("the pool's operator revoked the certificate", kRenew));
  }
  if (shown->not_after <= now) {
    return Refused(
        "CERTIFICATE_EXPIRED",
        absl::StrCat("the certificate expired ", DayOf(shown->not_after),
                     " and the pool's "
                     "clock says ",
                     DayOf(now), kRenew));
  }
  return shown->not_after - now;
}

absl::StatusOr<std::optional<absl::Duration>> VerifierCertificates::Admit(
    absl::string_view account, absl::string_view certificate, absl::Time now,
    bool is_suspended) const {
  const absl::StatusOr<absl::Duration> left =
      Check(account, certificate, now, is_suspended);
  if (left.ok()) return std::optional<absl::Duration>(*left);
  Say(account, left.status(), now);
  if (demand_ == CertificateDemand::kRequired) return left.status();
  return std::optional<absl::Duration>();
}

void VerifierCertificates::Say(absl::string_view account,
                               const absl::Status& why, absl::Time now) const {
  {
    const absl::MutexLock lock(&mutex_);
    absl::Time& until = said_until_
                            .try_emplace({std::string(account), GetReason(why)},
                                         absl::InfinitePast())
                            .first->second;
    if (now < until) return;
    until = now + kLineInterval;
  }
  LogWarn("verifier_uncertified",
          "a verifier calls over a connection without a certificate that holds",
          "give its account one (archpool-server verifier-certificate); if "
          "none of your verifiers calls so, its token was stolen: revoke it",
          {{"account", account},
           {"refused", demand_ == CertificateDemand::kRequired},
           {"error", why}});
}

}  // namespace archpool
