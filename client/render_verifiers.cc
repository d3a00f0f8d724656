// SPDX-License-Identifier: Apache-2.0
#include "client/render_verifiers.h"

#include "absl/strings/str_cat.h"
#include "client/times.h"

namespace archpool {
namespace {

using Align = Table::Align;

Color ColorOfState(const std::string& state) {
  if (state == "working") return Color::kGreen;
  return state == "silent" ? Color::kYellow : Color::kRed;
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
         {one.state(), ColorOfState(one.state())},
         absl::StrCat(FormatSpan(ToDuration(one.silent_for())), " ago"),
         absl::StrCat(one.failures_in_a_row()),
         absl::StrCat(one.outvoted(), " of ", one.agreed() + one.outvoted()),
         absl::StrCat(one.planted_failed()),
         absl::StrCat(one.alarms_alone(), " of ", one.alarms()),
         one.audit_id() == 0 ? "-" : absl::StrCat(one.audit_id())});
  }
  return absl::StrCat(table.Render(terminal, 0), "\n", RenderBacklog(response));
}

}  // namespace archpool
