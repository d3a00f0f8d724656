// SPDX-License-Identifier: Apache-2.0
// Which state of a record may follow which, who causes it, and why. The tables
// themselves stand in transitions.h. Constants and pure functions; thread-safe.
#ifndef ARCHPOOL_SERVER_CORE_RECORDS_TRANSITION_H_
#define ARCHPOOL_SERVER_CORE_RECORDS_TRANSITION_H_

#include <cstddef>
#include <optional>
#include <string>

#include "common/base/words.h"

namespace archpool {

// Who causes a step. kHolder: the holder of an account, whatever its role.
// kPayer: the part of the pool that sends money, by what the rail says. kPool:
// its rules, and its clock.
enum class Cause {
  kClient,
  kMiner,
  kVerifier,
  kOperator,
  kHolder,
  kPayer,
  kPool
};
template <>
inline constexpr const char* kWordsOf<Cause>[] = {
    "client", "miner", "verifier", "operator", "account", "payer", "pool"};

template <typename State>
struct Transition {
  std::optional<State> from;  // kNew: there was no such record
  State to;
  Cause by;
  const char* why;
};

inline constexpr std::nullopt_t kNew = std::nullopt;

// A step stands here once for each who may cause it. A record may always stay
// as it is.
template <typename State>
inline constexpr std::nullptr_t kTransitionsOf = nullptr;

template <typename State>
constexpr bool MayStep(std::optional<State> from, State to) {
  if (from == to) return true;
  for (const Transition<State>& step : kTransitionsOf<State>) {
    if (step.from == from && step.to == to) return true;
  }
  return false;
}

// Nothing leads from it.
template <typename State>
constexpr bool IsEnd(State state) {
  for (const Transition<State>& step : kTransitionsOf<State>) {
    if (step.from == state) return false;
  }
  return true;
}

// Every state that a step leads to has a word.
template <HasWords State>
constexpr bool HaveWords() {
  for (const Transition<State>& step : kTransitionsOf<State>) {
    if (static_cast<size_t>(step.to) >= kCountOf<State>) return false;
  }
  return true;
}

// Aborts, saying which record was to go from where to where.
[[noreturn]] void WrongStep(const std::string& record, const char* from,
                            const char* to);

// Aborts unless `after` may follow `before`; nullptr: there is none.
template <typename Record>
void CheckStep(const Record* before, const Record& after) {
  using State = decltype(Record::state);
  static_assert(HaveWords<State>(), "a state lacks its word in kWordsOf");
  std::optional<State> from;
  if (before != nullptr) from = before->state;
  if (MayStep(from, after.state)) return;
  WrongStep(after.id.ToString(), from ? ToString(*from) : "nowhere",
            ToString(after.state));
}

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_RECORDS_TRANSITION_H_
