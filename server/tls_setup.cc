// SPDX-License-Identifier: Apache-2.0
#include "server/tls_setup.h"

#include <unistd.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/durable_file.h"
#include "common/base/standard_streams.h"
#include "common/base/status.h"
#include "common/channel/address.h"
#include "common/channel/token_file.h"
#include "common/data/read_file.h"
#include "common/log/log.h"
#include "server/tls/brought_certificates.h"
#include "server/tls/own_certificates.h"

namespace archpool {
namespace {

constexpr int64_t kFileBytesMax = 1 << 20;

// What the server may be called: for programs that look at names.
std::vector<std::string> NamesOf(const ServerFlags& flags) {
  std::vector<std::string> names = {"localhost", "127.0.0.1", "::1"};
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) == 0) {
    names.emplace_back(host.data());
  }
  const auto listen = ParseHostPort("--listen", flags.listen, /*port_min=*/0);
  if (listen.ok()) names.push_back(listen->host);
  return names;
}

absl::StatusOr<std::unique_ptr<CertificateSource>> OpenSource(
    const ServerFlags& flags, const DataDirectory& directory,
    const Clock& clock) {
  if (!flags.tls_certificate.empty()) {
    return std::make_unique<BroughtCertificates>(flags.tls_certificate,
                                                 flags.tls_key);
  }
  ARCHPOOL_ASSIGN_OR_RETURN(const int64_t generation,
                            ReadGeneration(directory.TlsPath()));
  ARCHPOOL_ASSIGN_OR_RETURN(const SigningKey key,
                            directory.DeriveKey(AuthorityDomain(generation)));
  ARCHPOOL_ASSIGN_OR_RETURN(OwnCertificates own,
                            OwnCertificates::Open(directory.TlsPath(), key,
                                                  NamesOf(flags), clock.Now()));
  return std::make_unique<OwnCertificates>(std::move(own));
}

}  // namespace

absl::Status CheckCertificateFiles(const ServerFlags& flags) {
  if (flags.tls_certificate.empty()) return absl::OkStatus();
  return BroughtCertificates(flags.tls_certificate, flags.tls_key)
      .Look(absl::UnixEpoch())
      .status();
}

absl::StatusOr<std::unique_ptr<CertificateKeeper>> OpenTls(
    const ServerFlags& flags, const DataDirectory& directory,
    const Clock& clock) {
  if (flags.is_plaintext) {
    LogInfo("tls_off",
            "connections are not encrypted (--plaintext): only programs on "
            "this machine reach the server, and they have to say it too");
    return std::unique_ptr<CertificateKeeper>();
  }
  ARCHPOOL_ASSIGN_OR_RETURN(std::unique_ptr<CertificateSource> source,
                            OpenSource(flags, directory, clock));
  ARCHPOOL_ASSIGN_OR_RETURN(std::unique_ptr<CertificateKeeper> keeper,
                            CertificateKeeper::Open(clock, std::move(source)));
  const ChainFacts facts = keeper->served().Current()->served.facts;
  if (flags.tls_certificate.empty()) {
    LogInfo("server_pin",
            "workers, verifiers and clients know this server by its pin "
            "(--server-pin, or the second line of a token file)",
            {{"pin", facts.pin.ToString()}});
  } else {
    LogInfo("server_certificate",
            "the server shows a certificate of its operator's: programs on "
            "machines that trust its authority need no pin",
            {{"file", flags.tls_certificate},
             {"pin", facts.pin.ToString()},
             {"end_time", facts.not_after}});
  }
  return keeper;
}

std::optional<Pin> LastingPin(const ServerFlags& flags,
                              const CertificateKeeper* keeper) {
  if (keeper == nullptr || !flags.tls_certificate.empty()) return std::nullopt;
  return keeper->served().Current()->served.facts.pin;
}

absl::Status KeepOperatorPin(const DataDirectory& directory,
                             const std::optional<Pin>& pin) {
  const std::string path = directory.OperatorTokenPath();
  const absl::StatusOr<TokenAndPin> kept = ReadTokenAndPin(path);
  const bool has_bad_pin =
      GetReason(kept.status()) == "TOKEN_FILE_PIN_MALFORMED";
  // What was moved away or changed into something else is the operator's own.
  if (!kept.ok() && !has_bad_pin) return absl::OkStatus();
  if (kept.ok() && kept->server_pin == pin) return absl::OkStatus();
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string token, ReadTokenFile(path));
  return WriteFileDurably(path, TokenFileText(token, pin));
}

absl::Status ShowPin(const ServerFlags& flags, std::ostream& out) {
  const bool is_brought = !flags.tls_certificate.empty();
  const std::string path =
      is_brought ? flags.tls_certificate
                 : AuthorityPath(absl::StrCat(flags.data_dir, "/tls"));
  const absl::StatusOr<std::string> certificates =
      ReadFile(path, kFileBytesMax);
  if (absl::IsNotFound(certificates.status()) && !is_brought) {
    return NotFound(
        "AUTHORITY_MISSING",
        absl::StrCat("there is no ", path,
                     ": name the server's --data-dir, and start the server "
                     "once; or name its own certificate with "
                     "--tls-certificate"));
  }
  ARCHPOOL_RETURN_IF_ERROR(certificates.status());
  ARCHPOOL_ASSIGN_OR_RETURN(const ChainFacts facts, ReadChain(*certificates));
  if (flags.shows_certificate) {
    out << *certificates;
  } else {
    out << facts.pin.ToString() << "\n";
  }
  return FlushOutput(out);
}

}  // namespace archpool
