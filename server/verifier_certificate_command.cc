// SPDX-License-Identifier: Apache-2.0
#include "server/verifier_certificate_command.h"

#include <CLI/CLI.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/standard_streams.h"
#include "common/base/status.h"
#include "common/data/read_file.h"
#include "common/log/log.h"
#include "common/model/account.h"
#include "common/tls/verifier_certificate.h"
#include "server/tls/own_certificates.h"

namespace archpool {
namespace {

constexpr int64_t kRequestBytesMax = 1 << 16;
// More than ten years serve nobody: a key that lasts longer is no secret.
constexpr int64_t kDaysMax = 3'650;

std::string TlsFolder(const VerifierCertificateFlags& flags) {
  return absl::StrCat(flags.data_dir, "/tls");
}

absl::StatusOr<std::string> IssueFor(const VerifierCertificateFlags& flags) {
  const std::string folder = TlsFolder(flags);
  ARCHPOOL_ASSIGN_OR_RETURN(const int64_t generation, ReadGeneration(folder));
  ARCHPOOL_ASSIGN_OR_RETURN(
      const SigningKey authority,
      DataDirectory::DeriveKeyOf(flags.data_dir,
                                 VerifierAuthorityDomain(generation)));
  ARCHPOOL_ASSIGN_OR_RETURN(const CertificateSeries series,
                            ReadCertificateSeries(folder));
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string request,
                            ReadFile(flags.request, kRequestBytesMax));
  const auto known = series.find(flags.account);
  const absl::Time now = absl::Now();
  return SignVerifierCertificate(
      authority, request,
      {.account = flags.account,
       .series = known == series.end() ? 1 : known->second,
       .not_after = now + absl::Hours(24) * flags.days},
      now);
}

}  // namespace

absl::StatusOr<std::unique_ptr<VerifierCertificates>> OpenVerifierCertificates(
    const ServerFlags& flags, const DataDirectory& directory) {
  if (flags.verifier_certificates == "off") {
    return std::unique_ptr<VerifierCertificates>();
  }
  const bool is_required = flags.verifier_certificates == "required";
  ARCHPOOL_ASSIGN_OR_RETURN(const int64_t generation,
                            ReadGeneration(directory.TlsPath()));
  ARCHPOOL_ASSIGN_OR_RETURN(
      const SigningKey authority,
      directory.DeriveKey(VerifierAuthorityDomain(generation)));
  ARCHPOOL_ASSIGN_OR_RETURN(
      std::unique_ptr<VerifierCertificates> certificates,
      VerifierCertificates::Open(directory.TlsPath(), authority.public_key(),
                                 is_required ? CertificateDemand::kRequired
                                             : CertificateDemand::kAccepted));
  LogInfo("verifier_certificates",
          is_required ? "verifiers need a certificate of their account's"
                      : "verifiers may show a certificate of their account's; "
                        "those that show none are named in the log",
          {{"required", is_required}});
  return certificates;
}

void AddVerifierCertificateFlags(CLI::App& app,
                                 VerifierCertificateFlags& flags) {
  app.add_option("--data-dir", flags.data_dir,
                 "The server's directory, whose secret signs")
      ->capture_default_str();
  app.add_option("--account", flags.account,
                 "The verifier's account, by its name: nobody looks here "
                 "whether there is one")
      ->required();
  CLI::Option* const request = app.add_option(
      "--request", flags.request,
      "The file that `archpool verifier request` made on the verifier's "
      "machine: the certificate is\nwritten to the standard output");
  request->type_name("FILE");
  app.add_option("--days", flags.days, "For how long the certificate lasts")
      ->check(CLI::Range(int64_t{1}, kDaysMax))
      ->capture_default_str();
  app.add_flag("--revoke", flags.revokes,
               "Revoke all certificates that the account has instead; a server "
               "that runs knows it within\nseconds")
      ->excludes(request);
}

absl::Status RunVerifierCertificate(const VerifierCertificateFlags& flags,
                                    std::ostream& out) {
  if (flags.request.empty() && !flags.revokes) {
    return InvalidArgument(
        "CERTIFICATE_FLAGS",
        "nothing is asked for: give --request FILE for a certificate, or "
        "--revoke");
  }
  if (!IsName(flags.account)) {
    return InvalidArgument(
        "NAME_MALFORMED",
        absl::StrCat("--account is '", flags.account,
                     "'; a name has 1 to 64 characters of [a-z0-9-]"));
  }
  if (flags.revokes) {
    // A directory without a secret is no pool's.
    ARCHPOOL_RETURN_IF_ERROR(
        DataDirectory::ReadPoolSecret(flags.data_dir).status());
    ARCHPOOL_RETURN_IF_ERROR(
        RevokeCertificates(TlsFolder(flags), flags.account).status());
    out << "The certificates that " << flags.account
        << " has are revoked. A server that runs knows it within seconds.\n";
    return FlushOutput(out);
  }
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string certificate, IssueFor(flags));
  out << certificate;
  return FlushOutput(out);
}

}  // namespace archpool
