// SPDX-License-Identifier: Apache-2.0
// The same network in another search space.
#ifndef ARCHPOOL_COMMON_NAS_TRANSLATION_H_
#define ARCHPOOL_COMMON_NAS_TRANSLATION_H_

#include <optional>

#include "common/nas/search_space.h"

namespace archpool {

// The architecture of `to` that makes the same choices by name and value, so
// that what was learnt in one space counts in one that was widened, narrowed or
// reordered. Nothing where a choice of `to` cannot be told. Whether it is the
// same network, its id says: the templates may differ.
// REQUIRES: from.IsValid(architecture).
std::optional<Architecture> Translate(const SearchSpace& from,
                                      const Architecture& architecture,
                                      const SearchSpace& to);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_NAS_TRANSLATION_H_
