// SPDX-License-Identifier: Apache-2.0
// The tokens of accounts. Called by the pool, and where accounts are made.
#ifndef ARCHPOOL_SERVER_CORE_ACCOUNTS_TOKENS_H_
#define ARCHPOOL_SERVER_CORE_ACCOUNTS_TOKENS_H_

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/core/commands/commands.h"
#include "server/core/state/step.h"

namespace archpool::accounts {

absl::StatusOr<CreateToken::Reply> Execute(Step& step,
                                           const CreateToken& command);
absl::StatusOr<RotateToken::Reply> Execute(Step& step,
                                           const RotateToken& command);
absl::StatusOr<RevokeToken::Reply> Execute(Step& step,
                                           const RevokeToken& command);
absl::StatusOr<ReplaceOwnerTokens::Reply> Execute(
    Step& step, const ReplaceOwnerTokens& command);
absl::StatusOr<NoteTokenUse::Reply> Execute(Step& step,
                                            const NoteTokenUse& command);

// The token that an account is made with: the owner's, for good.
AccountToken FirstToken(AccountId account, const Digest& hash, absl::Time now);

// Gives accounts without any token the one that they were made with: a server
// from before may have made accounts while this one changed the database.
void GiveFirstTokens(Step& step);

}  // namespace archpool::accounts

#endif  // ARCHPOOL_SERVER_CORE_ACCOUNTS_TOKENS_H_
