// SPDX-License-Identifier: Apache-2.0
// The accounts room. Called by the pool alone.
#ifndef ARCHPOOL_SERVER_CORE_ACCOUNTS_ACCOUNTS_H_
#define ARCHPOOL_SERVER_CORE_ACCOUNTS_ACCOUNTS_H_

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

}  // namespace archpool::accounts

#endif  // ARCHPOOL_SERVER_CORE_ACCOUNTS_ACCOUNTS_H_
