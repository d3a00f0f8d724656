// SPDX-License-Identifier: Apache-2.0
// A finding as one line: what a child says to its verifier.
// Pure; thread-safe.
#ifndef ARCHPOOL_VERIFIER_FINDING_TEXT_H_
#define ARCHPOOL_VERIFIER_FINDING_TEXT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "verifier/audit_client.h"

namespace archpool {

std::string ToText(const AuditFinding& finding);
// INVALID_ARGUMENT (FINDING_MALFORMED). Safe on whatever a child says.
absl::StatusOr<AuditFinding> FindingFromText(absl::string_view text);

}  // namespace archpool

#endif  // ARCHPOOL_VERIFIER_FINDING_TEXT_H_
