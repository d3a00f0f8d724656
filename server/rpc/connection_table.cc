// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/connection_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/check.h"
#include "server/rpc/join_limits.h"

namespace archpool::rpc {
namespace {

constexpr int64_t kStrangersMax = 4'096;
constexpr int64_t kStrangersMin = 16;
// So much of it is one address': after a restart of the server a farm of a
// thousand workers behind one address comes back at once.
constexpr int64_t kSourcePart = 4;
// An account keeps a quarter of all connections where there is no more room.
constexpr int64_t kAccountPart = 4;

// One spelling: some releases escape the brackets, and the name of a network
// interface is no part of the address.
std::string KeyOf(absl::string_view peer) {
  std::string key = absl::StrReplaceAll(peer, {{"%5B", "["}, {"%5D", "]"}});
  const size_t interface = key.find('%');
  const size_t end = key.find(']');
  if (interface < end && end != std::string::npos) {
    key.erase(interface, end - interface);
  }
  return key;
}

std::string KeyOf(AccountId account) { return absl::StrCat(account.value); }

}  // namespace

ConnectionLimits LimitsFor(int64_t open_max) {
  ConnectionLimits limits;
  limits.open_max = open_max;
  limits.per_account_max = std::max<int64_t>(open_max / 2, 1);
  limits.strangers_max = std::clamp(open_max / 4, kStrangersMin, kStrangersMax);
  limits.strangers_per_source_max = limits.strangers_max / kSourcePart;
  return limits;
}

absl::string_view ToString(EndReason reason) {
  switch (reason) {
    case EndReason::kCrowded:
      return "crowded";
    case EndReason::kSilent:
      return "silent";
    case EndReason::kTooLarge:
      return "too_large";
    case EndReason::kFull:
      return "full";
  }
  return "";
}

void Crowds::Add(const std::string& key, ConnectionId id) {
  absl::btree_set<ConnectionId>& crowd = by_key_[key];
  const size_t before = crowd.size();
  crowd.insert(id);
  all_.insert(id);
  Resize(key, before, crowd.size());
}

void Crowds::Remove(const std::string& key, ConnectionId id) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end() || found->second.erase(id) == 0) return;
  all_.erase(id);
  const size_t left = found->second.size();
  if (left == 0) by_key_.erase(found);
  Resize(key, left + 1, left);
}

void Crowds::Resize(const std::string& key, size_t from, size_t to) {
  by_size_.erase({from, key});
  if (to > 0) by_size_.insert({to, key});
}

int64_t Crowds::CountOf(const std::string& key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? 0
                                : static_cast<int64_t>(found->second.size());
}

std::vector<ConnectionId> Crowds::Of(const std::string& key) const {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return {};
  return {found->second.begin(), found->second.end()};
}

int64_t Crowds::LargestCount() const {
  return by_size_.empty() ? 0 : static_cast<int64_t>(by_size_.rbegin()->first);
}

ConnectionId Crowds::OldestOf(const std::string& key) const {
  const auto found = by_key_.find(key);
  ARCHPOOL_CHECK(found != by_key_.end());
  return *found->second.begin();
}

ConnectionId Crowds::OldestOfLargest() const {
  ARCHPOOL_CHECK(!all_.empty());
  const auto& [size, key] = *by_size_.rbegin();
  return size > 2 ? OldestOf(key) : *all_.begin();
}

std::vector<ConnectionEnd> ConnectionTable::Add(ConnectionId id,
                                                absl::string_view peer,
                                                absl::Time now) {
  ARCHPOOL_CHECK(connections_.empty() || connections_.rbegin()->first < id);
  const std::string key = KeyOf(peer);
  const std::string source = JoinSource(peer);
  std::vector<ConnectionEnd> ends;
  MakeRoom(source, ends);
  if (open_count() >= limits_.open_max) {
    ends.push_back({id, EndReason::kFull, source});
    return ends;
  }
  connections_[id] = {.peer = key,
                      .source = source,
                      .token = std::nullopt,
                      .begin = now,
                      .heard = now};
  by_peer_[key] = id;
  strangers_.Add(source, id);
  return ends;
}

void ConnectionTable::MakeRoom(const std::string& source,
                               std::vector<ConnectionEnd>& ends) {
  if (strangers_.CountOf(source) >= limits_.strangers_per_source_max) {
    End(strangers_.OldestOf(source), EndReason::kCrowded, ends);
  } else if (strangers_.count() >= limits_.strangers_max) {
    End(strangers_.OldestOfLargest(), EndReason::kCrowded, ends);
  }
  if (open_count() < limits_.open_max) return;
  if (strangers_.count() > 0) {
    End(strangers_.OldestOfLargest(), EndReason::kFull, ends);
  } else if (known_.LargestCount() > limits_.open_max / kAccountPart) {
    End(known_.OldestOfLargest(), EndReason::kFull, ends);
  }
}

