// SPDX-License-Identifier: Apache-2.0
// The inputs of the core about payouts. Part of
// server/core/commands/commands.h, which says what commands are.
#ifndef ARCHPOOL_SERVER_CORE_COMMANDS_PAYOUT_COMMANDS_H_
#define ARCHPOOL_SERVER_CORE_COMMANDS_PAYOUT_COMMANDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/core/records/entities.h"

namespace archpool {

// Where an account's money goes, and from which balance on by itself (0: only
// when asked). What is unset stays as it is. Money set aside before goes where
// it was to go. A new address waits for policy.payout_address_wait, and nothing
// is paid by itself meanwhile; setting the one that is in force takes it back.
// INVALID_ARGUMENT (AMOUNT_RANGE: a threshold under policy.payout_min);
// RESOURCE_EXHAUSTED (ADDRESS_TOO_OFTEN: another one began to wait just now).
struct SetPayoutTerms {
  AccountId caller;
  // "": none, and nothing is paid out.
  std::optional<std::string> address = std::nullopt;
  std::optional<Amount> threshold = std::nullopt;
  using Reply = Account;
};

// Sets which accounts share in what the account is paid from now on.
// Idempotent. NOT_FOUND (ACCOUNT_UNKNOWN: no client or miner); INVALID_ARGUMENT
// (SPLIT_RANGE: too many parts, one that is none or named twice, or a sum that
// is not 1'000'000); FAILED_PRECONDITION (SHARE_NOT_ACCEPTED: an account that
// has not agreed to be named).
struct SetRevenueSplit {
  AccountId caller;
  struct Part {
    std::string account_name;
    int64_t share_ppm = 0;
  };
  std::vector<Part> parts;  // none: the account keeps all
  using Reply = Account;
};

// Whether the split of the account of that name may name the caller. Taken
// back, a part of it stays with the payer from then on. Idempotent. NOT_FOUND
// (ACCOUNT_UNKNOWN: no client or miner); RESOURCE_EXHAUSTED (CONSENTS_MAX).
struct SetShareConsent {
  AccountId caller;
  std::string account_name;
  bool is_given = false;
  using Reply = Account;
};

// Sets money aside to be paid out. Idempotent by (caller, request_id).
// ALREADY_EXISTS (REQUEST_ID_REUSED: of another payout); FAILED_PRECONDITION
// (PAYOUT_ADDRESS_MISSING, PAYOUT_ADDRESS_WAITS: there is none yet,
// BALANCE_TOO_LOW); INVALID_ARGUMENT (AMOUNT_RANGE:
// under policy.payout_min).
struct RequestPayout {
  AccountId caller;
  Amount amount = 0;  // 0: all there is
  std::string request_id;
  // What the archive says of the request; LookUp sets it.
  std::optional<Payout> earlier = std::nullopt;
  using Reply = PayoutId;
};

// From the payer (server/payout), as those that follow. Waiting payouts
// become kSending, oldest first, but those of suspended accounts; once this is
// answered, they may be sent.
struct BeginSends {
  int64_t count_max = 0;
  using Reply = std::vector<Payout>;
};

// The earlier payer is gone: what it was sending is in doubt. From a payer
// that begins.
struct DoubtSends {
  struct Reply {};
};

// Those in doubt, and those that the rail has not decided yet: to be asked
// after. Changes nothing.
struct ReviewPayouts {
  using Reply = std::vector<Payout>;
};

enum class RailWord {
  kSettled,
  kSent,       // it has the payout, and has not decided yet
  kRefused,    // for good: nothing was moved, and nothing will be
  kDoubt,      // no answer, or none that says
  kNeverSeen,  // of a look-up: it knows no such key
};

// What the rail said. NOT_FOUND (PAYOUT_UNKNOWN); FAILED_PRECONDITION
// (PAYOUT_ENDED, and it stays as it ended; PAYOUT_NOT_SENT: no send of it was
// begun).
struct ReportPayout {
  PayoutId payout;
  RailWord word = RailWord::kDoubt;
  std::string reference;
  std::string reason;
  using Reply = PayoutState;
};

// A payout that the rail has and the books have not: the pool that sent it is
// lost, and this one was restored from an older backup. Its money is set aside,
// and what the rail says of it is booked. What the account's balance lacks for
// it comes of payouts that the account asked for since and that nobody sent yet
// (refused, PAID_BEFORE_RESTORE); and else from outside: it was earned from
// work that is lost with that pool. Idempotent by its key while it is open; the
// store refuses the key of one that has ended. Of what was paid by hand nobody
// knows the key: it ends an open payout of the same account, address and amount
// whose fate is unknown, if there is one, with "BY_HAND_" and half of the key
// for its reason. NOT_FOUND (ACCOUNT_UNKNOWN: none of these is an account);
// INVALID_ARGUMENT (AMOUNT_RANGE).
struct BookLostPayout {
  // The account that it was of: by name where that is known, else by number,
  // else the first account that is paid at the address.
  std::string account_name = "";
  AccountId account = {};
  Digest key;
  std::string address;
  Amount amount = 0;
  RailWord word = RailWord::kDoubt;  // but kNeverSeen
  bool is_by_hand = false;           // and kSettled; the key is of the list's
  std::string reference = "";
  std::string reason = "";
  using Reply = PayoutId;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_COMMANDS_PAYOUT_COMMANDS_H_
