// SPDX-License-Identifier: Apache-2.0
#include "common/nas/translation.h"

#include <algorithm>

namespace archpool {

std::optional<Architecture> Translate(const SearchSpace& from,
                                      const Architecture& architecture,
                                      const SearchSpace& to) {
  if (from.dimensions() == to.dimensions()) return architecture;
  Architecture translated;
  for (const Dimension& dimension : to.dimensions()) {
    const auto& theirs = from.dimensions();
    const auto same = std::find_if(
        theirs.begin(), theirs.end(),
        [&](const Dimension& other) { return other.name == dimension.name; });
    if (same == theirs.end()) {
      if (dimension.choices.size() != 1) return std::nullopt;
      translated.choices.push_back(0);
      continue;
    }
    const ChoiceValue& value =
        from.ValueOf(architecture, static_cast<int>(same - theirs.begin()));
    const auto choice =
        std::find(dimension.choices.begin(), dimension.choices.end(), value);
    if (choice == dimension.choices.end()) return std::nullopt;
    translated.choices.push_back(
        static_cast<uint8_t>(choice - dimension.choices.begin()));
  }
  return translated;
}

}  // namespace archpool
