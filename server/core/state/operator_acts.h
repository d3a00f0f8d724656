// SPDX-License-Identifier: Apache-2.0
// What operators do, among the receipts of the pool's own books: only ever
// added, and sealed with all others, so that no operator takes it back.
#ifndef ARCHPOOL_SERVER_CORE_STATE_OPERATOR_ACTS_H_
#define ARCHPOOL_SERVER_CORE_STATE_OPERATOR_ACTS_H_

#include <string>

#include "common/model/receipt.h"
#include "server/core/state/step.h"

namespace archpool {

// `by` did it now, and it changed something. Where it is unset, nobody's act is
// noted: the command came from no operator's call.
inline void NoteAct(Step& step, AccountId by, const std::string& action,
                    const std::string& subject, const std::string& detail) {
  if (!by.IsSet()) return;
  step.state.Hand(AccountId(),
                  OperatorReceipt{by, action, subject, detail, step.now});
}

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_STATE_OPERATOR_ACTS_H_