void ConnectionTable::End(ConnectionId id, EndReason reason,
                          std::vector<ConnectionEnd>& ends) {
  ends.push_back({id, reason, connections_.at(id).source});
  Remove(id);
}

void ConnectionTable::Remove(ConnectionId id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  const Connection& connection = found->second;
  TakeOut(id, connection);
  // The peer may have another one from the same port by now.
  const auto of_peer = by_peer_.find(connection.peer);
  if (of_peer != by_peer_.end() && of_peer->second == id) {
    by_peer_.erase(of_peer);
  }
  connections_.erase(found);
}

void ConnectionTable::TakeOut(ConnectionId id, const Connection& connection) {
  if (connection.token) {
    known_.Remove(KeyOf(connection.token->key.account), id);
    token_ends_.erase({connection.token->end, id});
  } else {
    strangers_.Remove(connection.source, id);
    large_.Remove(connection.source, id);
  }
}

Welcome ConnectionTable::NoteCaller(absl::string_view peer,
                                    const ShownToken& token) {
  const auto of_peer = by_peer_.find(KeyOf(peer));
  if (of_peer == by_peer_.end()) return Welcome::kAgain;
  const ConnectionId id = of_peer->second;
  Connection& connection = connections_.at(id);
  const bool was_stranger = !connection.token;
  if (!was_stranger && connection.token->key == token.key &&
      connection.token->end == token.end) {
    return Welcome::kAgain;
  }
  const std::string account = KeyOf(token.key.account);
  const bool is_new =
      was_stranger || connection.token->key.account != token.key.account;
  if (is_new && known_.CountOf(account) >= limits_.per_account_max) {
    return Welcome::kTooMany;
  }
  TakeOut(id, connection);
  connection.token = token;
  connection.is_large = false;
  known_.Add(account, id);
  token_ends_.insert({token.end, id});
  return was_stranger ? Welcome::kFirst : Welcome::kAgain;
}

void ConnectionTable::EndToken(const TokenKey& token, absl::Time now) {
  for (const ConnectionId id : known_.Of(KeyOf(token.account))) {
    if (connections_.at(id).token->key == token) MakeStranger(id, now);
  }
}

void ConnectionTable::MakeStranger(ConnectionId id, absl::Time now) {
  Connection& connection = connections_.at(id);
  TakeOut(id, connection);
  connection.token.reset();
  // As one that came just now.
  connection.begin = connection.heard = now;
  connection.bytes_before.reset();
  connection.bytes = 0;
  strangers_.Add(connection.source, id);
}

std::vector<ConnectionEnd> ConnectionTable::NoteBytes(ConnectionId id,
                                                      int64_t bytes,
                                                      absl::Time now) {
  std::vector<ConnectionEnd> ends;
  const auto found = connections_.find(id);
  if (found == connections_.end() || found->second.token) return ends;
  Connection& connection = found->second;
  if (!connection.bytes_before) connection.bytes_before = bytes;
  bytes -= *connection.bytes_before;
  if (bytes > connection.bytes) connection.heard = now;
  connection.bytes = bytes;
  if (bytes > limits_.bytes_max) {
    End(id, EndReason::kTooLarge, ends);
    return ends;
  }
  if (bytes <= limits_.small_bytes_max || connection.is_large) return ends;
  const std::string source = connection.source;
  connection.is_large = true;
  large_.Add(source, id);
  if (large_.CountOf(source) > limits_.large_per_source_max) {
    End(large_.OldestOf(source), EndReason::kTooLarge, ends);
  } else if (large_.count() > limits_.large_max) {
    End(large_.OldestOfLargest(), EndReason::kTooLarge, ends);
  }
  return ends;
}

std::vector<ConnectionEnd> ConnectionTable::TakeOverdue(absl::Time now) {
  while (!token_ends_.empty() && token_ends_.begin()->first <= now) {
    MakeStranger(token_ends_.begin()->second, now);
  }
  std::vector<ConnectionEnd> ends;
  for (const ConnectionId id : Strangers()) {
    const Connection& connection = connections_.at(id);
    if (now - connection.heard > limits_.silence_max ||
        now - connection.begin > limits_.stranger_age_max) {
      End(id, EndReason::kSilent, ends);
    }
  }
  return ends;
}

std::vector<ConnectionId> ConnectionTable::Strangers() const {
  return {strangers_.all().begin(), strangers_.all().end()};
}

}  // namespace archpool::rpc
