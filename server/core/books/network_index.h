// SPDX-License-Identifier: Apache-2.0
// Which networks of one open task are taken, which an account may not have
// again, and which advance to the next rung.
#ifndef ARCHPOOL_SERVER_CORE_BOOKS_NETWORK_INDEX_H_
#define ARCHPOOL_SERVER_CORE_BOOKS_NETWORK_INDEX_H_

#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "server/core/books/maps.h"
#include "server/core/leaves/rung_board.h"
#include "server/core/records/entities.h"

namespace archpool {

// Whether a trial in that state still counts against the budget, and keeps its
// network taken.
bool HoldsNetwork(TrialState state);

// Value type; thread-compatible. Changed by Add and Count alone.
struct NetworkIndex {
  NetworkIndex() = default;
  explicit NetworkIndex(const Recipe& recipe);

  // A trial that was not there before: what it grows from.
  void Add(const Trial& trial);
  // One trial more (+1) or less (−1); a trial that changes is counted off as it
  // was, and on as it is. `ppm`: the share of the validation split that it got
  // right, where it is accepted.
  void Count(const Trial& trial, int64_t ppm, int64_t sign);

  // Whether some trial trains the network at the rung, or has trained it.
  bool IsTaken(const Digest& architecture, int64_t rung = 0) const;
  // What accounts trained, and was rejected: the same account would train the
  // same bits again, so it is never given the network at that rung again. Nor
  // what its machine cannot train.
  bool WasRejected(AccountId account, const Digest& architecture,
                   int64_t rung = 0) const {
    return rejected.contains({account, architecture, rung});
  }

  // By how many trials, at the first rung and at the others: one, and one more
  // for each backup's.
  absl::btree_map<Digest, int64_t> taken;
  absl::btree_map<std::pair<Digest, int64_t>, int64_t> promoted;
  // By rung, but the last: which of its results continue.
  std::vector<RungBoard> rungs;
  // By result: how often its account took it on and gave it up again.
  absl::btree_map<TrialId, int64_t> resumptions_given_up;
  // By result: the trials that continue from its weights.
  absl::btree_map<TrialId, std::vector<TrialId>> grown;
  absl::btree_set<std::tuple<AccountId, Digest, int64_t>> rejected;
  // What an account left undone: it gets that back before anything else.
  SetMap<AccountId, TrialId> abandoned;

 private:
  void CountAbove(const Trial& trial, int64_t sign);
  void CountOnBoard(const Trial& trial, int64_t ppm, int64_t sign);
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_BOOKS_NETWORK_INDEX_H_
