// SPDX-License-Identifier: Apache-2.0
// Whether a worker signed what it reports. Pure function; thread-safe.
#ifndef ARCHPOOL_SERVER_INTAKE_REPORT_SIGNATURES_H_
#define ARCHPOOL_SERVER_INTAKE_REPORT_SIGNATURES_H_

#include "absl/status/status.h"
#include "common/crypto/signature.h"
#include "server/core/commands/commands.h"

namespace archpool {

// Whether `key` signed every report. INVALID_ARGUMENT (SIGNATURE_FALSE).
absl::Status CheckSignatures(const ReportTrials& command, const PublicKey& key);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_INTAKE_REPORT_SIGNATURES_H_
