// SPDX-License-Identifier: Apache-2.0
#include "client/render_invitations.h"

#include "absl/strings/str_cat.h"
#include "client/times.h"
#include "common/wire/words.h"

namespace archpool {
namespace {

// Why nobody joins by it, or that somebody can.
Table::Cell StateOf(const v1::Invitation& invitation) {
  if (invitation.is_open()) return {"open", Color::kGreen};
  return invitation.uses() >= invitation.uses_max() ? "used up" : "over";
}

}  // namespace

std::string RenderInvitation(const v1::Invitation& invitation) {
  return absl::StrCat("Invitation ", invitation.number(), " makes ",
                      invitation.uses_max(),
                      invitation.uses_max() == 1 ? " account (" : " accounts (",
                      wire::WordOf(invitation.role()), "), until ",
                      FormatMoment(ToTime(invitation.expire_time())), ".\n");
}

std::string RenderInvitations(const v1::ListInvitationsResponse& response,
                              const Terminal& terminal) {
  if (response.invitations().empty()) return "No invitations.\n";
  Table table({{"number", Table::Align::kRight},
               {"of"},
               {"for a"},
               {"state"},
               {"used", Table::Align::kRight},
               {"until"}});
  for (const v1::Invitation& one : response.invitations()) {
    table.AddRow({absl::StrCat(one.number()), one.account_name(),
                  wire::WordOf(one.role()), StateOf(one),
                  absl::StrCat(one.uses(), " of ", one.uses_max()),
                  FormatMoment(ToTime(one.expire_time()))});
  }
  return table.Render(terminal, 0);
}

}  // namespace archpool
