// SPDX-License-Identifier: Apache-2.0
// Receipts: what the pool hands to an account so that it can check alone, and
// forever, what it was credited and paid (docs/receipts.md). Every verdict,
// credit, share of a pot, transfer, payout and payout address is one receipt of
// the account that it is about. A receipt is its canonical encoding, and a leaf
// of the account's Merkle tree, which only grows; the trees of all accounts
// hang in one tree that the pool signs, seal by seal, each chained to the one
// before.
//
// Value types; thread-compatible. Fields() lists what is encoded, in order.
#ifndef ARCHPOOL_COMMON_MODEL_RECEIPT_H_
#define ARCHPOOL_COMMON_MODEL_RECEIPT_H_

#include <cstdint>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/crypto/sha256.h"
#include "common/crypto/signature.h"
#include "common/model/ids.h"

namespace archpool {

// What stands for an accuracy in receipts and on the wire until it is measured.
inline constexpr int64_t kNotMeasured = -1;

// A trial was accepted or rejected; the latest one of a trial holds. Its task
// pays by `rule` ("proportional" or "pplns"), work_pot / budget_units a unit,
// and has ended by `deadline`, but for its last audits.
struct VerdictReceipt {
  TrialId trial;
  TaskId task;
  LeaseId lease;
  int64_t rung = 0;
  Digest architecture_id;
  Digest checkpoint_root;  // what the miner committed to
  WorkUnits work_units = 0;
  int64_t claimed_correct = 0;
  bool is_accepted = false;
  std::string basis;  // "audited", …; "none" of a rejected one
  int64_t verified_accuracy_ppm = 0;  // or kNotMeasured
  std::string reason;                 // of a rejection
  std::string rule;
  Amount work_pot = 0;
  WorkUnits budget_units = 0;
  absl::Time deadline;
  static auto Fields(auto& r) {
    return std::tie(r.trial, r.task, r.lease, r.rung, r.architecture_id,
                    r.checkpoint_root, r.work_units, r.claimed_correct,
                    r.is_accepted, r.basis, r.verified_accuracy_ppm, r.reason,
                    r.rule, r.work_pot, r.budget_units, r.deadline);
  }
  friend bool operator==(const VerdictReceipt&,
                         const VerdictReceipt&) = default;
};

// An accepted trial's credit has matured.
struct CreditReceipt {
  TrialId trial;
  TaskId task;
  WorkUnits work_units = 0;
  static auto Fields(auto& r) {
    return std::tie(r.trial, r.task, r.work_units);
  }
  friend bool operator==(const CreditReceipt&, const CreditReceipt&) = default;
};

// The account's part of a pot:
// ⌊pot · (before + weight) / total⌋ − ⌊pot · before / total⌋.
struct ShareReceipt {
  TaskId task;
  TrialId trial;     // of a finder's bonus; unset otherwise
  std::string rule;  // "proportional", "pplns" or "finders_bonus"
  Amount pot = 0;    // what is split
  int64_t before = 0;
  int64_t weight = 0;
  int64_t total = 0;
  Amount amount = 0;
  static auto Fields(auto& r) {
    return std::tie(r.task, r.trial, r.rule, r.pot, r.before, r.weight, r.total,
                    r.amount);
  }
  friend bool operator==(const ShareReceipt&, const ShareReceipt&) = default;
};

struct TransferReceipt {
  TransferId transfer;
  std::string from;  // "account:7", "escrow:task-3", "outside", …
  std::string to;
  Amount amount = 0;
  std::string kind;  // "pay", "finders_bonus", "payout", …
  TaskId task;
  PayoutId payout;
  absl::Time time;
  static auto Fields(auto& r) {
    return std::tie(r.transfer, r.from, r.to, r.amount, r.kind, r.task,
                    r.payout, r.time);
  }
  friend bool operator==(const TransferReceipt&,
                         const TransferReceipt&) = default;
};

// The state of a payout whose money was set aside before there were receipts.
inline constexpr char kPayoutCarried[] = "carried";

// Money was set aside, or its payout ended.
struct PayoutReceipt {
  PayoutId payout;
  Amount amount = 0;
  std::string address;
  Digest key;
  std::string state;  // "waiting", "settled", "refused", or kPayoutCarried
  std::string reference;
  std::string reason;
  static auto Fields(auto& r) {
    return std::tie(r.payout, r.amount, r.address, r.key, r.state, r.reference,
                    r.reason);
  }
  friend bool operator==(const PayoutReceipt&, const PayoutReceipt&) = default;
};

// The account's balance from before there were receipts.
struct CarriedReceipt {
  Amount amount = 0;
  static auto Fields(auto& r) { return std::tie(r.amount); }
  friend bool operator==(const CarriedReceipt&,
                         const CarriedReceipt&) = default;
};

// Where the account's payouts go changes.
struct AddressReceipt {
  std::string address;  // "": nothing is paid out
  std::string state;    // "waiting", "in_force" or "taken_back"
  absl::Time time;      // from when on it is so; of a waiting one, in force
  static auto Fields(auto& r) { return std::tie(r.address, r.state, r.time); }
  friend bool operator==(const AddressReceipt&,
                         const AddressReceipt&) = default;
};

// An operator did something; among the receipts of the pool's own books.
struct OperatorReceipt {
  AccountId by;
  std::string action;  // "deposit", "suspend", "void_trial", …
  std::string subject;  // an account's name, "trial-7", …; "" of the whole pool
  std::string detail;  // for people; "" where there is no more to say
  absl::Time time;
  static auto Fields(auto& r) {
    return std::tie(r.by, r.action, r.subject, r.detail, r.time);
  }
  friend bool operator==(const OperatorReceipt&,
                         const OperatorReceipt&) = default;
};

using ReceiptBody = std::variant<VerdictReceipt, CreditReceipt, ShareReceipt,
                                 TransferReceipt, PayoutReceipt, CarriedReceipt,
                                 AddressReceipt, OperatorReceipt>;

struct ReceiptContent {
  ReceiptId id;       // grows within an account; gaps are other accounts'
  AccountId account;  // unset: the pool's own books
  ReceiptBody body;
  friend bool operator==(const ReceiptContent&,
                         const ReceiptContent&) = default;
};

std::string Encode(const ReceiptContent& receipt);
// INVALID_ARGUMENT (RECEIPT_MALFORMED). Safe on whatever anybody sends.
absl::StatusOr<ReceiptContent> DecodeReceipt(absl::string_view encoding);

// What an account's receipts come to at a seal: a leaf of the seal's tree,
// at the index of the account's number. The pool's own is the first.
struct ReceiptStatement {
  AccountId account;
  int64_t count = 0;  // receipts so far
  Digest root;        // of the Merkle tree over them, in order
  Amount balance = 0;
  static auto Fields(auto& r) {
    return std::tie(r.account, r.count, r.root, r.balance);
  }
  friend bool operator==(const ReceiptStatement&,
                         const ReceiptStatement&) = default;
};
std::string Encode(const ReceiptStatement& statement);
// As DecodeReceipt.
absl::StatusOr<ReceiptStatement> DecodeStatement(absl::string_view encoding);

// What the pool signs.
struct Seal {
  int64_t number = 0;  // from 1 on, but for IsAfterRestore
  absl::Time time;
  int64_t statements = 0;  // leaves: the highest account's number and one
  Digest root;
  Digest previous;  // SignedSeal::Id of the one before; zero for the first
  static auto Fields(auto& r) {
    return std::tie(r.number, r.time, r.statements, r.root, r.previous);
  }
  friend bool operator==(const Seal&, const Seal&) = default;
};
std::string Encode(const Seal& seal);
// As DecodeReceipt.
absl::StatusOr<Seal> DecodeSeal(absl::string_view encoding);

// Whether the seal begins what a pool sealed after it was restored from a
// backup: its number is not the next one but its own time, in seconds since
// 1970, so that no number stands for two seals of two histories.
bool IsAfterRestore(const Seal& seal, int64_t number_before);

struct SignedSeal {
  Seal seal;
  Signature signature;  // of Encode(seal), with the pool's receipt key
  // Covers the signature: a chain of ids fixes every byte before.
  Digest Id() const;
  friend bool operator==(const SignedSeal&, const SignedSeal&) = default;
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_MODEL_RECEIPT_H_
