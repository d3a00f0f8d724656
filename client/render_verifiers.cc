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

std::string RenderClasses(const v1::ListVerifiersResponse& response,
                          const Terminal& terminal) {
  Table table({{"verifiers", Align::kRight},
               {"waiting", Align::kRight},
               {"oldest", Align::kRight},
               {"to do", Align::kRight},
               {"hardware class"}});
  for (const auto& one : response.arithmetics()) {
    table.AddRow(
        {{absl::StrCat(one.verifiers()),
          one.verifiers() == 0 ? Color::kRed : Color::kNone},
         absl::StrCat(one.audits_waiting()),
         one.audits_waiting() == 0 ? "-"
                                   : FormatSpan(ToDuration(one.oldest_wait())),
         one.has_backlog() ? FormatSpan(ToDuration(one.backlog())) : "-",
         one.name()});
  }
  return table.Render(terminal, 0);
}

}  // namespace

std::string RenderVerifiers(const v1::ListVerifiersResponse& response,
                            const Terminal& terminal) {
  if (response.verifiers().empty() && response.arithmetics().empty()) {
    return "No verifier was heard since the server started.\n";
  }
  Table table({{"account"},
               {"verifier"},
               {"state"},
               {"heard", Align::kRight},
               {"failed", Align::kRight},
               {"outvoted", Align::kRight},
               {"blind", Align::kRight},
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
         one.audit_id() == 0 ? "-" : absl::StrCat(one.audit_id())});
  }
  return absl::StrCat(table.Render(terminal, 0), "\n",
                      RenderClasses(response, terminal));
}

}  // namespace archpool
