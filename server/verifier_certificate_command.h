// SPDX-License-Identifier: Apache-2.0
// Certificates of verifiers, as the server's flags ask for them and as its
// subcommand `verifier-certificate` gives and revokes them.
#ifndef ARCHPOOL_SERVER_VERIFIER_CERTIFICATE_COMMAND_H_
#define ARCHPOOL_SERVER_VERIFIER_CERTIFICATE_COMMAND_H_

#include <cstdint>
#include <memory>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/data_directory.h"
#include "server/server_flags.h"
#include "server/tls/verifier_certificates.h"

namespace CLI {
class App;
}

namespace archpool {

// nullptr where the server asks for none. Says in the log what it asks for.
// Errors of VerifierCertificates::Open, ReadGeneration and
// DataDirectory::DeriveKey. REQUIRES: the directory has the pool's secret.
absl::StatusOr<std::unique_ptr<VerifierCertificates>> OpenVerifierCertificates(
    const ServerFlags& flags, const DataDirectory& directory);

struct VerifierCertificateFlags {
  std::string data_dir = "archpool-data";
  std::string account;
  std::string request;  // a file; "" where certificates are revoked
  bool revokes = false;
  int64_t days = 365;
};

void AddVerifierCertificateFlags(CLI::App& app,
                                 VerifierCertificateFlags& flags);

// Shows the certificate that was asked for, or revokes those that the account
// has. The server may run. INVALID_ARGUMENT (CERTIFICATE_FLAGS, NAME_MALFORMED,
// SignVerifierCertificate's); RevokeCertificates's, ReadGeneration's,
// ReadFile's and ReadPoolSecret's errors.
absl::Status RunVerifierCertificate(const VerifierCertificateFlags& flags,
                                    std::ostream& out);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_VERIFIER_CERTIFICATE_COMMAND_H_
