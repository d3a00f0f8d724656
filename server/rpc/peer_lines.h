// SPDX-License-Identifier: Apache-2.0
// Which lines about peers go into the log: nobody fills it by connecting often.
// Each kind has a few in a while, each about another address; the others are
// counted. Memory is bounded by the same. One thread at a time.
#ifndef ARCHPOOL_SERVER_RPC_PEER_LINES_H_
#define ARCHPOOL_SERVER_RPC_PEER_LINES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/time/time.h"

namespace archpool::rpc {

class PeerLines {
 public:
  explicit PeerLines(int64_t lines_max = 5,
                     absl::Duration interval = absl::Minutes(1))
      : lines_max_(lines_max), interval_(interval) {}

  // How many of that kind were held back since the last line; nullopt: this one
  // is held back too. REQUIRES: kinds are few, and chosen by the program.
  std::optional<int64_t> Take(const std::string& kind,
                              const std::string& source, absl::Time now);

 private:
  struct Kind {
    absl::Time end = absl::InfinitePast();  // of the interval
    absl::btree_set<std::string> said;      // sources, in it
    int64_t held_back = 0;
  };

  const int64_t lines_max_;
  const absl::Duration interval_;
  absl::btree_map<std::string, Kind> kinds_;
};

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_PEER_LINES_H_
