// SPDX-License-Identifier: Apache-2.0
#include "verifier/finding_text.h"

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/reason.h"
#include "common/base/status.h"

namespace archpool {
std::string ToText(const AuditFinding& finding) {
  if (const auto* measured = std::get_if<WeightsMeasured>(&finding)) {
    return absl::StrCat("measured ", measured->validation_correct, " ",
                        measured->held_out_correct, " ",
                        measured->measured_all ? "all" : "part");
  }
  if (const auto* refuted = std::get_if<TrainingRefuted>(&finding)) {
    return absl::StrCat("refuted ", refuted->reason);
  }
  if (const auto* unusable = std::get_if<WeightsUnusable>(&finding)) {
    return absl::StrCat("unusable ", unusable->reason);
  }
  return absl::StrCat("inconclusive ",
                      std::get<AuditInconclusive>(finding).reason);
}

absl::StatusOr<AuditFinding> FindingFromText(absl::string_view text) {
  const std::vector<std::string> words = absl::StrSplit(text, ' ');
  WeightsMeasured measured;
  if (words.size() == 4 && words[0] == "measured" &&
      absl::SimpleAtoi(words[1], &measured.validation_correct) &&
      absl::SimpleAtoi(words[2], &measured.held_out_correct) &&
      measured.validation_correct >= 0 && measured.held_out_correct >= 0 &&
      (words[3] == "all" || words[3] == "part")) {
    measured.measured_all = words[3] == "all";
    return measured;
  }
  if (words.size() == 2 && IsReason(words[1])) {
    if (words[0] == "refuted") return TrainingRefuted{words[1]};
    if (words[0] == "unusable") return WeightsUnusable{words[1]};
    if (words[0] == "inconclusive") return AuditInconclusive{words[1]};
  }
  return InvalidArgument("FINDING_MALFORMED",
                         "the examination's answer cannot be read");
}

}  // namespace archpool
