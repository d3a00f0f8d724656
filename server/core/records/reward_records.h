// SPDX-License-Identifier: Apache-2.0
// What is owed and shown to miners. Part of server/core/records/entities.h,
// which says what records are.
#ifndef ARCHPOOL_SERVER_CORE_RECORDS_REWARD_RECORDS_H_
#define ARCHPOOL_SERVER_CORE_RECORDS_REWARD_RECORDS_H_

#include <cstdint>
#include <string>

#include "common/base/words.h"
#include "common/model/ids.h"

namespace archpool {

// How a task's work pot reaches the miners (server/core/leaves/reward.h). Fixed
// per task, by the pool's policy at its submission.
enum class RewardRule {
  kProportional,  // its own accepted work, when it ends
  kPplns,         // what the pool's last work units are still owed
};
template <>
inline constexpr const char* kWordsOf<RewardRule>[] = {"proportional", "pplns"};

// Where part of what an account is paid goes: of 1'000'000 in all.
struct RevenuePart {
  AccountId account;
  int64_t share_ppm = 0;

  friend bool operator==(const RevenuePart&, const RevenuePart&) = default;
};

// Under kPplns: what an account has still to get for credited work. Kept by the
// place of that work in the sequence of all units that the pool ever credited,
// rounded down to a slice of the window.
struct Owed {
  int64_t position = 0;  // work units
  AccountId account;
  Amount amount = 0;

  friend bool operator==(const Owed&, const Owed&) = default;
};

// One thing that happened to an account's work or money, as a leaf of its
// receipts (common/model/receipt.h). Only ever added.
struct Receipt {
  ReceiptId id;
  AccountId account;    // unset: the pool's own books
  std::string content;  // the encoding of a ReceiptContent

  friend bool operator==(const Receipt&, const Receipt&) = default;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_RECORDS_REWARD_RECORDS_H_
