// SPDX-License-Identifier: Apache-2.0
// Invitations as pages. Pure functions.
#ifndef ARCHPOOL_CLIENT_RENDER_INVITATIONS_H_
#define ARCHPOOL_CLIENT_RENDER_INVITATIONS_H_

#include <string>

#include "archpool/v1/invitation.pb.h"
#include "client/text.h"

namespace archpool {

// One that was just made, in one line.
std::string RenderInvitation(const v1::Invitation& invitation);

std::string RenderInvitations(const v1::ListInvitationsResponse& response,
                              const Terminal& terminal);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_RENDER_INVITATIONS_H_
