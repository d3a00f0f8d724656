// SPDX-License-Identifier: Apache-2.0
// What the server shows to those who connect, as its flags ask for.
#ifndef ARCHPOOL_SERVER_TLS_SETUP_H_
#define ARCHPOOL_SERVER_TLS_SETUP_H_

#include <memory>
#include <optional>
#include <ostream>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/tls/pin.h"
#include "server/data_directory.h"
#include "server/server_flags.h"
#include "server/tls/certificate_keeper.h"

namespace archpool {

// Whether the operator's files, if flags name some, can be used: asked before
// anything else is touched. CheckPair's and ReadFile's errors.
absl::Status CheckCertificateFiles(const ServerFlags& flags);

// nullptr where plain text was asked for. Says in the log what the server is
// known by. `clock`, the system's, outlives it. CheckCertificateFiles's errors;
// those of OwnCertificates and DataDirectory::DeriveKey.
// REQUIRES: the directory has the pool's secret.
absl::StatusOr<std::unique_ptr<CertificateKeeper>> OpenTls(
    const ServerFlags& flags, const DataDirectory& directory,
    const Clock& clock);

// The pin of the pool's own authority, which token files may hold. None of an
// operator's certificate, whose key may be another after its renewal, nor of
// plain text.
std::optional<Pin> LastingPin(const ServerFlags& flags,
                              const CertificateKeeper* keeper);

// Writes the pin into the operator's token file that the first start left in
// the directory, or takes another one out of it, if it is still there: so who
// reads the file needs nothing else. Errors as WriteFileDurably.
absl::Status KeepOperatorPin(const DataDirectory& directory,
                             const std::optional<Pin>& pin);

// The subcommand `pin`: shows the pin, or the certificate that has it, of the
// directory or the file that flags name. The server may run. NOT_FOUND
// (AUTHORITY_MISSING); ReadChain's and ReadFile's errors.
absl::Status ShowPin(const ServerFlags& flags, std::ostream& out);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_TLS_SETUP_H_
