// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/peer_lines.h"

#include <iterator>
#include <utility>

namespace archpool::rpc {

std::optional<int64_t> PeerLines::Take(const std::string& kind,
                                       const std::string& source,
                                       absl::Time now) {
  Kind& state = kinds_[kind];
  if (now >= state.end) {
    state.end = now + interval_;
    state.said.clear();
  }
  if (std::ssize(state.said) >= lines_max_ ||
      !state.said.insert(source).second) {
    ++state.held_back;
    return std::nullopt;
  }
  return std::exchange(state.held_back, 0);
}

}  // namespace archpool::rpc
