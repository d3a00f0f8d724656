// SPDX-License-Identifier: Apache-2.0
// Which connections agree on their encryption, and when: that costs the server
// some of its time, which who connects again and again would take from those
// who work. Each address may have some handshakes at once and some more each
// second, and so may all together; one that led to a known token costs nothing,
// so a farm behind one address comes back as fast as it can.
//
// The address that used least of what it may goes first, and of its connections
// the youngest: those who show tokens go before those who do not, and who
// comes from a hostile address has its chance at each turn of that. Of
// addresses that use nothing now, the one with the youngest connection goes
// first: who has any number of addresses, as everybody has with IPv6, keeps out
// none that comes between them, however it is called.
//
// Does no IO; one thread at a time. Times are of one clock that is not set.
#ifndef ARCHPOOL_SERVER_RPC_HANDSHAKE_TURNS_H_
#define ARCHPOOL_SERVER_RPC_HANDSHAKE_TURNS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/time/time.h"
#include "server/rpc/connection_table.h"

namespace archpool::rpc {

// `burst` at once, and one more each time `interval` has passed.
struct HandshakeRate {
  int64_t burst;  // > 0
  absl::Duration interval;
};

struct HandshakeRates {
  // A fifth of a core; one of IPv4, or of IPv6 a /64.
  HandshakeRate per_source{256, absl::Milliseconds(5)};
  // Half a core, whatever the number of addresses.
  HandshakeRate of_all{1'024, absl::Milliseconds(2)};
};

class HandshakeTurns {
 public:
  explicit HandshakeTurns(const HandshakeRates& rates) : rates_(rates) {}

  // It waits for its turn. REQUIRES: it does not yet.
  void Add(ConnectionId id, const std::string& source);
  // It waits no longer. False: it did not.
  bool Remove(ConnectionId id);
  // The one whose turn it is, which then waits no longer; nullopt: nobody
  // waits, or nobody may go yet.
  std::optional<ConnectionId> Take(absl::Time now);
  // When Take may have one again; InfiniteFuture: nobody waits.
  absl::Time NextTurn() const;
  // A connection of that source that had its turn showed a token that is known.
  void GiveBack(const std::string& source, absl::Time now);

  int64_t waiting_count() const {
    return static_cast<int64_t>(source_of_.size());
  }
  // How many addresses are remembered: those that wait, and those that have
  // used some of what they may.
  int64_t source_count() const { return static_cast<int64_t>(sources_.size()); }

 private:
  // What was used is told by when it will have come back: at `full`, or later
  // than that, nothing is used. InfinitePast: that is known already.
  struct Source {
    absl::Time full = absl::InfinitePast();
    absl::btree_set<ConnectionId> waiting;
  };
  using Order = absl::btree_set<std::pair<absl::Time, std::string>>;

  // Each is in one order: idle, or waiting with nothing used, or waiting.
  void PutIn(const std::string& name, const Source& source);
  void TakeOut(const std::string& name, const Source& source);
  // Changes `sources_[name]` by `change(source)`, and its place in the orders.
  template <typename Change>
  void Update(const std::string& name, const Change& change);
  // Those that use nothing any more are equal.
  void ForgetUsed(absl::Time now);

  const HandshakeRates rates_;
  absl::btree_map<std::string, Source> sources_;
  absl::btree_map<ConnectionId, std::string> source_of_;  // of those that wait
  Order waiting_;
  absl::btree_map<ConnectionId, std::string> fresh_;  // by their youngest
  Order idle_;
  absl::Time all_full_ = absl::InfinitePast();
};

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_HANDSHAKE_TURNS_H_
