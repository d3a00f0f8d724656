// SPDX-License-Identifier: Apache-2.0
// Ready search spaces for `archpool task init`: families of networks that are
// known to be good, cut to the size of the images. Pure; thread-safe.
#ifndef ARCHPOOL_CLIENT_FAMILY_H_
#define ARCHPOOL_CLIENT_FAMILY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/nas/layer_plan.h"

namespace archpool {

enum class Family { kMobile, kResidual, kCell, kTiny };

struct FamilyEntry {
  Family family;
  const char* word;   // of flags and answers
  const char* about;  // a few words, for a list of them
};
const std::vector<FamilyEntry>& Families();
// nullopt: there is none of that word.
std::optional<Family> FindFamily(absl::string_view word);

// How often the sides of an image are halved: so that at least 4 pixels a side
// are left before the mean over all of them is taken.
int64_t HalvingsOf(const TensorShape& image);

// Where a family takes less than any plan by itself: tiny networks have to fit
// into a microcontroller. 0: no limit.
PlanLimits LimitsOf(Family family);

// The section `space:` of a task file, with its comments; all widths are
// divided by `shrink`. REQUIRES: shrink is 1, 2 or 4; sides of at least one
// pixel.
std::string SpaceText(Family family, const TensorShape& image, int64_t shrink);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_FAMILY_H_
