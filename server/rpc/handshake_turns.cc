// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/handshake_turns.h"

#include <algorithm>
#include <iterator>

#include "common/base/check.h"

namespace archpool::rpc {
namespace {

// From when on there is one to use, of what is whole again at `full`.
absl::Time NextOf(const HandshakeRate& rate, absl::Time full) {
  return full - (rate.burst - 1) * rate.interval;
}

absl::Time AfterUse(const HandshakeRate& rate, absl::Time full,
                    absl::Time now) {
  return std::max(full, now) + rate.interval;
}

}  // namespace

template <typename Change>
void HandshakeTurns::Update(const std::string& name, const Change& change) {
  const auto [found, is_new] = sources_.try_emplace(name);
  Source& source = found->second;
  if (!is_new) TakeOut(name, source);
  change(source);
  PutIn(name, source);
}

void HandshakeTurns::PutIn(const std::string& name, const Source& source) {
  if (source.waiting.empty()) {
    idle_.insert({source.full, name});
  } else if (source.full == absl::InfinitePast()) {
    fresh_.emplace(*source.waiting.rbegin(), name);
  } else {
    waiting_.insert({source.full, name});
  }
}

void HandshakeTurns::TakeOut(const std::string& name, const Source& source) {
  if (source.waiting.empty()) {
    idle_.erase({source.full, name});
  } else if (source.full == absl::InfinitePast()) {
    fresh_.erase(*source.waiting.rbegin());
  } else {
    waiting_.erase({source.full, name});
  }
}

void HandshakeTurns::Add(ConnectionId id, const std::string& source) {
  const bool is_new = source_of_.emplace(id, source).second;
  ARCHPOOL_CHECK(is_new);
  Update(source, [id](Source& of) { of.waiting.insert(id); });
}

bool HandshakeTurns::Remove(ConnectionId id) {
  const auto found = source_of_.find(id);
  if (found == source_of_.end()) return false;
  Update(found->second, [id](Source& of) { of.waiting.erase(id); });
  source_of_.erase(found);
  return true;
}

std::optional<ConnectionId> HandshakeTurns::Take(absl::Time now) {
  ForgetUsed(now);
  if (NextTurn() > now) return std::nullopt;
  const std::string name =
      fresh_.empty() ? waiting_.begin()->second : fresh_.rbegin()->second;
  ConnectionId id = 0;
  Update(name, [&](Source& source) {
    const auto youngest = std::prev(source.waiting.end());
    id = *youngest;
    source.waiting.erase(youngest);
    source.full = AfterUse(rates_.per_source, source.full, now);
  });
  source_of_.erase(id);
  all_full_ = AfterUse(rates_.of_all, all_full_, now);
  return id;
}

absl::Time HandshakeTurns::NextTurn() const {
  if (!fresh_.empty()) return NextOf(rates_.of_all, all_full_);
  if (waiting_.empty()) return absl::InfiniteFuture();
  return std::max(NextOf(rates_.per_source, waiting_.begin()->first),
                  NextOf(rates_.of_all, all_full_));
}

void HandshakeTurns::GiveBack(const std::string& source, absl::Time now) {
  all_full_ -= rates_.of_all.interval;
  ForgetUsed(now);
  // Nothing of it is used any more.
  if (sources_.find(source) == sources_.end()) return;
  Update(source, [this](Source& of) { of.full -= rates_.per_source.interval; });
}

void HandshakeTurns::ForgetUsed(absl::Time now) {
  while (!idle_.empty() && idle_.begin()->first <= now) {
    sources_.erase(idle_.begin()->second);
    idle_.erase(idle_.begin());
  }
  while (!waiting_.empty() && waiting_.begin()->first <= now) {
    const std::string name = waiting_.begin()->second;
    Update(name, [](Source& of) { of.full = absl::InfinitePast(); });
  }
}

}  // namespace archpool::rpc
