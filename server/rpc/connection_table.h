// SPDX-License-Identifier: Apache-2.0
// Which connections may stay open, and which end to make room for others. A
// connection is a stranger's until a call over it shows a token that the pool
// knows; from then on it is its account's, until that token ends. Strangers are
// bounded by address and in all, in what they send, and in how long they are
// silent; where there are too many, the oldest of the address that has most
// ends, so that a caller that shows a token at once comes in, even from the
// address of those that crowd it.
//
// Says what is to end, and ends nothing itself. Does no IO; one thread at a
// time.
#ifndef ARCHPOOL_SERVER_RPC_CONNECTION_TABLE_H_
#define ARCHPOOL_SERVER_RPC_CONNECTION_TABLE_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/model/ids.h"
#include "server/core/records/token_records.h"

namespace archpool::rpc {

// Larger ones are younger.
using ConnectionId = int64_t;

struct ConnectionLimits {
  int64_t open_max = 4'096;
  int64_t per_account_max = 4'096;
  int64_t strangers_max = 1'024;
  int64_t strangers_per_source_max = 128;
  // gRPC reads a whole message before anybody sees whose it is. So few may have
  // sent more than `small_bytes_max`, and none more than the largest message.
  int64_t small_bytes_max = 64 << 10;
  int64_t large_max = 32;
  int64_t large_per_source_max = 8;
  int64_t bytes_max = 5 << 20;
  // What a stranger says at least this often, and it must show a token within
  // `stranger_age_max`: a message of the largest size may come over a slow
  // line.
  absl::Duration silence_max = absl::Seconds(20);
  absl::Duration stranger_age_max = absl::Minutes(10);
};

// For a server that may have that many connections. REQUIRES: open_max > 0.
ConnectionLimits LimitsFor(int64_t open_max);

// By which token a call came.
struct ShownToken {
  TokenKey key;
  absl::Time end = absl::InfiniteFuture();
};

// What a call's token makes of its connection.
enum class Welcome {
  kAgain,    // nothing new
  kFirst,    // it was a stranger's until now
  kTooMany,  // the account has too many: it stays what it was
};

enum class EndReason {
  kCrowded,  // too many strangers
  kSilent,
  kTooLarge,  // too much was sent before a token
  kFull,      // too many connections in all
};
// "crowded", "silent", …
absl::string_view ToString(EndReason reason);

struct ConnectionEnd {
  ConnectionId id;
  EndReason reason;
  std::string source;  // JoinSource of its peer
};

// Sets of connections by a key, of which the largest is known.
class Crowds {
 public:
  void Add(const std::string& key, ConnectionId id);
  void Remove(const std::string& key, ConnectionId id);
  int64_t count() const { return static_cast<int64_t>(all_.size()); }
  int64_t CountOf(const std::string& key) const;
  int64_t LargestCount() const;
  // REQUIRES: there is one.
  ConnectionId OldestOf(const std::string& key) const;
  // Where nobody has more than two, the oldest of all. REQUIRES: count() > 0.
  ConnectionId OldestOfLargest() const;
  const absl::btree_set<ConnectionId>& all() const { return all_; }
  // Empty where there is none.
  std::vector<ConnectionId> Of(const std::string& key) const;

 private:
  void Resize(const std::string& key, size_t from, size_t to);

  absl::btree_set<ConnectionId> all_;
  absl::btree_map<std::string, absl::btree_set<ConnectionId>> by_key_;
  absl::btree_set<std::pair<size_t, std::string>> by_size_;
};

class ConnectionTable {
 public:
  explicit ConnectionTable(const ConnectionLimits& limits) : limits_(limits) {}

  // A new connection, larger than all before, of `peer` as gRPC spells it. What
  // ends for it is no longer in the table; where that is the new one itself, it
  // is not let in.
  std::vector<ConnectionEnd> Add(ConnectionId id, absl::string_view peer,
                                 absl::Time now);
  // It has ended by itself. One that is not there is none of it.
  void Remove(ConnectionId id);
  // A call over the connection of `peer` came by that token, which is in force.
  Welcome NoteCaller(absl::string_view peer, const ShownToken& token);
  // Connections over which it was shown last are strangers' again.
  void EndToken(const TokenKey& token, absl::Time now);
  // That many bytes have come over a stranger's connection so far.
  std::vector<ConnectionEnd> NoteBytes(ConnectionId id, int64_t bytes,
                                       absl::Time now);
  // Strangers that were silent, or strangers, for too long. Tokens that have
  // expired end first.
  std::vector<ConnectionEnd> TakeOverdue(absl::Time now);

  std::vector<ConnectionId> Strangers() const;
  int64_t open_count() const {
    return static_cast<int64_t>(connections_.size());
  }
  int64_t stranger_count() const { return strangers_.count(); }

 private:
  struct Connection {
    std::string peer;
    std::string source;
    std::optional<ShownToken> token;  // the last one; unset: a stranger's
    absl::Time begin;
    absl::Time heard;  // something new
    // Those that came before it became a stranger's; unset: not known yet.
    std::optional<int64_t> bytes_before = 0;
    int64_t bytes = 0;
    bool is_large = false;
  };

  // Takes it out of the sets by whose it is.
  void TakeOut(ConnectionId id, const Connection& connection);
  void MakeStranger(ConnectionId id, absl::Time now);
  void End(ConnectionId id, EndReason reason, std::vector<ConnectionEnd>& ends);
  void MakeRoom(const std::string& source, std::vector<ConnectionEnd>& ends);

  const ConnectionLimits limits_;
  absl::btree_map<ConnectionId, Connection> connections_;
  absl::btree_map<std::string, ConnectionId> by_peer_;
  Crowds strangers_;  // by source
  Crowds large_;      // strangers that sent much, by source
  Crowds known_;      // by account
  // When tokens of known ones end.
  absl::btree_set<std::pair<absl::Time, ConnectionId>> token_ends_;
};

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_CONNECTION_TABLE_H_
