// SPDX-License-Identifier: Apache-2.0
// Time in which the pool was away, or refused what was due: what was to be done
// by a moment gets that time back. For the pool's own files.
#ifndef ARCHPOOL_SERVER_CORE_AWAY_H_
#define ARCHPOOL_SERVER_CORE_AWAY_H_

#include "absl/status/statusor.h"
#include "server/core/commands/commands.h"
#include "server/core/state/step.h"

namespace archpool {

// Adds the time in which no tick came to what was to be done by then.
void NoteTime(Step& step);

absl::StatusOr<SetMaintenance::Reply> Execute(Step& step,
                                              const SetMaintenance& command);
absl::StatusOr<ExtendAnswers::Reply> Execute(Step& step,
                                             const ExtendAnswers& command);
absl::StatusOr<NoteUpload::Reply> Execute(Step& step,
                                          const NoteUpload& command);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_AWAY_H_
