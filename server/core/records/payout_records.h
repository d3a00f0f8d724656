// SPDX-License-Identifier: Apache-2.0
// Money that leaves the pool. Part of server/core/records/entities.h, which
// says what records are.
#ifndef ARCHPOOL_SERVER_CORE_RECORDS_PAYOUT_RECORDS_H_
#define ARCHPOOL_SERVER_CORE_RECORDS_PAYOUT_RECORDS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "common/base/words.h"
#include "common/crypto/sha256.h"
#include "common/model/ids.h"

namespace archpool {

// kWaiting: the money is set aside. kSending: durable before the rail hears of
// it. kUnknown: the rail may have it or not; only its own answer leads on from
// there. kSent: the rail has it, and will say how it ended. kRefused: the
// money is back.
enum class PayoutState {
  kWaiting,
  kSending,
  kUnknown,
  kSent,
  kSettled,
  kRefused
};
template <>
inline constexpr const char* kWordsOf<PayoutState>[] = {
    "waiting", "sending", "unknown", "sent", "settled", "refused"};
bool IsEnded(PayoutState state);  // no step leads from it

// The address that an account is to be paid to from then on, unless its owner
// takes it back before.
struct NextAddress {
  std::string address;  // not ""
  absl::Time time;

  friend bool operator==(const NextAddress&, const NextAddress&) = default;
};

struct Payout {
  PayoutId id;
  AccountId account;
  Amount amount = 0;       // positive
  std::string address;     // as it was when the money was set aside
  std::string request_id;  // of a payout that was asked for; "" otherwise
  // What the rail knows it by: the same at every attempt, another's never.
  Digest key;
  PayoutState state = PayoutState::kWaiting;
  int64_t attempt = 0;    // sends begun
  std::string reference;  // the rail's own; "" while it has given none
  std::string reason;     // of a refusal, or of the latest doubt
  absl::Time create_time;
  std::optional<absl::Time> end_time;  // once it has ended

  friend bool operator==(const Payout&, const Payout&) = default;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_RECORDS_PAYOUT_RECORDS_H_
