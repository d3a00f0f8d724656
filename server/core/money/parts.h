// SPDX-License-Identifier: Apache-2.0
// What the money room's files share.
#ifndef ARCHPOOL_SERVER_CORE_MONEY_PARTS_H_
#define ARCHPOOL_SERVER_CORE_MONEY_PARTS_H_

#include "absl/status/status.h"
#include "server/core/state/step.h"

namespace archpool::money {

// Sets the account's money aside to be paid out, where its balance has come to
// its threshold.
void PayOutIfDue(Step& step, AccountId id);

}  // namespace archpool::money

#endif  // ARCHPOOL_SERVER_CORE_MONEY_PARTS_H_
