// SPDX-License-Identifier: Apache-2.0
#include "server/core/leaves/heirs.h"

#include <algorithm>
#include <utility>

#include "common/base/counter_rng.h"

namespace archpool {

SessionId HeirOf(AuditId question, const std::vector<SessionId>& able) {
  const auto weight_of = [&](SessionId session) {
    CounterRng rng(static_cast<uint64_t>(question.value),
                   static_cast<uint64_t>(session.value));
    return std::pair(rng.Next(), session);
  };
  return *std::max_element(
      able.begin(), able.end(),
      [&](SessionId a, SessionId b) { return weight_of(a) < weight_of(b); });
}

}  // namespace archpool
