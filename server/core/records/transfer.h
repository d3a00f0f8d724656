// SPDX-License-Identifier: Apache-2.0
// Money: where it lies and how it moves. Double entry: a transfer leaves one
// place and enters another, is immutable, and its amount is positive. Value
// types; thread-compatible.
#ifndef ARCHPOOL_SERVER_CORE_RECORDS_TRANSFER_H_
#define ARCHPOOL_SERVER_CORE_RECORDS_TRANSFER_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "common/base/words.h"
#include "common/model/ids.h"

namespace archpool {

// Where money lies: kPayouts is set aside to leave the pool.
enum class PlaceKind { kOutside, kFees, kAccount, kEscrow, kPayouts };
template <>
inline constexpr const char* kWordsOf<PlaceKind>[] = {
    "outside", "fees", "account", "escrow", "payouts"};

// Whether there is one for each account, or for each task.
constexpr bool IsNumbered(PlaceKind kind) {
  return kind == PlaceKind::kAccount || kind == PlaceKind::kEscrow;
}

struct Place {
  PlaceKind kind = PlaceKind::kOutside;
  int64_t id = 0;  // the account's or the task's; 0 for the others

  static Place Outside() { return {PlaceKind::kOutside, 0}; }
  static Place Fees() { return {PlaceKind::kFees, 0}; }
  static Place Payouts() { return {PlaceKind::kPayouts, 0}; }
  static Place Of(AccountId account) {
    return {PlaceKind::kAccount, account.value};
  }
  static Place EscrowOf(TaskId task) {
    return {PlaceKind::kEscrow, task.value};
  }
  friend auto operator<=>(const Place&, const Place&) = default;
};

enum class TransferKind {
  kDeposit,
  kEscrow,
  kPay,
  kFindersBonus,
  kFee,
  kRefund,
  kShare,   // from one account to another, by the first one's split
  kPayout,  // set aside
  kSettle,  // left the pool
  kReturn   // came back, refused by the rail
};
template <>
inline constexpr const char* kWordsOf<TransferKind>[] = {
    "deposit", "escrow", "pay",    "finders_bonus", "fee",
    "refund",  "share",  "payout", "settle",        "return"};

// An immutable movement of money.
struct Transfer {
  TransferId id;
  Place from;
  Place to;
  Amount amount = 0;  // positive
  TransferKind kind = TransferKind::kDeposit;
  TaskId task;             // unset for deposits and payouts
  PayoutId payout;         // of the last three kinds
  std::string request_id;  // idempotency key of a deposit; "" otherwise
  absl::Time create_time;

  friend bool operator==(const Transfer&, const Transfer&) = default;
};

// What entered a place less what left it, kept beside the transfers so that the
// database itself refuses a negative one. Negative for kOutside alone.
struct Balance {
  Place place;
  Amount amount = 0;

  friend bool operator==(const Balance&, const Balance&) = default;
};

// "account:7", "escrow:task-3", "fees", "payouts", "outside".
std::string ToString(const Place& place);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_RECORDS_TRANSFER_H_
