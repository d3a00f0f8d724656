// SPDX-License-Identifier: Apache-2.0
// Which accounts are there: one is while any of its workers was heard of late.
// Sightings alone: a load forgets them (docs/adr/0035-what-a-load-forgets.md).
#ifndef ARCHPOOL_SERVER_CORE_STATE_PRESENCE_H_
#define ARCHPOOL_SERVER_CORE_STATE_PRESENCE_H_

#include "common/model/ids.h"
#include "server/core/state/step.h"

namespace archpool {

// A sign of life of the account's worker. States AccountReturned where answers
// of the account were due while it was away.
void NoteSign(Step& step, AccountId account, SessionId session);

// Whether none of the account's workers was heard for half of what a lease
// lives without a heartbeat: one that is there gives a sign twice as often.
bool IsAway(const Step& step, AccountId account);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_STATE_PRESENCE_H_
