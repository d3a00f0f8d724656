// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/training_id.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace archpool {

std::string TrainingId::ToName() const {
  return absl::StrCat(key.ToString(), "-", trial.value);
}

std::optional<TrainingId> TrainingIdFromName(absl::string_view name) {
  const auto key = Digest::Parse(std::string(name.substr(0, 64)));
  if (!key.ok()) return std::nullopt;
  TrainingId id{*key, TrialId()};
  if (name == key->ToString()) return id;
  if (name.size() < 66 || !absl::SimpleAtoi(name.substr(65), &id.trial.value) ||
      id.trial.value < 0 || id.ToName() != name) {
    return std::nullopt;
  }
  return id;
}

}  // namespace archpool
