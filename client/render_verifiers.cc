// SPDX-License-Identifier: Apache-2.0
#include "client/render_verifiers.h"

#include "absl/strings/str_cat.h"
#include "client/times.h"
#include "common/wire/words.h"

namespace archpool {
namespace {

using Align = Table::Align;

Color ColorOf(v1::VerifierState state) {
  if (state == v1::VERIFIER_STATE_WORKING) return Color::kGreen;
  return state == v1::VERIFIER_STATE_SILENT ? Color::kYellow : Color::kRed;
}

// What waits, in one line.
std::string RenderBacklog(const v1::ListVerifiersResponse& response) {
  if (response.audits_waiting() == 0) return "No audit waits for a verifier.\n";
  return absl::StrCat(
      "Audits that wait for a verifier: ", response.audits_waiting(),
      ", the oldest for ", FormatSpan(ToDuration(response.oldest_wait())), "; ",
      response.has_backlog()
          ? absl::StrCat("all open ones should take ",
                         FormatSpan(ToDuration(response.backlog())))
          : "no verifier works",
      ".\n");
}

}  // namespace

std::string RenderVerifiers(const v1::ListVerifiersResponse& response,
                            const Terminal& terminal) {
  if (response.verifiers().empty() && response.audits_waiting() == 0) {
    return "No verifier was heard since the server started.\n";
  }
  Table table({{"account"},
               {"verifier"},
               {"state"},
               {"heard", Align::kRight},
               {"failed", Align::kRight},
               {"outvoted", Align::kRight},
               {"blind", Align::kRight},
               {"alone", Align::kRight},
               {"audit", Align::kRight}});
  for (const auto& one : response.verifiers()) {
    table.AddRow(
        {one.account_name(),
         one.verifier_name(),
         {wire::WordOf(one.state()), ColorOf(one.state())},
         absl::StrCat(FormatSpan(ToDuration(one.silent_for())), " ago"),
         absl::StrCat(one.failures_in_a_row()),
         absl::StrCat(one.outvoted(), " of ", one.agreed() + one.outvoted()),
         absl::StrCat(one.planted_failed()),
         absl::StrCat(one.alarms_alone(), " of ", one.alarms()),
         one.has_audit_id() ? absl::StrCat(one.audit_id()) : "-"});
  }
  return absl::StrCat(table.Render(terminal, 0), "\n", RenderBacklog(response));
}

}  // namespace archpool
