// SPDX-License-Identifier: Apache-2.0
// The accounts room. Called by the pool alone.
#ifndef ARCHPOOL_SERVER_CORE_ACCOUNTS_ACCOUNTS_H_
#define ARCHPOOL_SERVER_CORE_ACCOUNTS_ACCOUNTS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/core/commands/commands.h"
#include "server/core/state/step.h"

namespace archpool::accounts {

absl::StatusOr<CreateAccount::Reply> Execute(Step& step,
                                             const CreateAccount& command);
absl::StatusOr<SetAccountState::Reply> Execute(Step& step,
                                               const SetAccountState& command);
absl::StatusOr<SetVisibility::Reply> Execute(Step& step,
                                             const SetVisibility& command);
absl::StatusOr<SetQuotas::Reply> Execute(Step& step, const SetQuotas& command);
absl::StatusOr<AskForRoom::Reply> Execute(Step& step,
                                          const AskForRoom& command);
absl::StatusOr<ConfirmFile::Reply> Execute(Step& step,
                                           const ConfirmFile& command);
absl::StatusOr<CheckFiles::Reply> Execute(Step& step,
                                          const CheckFiles& command);
absl::StatusOr<AskToRead::Reply> Execute(Step& step, const AskToRead& command);
absl::StatusOr<EndClaims::Reply> Execute(Step& step, const EndClaims& command);
absl::StatusOr<Invite::Reply> Execute(Step& step, const Invite& command);
absl::StatusOr<RevokeInvitation::Reply> Execute(
    Step& step, const RevokeInvitation& command);
absl::StatusOr<Join::Reply> Execute(Step& step, const Join& command);

// Whether a new account may have that name and that token. ALREADY_EXISTS
// (ACCOUNT_NAME_TAKEN, TOKEN_TAKEN).
absl::Status CheckNew(const PoolState& state, const std::string& name,
                      const Digest& token_hash);

}  // namespace archpool::accounts

#endif  // ARCHPOOL_SERVER_CORE_ACCOUNTS_ACCOUNTS_H_
