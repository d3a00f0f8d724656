// SPDX-License-Identifier: Apache-2.0
// What names a training on a worker's disk.
#ifndef ARCHPOOL_WORKER_AGENT_TRAINING_ID_H_
#define ARCHPOOL_WORKER_AGENT_TRAINING_ID_H_

#include <compare>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "common/crypto/sha256.h"
#include "common/model/ids.h"

namespace archpool {

// A trial's training. Trials of one key are trained bit for bit alike, but each
// is committed to, settled and forgotten for itself. Trial ids start again when
// a pool does; the pair never comes twice.
struct TrainingId {
  Digest key;
  TrialId trial;

  // "KEY-TRIAL": what its files are called.
  std::string ToName() const;
  friend auto operator<=>(const TrainingId&, const TrainingId&) = default;
  friend bool operator==(const TrainingId&, const TrainingId&) = default;
};

// The training that `name` is of; nullopt where ToName makes no such name, but
// for a bare "KEY", which earlier versions wrote: its trial is unset.
std::optional<TrainingId> TrainingIdFromName(absl::string_view name);

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_AGENT_TRAINING_ID_H_
