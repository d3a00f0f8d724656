// SPDX-License-Identifier: Apache-2.0
#include "server/intake/report_signatures.h"

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/model/commitment.h"

namespace archpool {

absl::Status CheckSignatures(const ReportTrials& command,
                             const PublicKey& key) {
  for (const TrialReport& report : command.reports) {
    const TrialClaim claim{.trial = report.trial,
                           .lease = command.lease,
                           .attempt = command.attempt,
                           .checkpoint_root = report.checkpoint_root,
                           .weights = report.weights_digest,
                           .weights_size_bytes = report.weights_size_bytes,
                           .validation_correct = report.validation_correct,
                           .diverged_at_step = report.diverged_at_step};
    if (VerifySignature(key, CommitmentMessage(claim), report.signature)) {
      continue;
    }
    return InvalidArgument(
        "SIGNATURE_FALSE",
        absl::StrCat("the commitment of ", report.trial.ToString(),
                     " is not signed with the key that its session was opened "
                     "with"));
  }
  return absl::OkStatus();
}

}  // namespace archpool
