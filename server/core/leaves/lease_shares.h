// SPDX-License-Identifier: Apache-2.0
// Whose task gives the next lease. A stated part of the work that is given out
// goes to all clients in equal parts, whatever they pay; the rest goes by
// price: a client that pays twice as much gets twice as much work. Within a
// client its tasks share in the same way. Work counts against the client, so
// that many tasks get no more than one.
//
// Two books of stride scheduling (Waldspurger and Weihl, MIT 1995): every lease
// moves its client's pass forward by its work, in the book of prices divided by
// the price; the lowest pass is next. Who comes, or had nothing to give for a
// while, begins at the time of the last lease: nobody saves turns up. Integers
// alone. Kept in memory: after a restart all begin equal.
//
// Value type; thread-compatible.
#ifndef ARCHPOOL_SERVER_CORE_LEAVES_LEASE_SHARES_H_
#define ARCHPOOL_SERVER_CORE_LEAVES_LEASE_SHARES_H_

#include <cstdint>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/numeric/int128.h"
#include "common/model/ids.h"

namespace archpool {

class LeaseShares {
 public:
  struct Offer {
    TaskId task;
    AccountId client;
    Amount price = 0;  // as PricePerCoreHour; at least 0
  };

  // `equal_ppm` of the work goes in equal parts. REQUIRES: in [0, 1'000'000].
  explicit LeaseShares(int64_t equal_ppm) : equal_ppm_(equal_ppm) {}

  // The offers in the order in which a worker is to try them.
  std::vector<Offer> Ordered(std::vector<Offer> offers) const;

  // The latest order came to a lease of `units` of this offer.
  // REQUIRES: units > 0.
  void Charge(const Offer& offer, WorkUnits units);

 private:
  struct Client {
    absl::uint128 pass = 0;
    absl::uint128 now = 0;
    absl::btree_map<TaskId, absl::uint128> tasks;  // their passes
  };
  struct Book {
    absl::uint128 now = 0;
    absl::uint128 units = 0;  // given out by it
    absl::btree_map<AccountId, Client> clients;
  };

  bool IsEqualTurn() const;

  int64_t equal_ppm_;
  Book equal_;
  Book by_price_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_LEAVES_LEASE_SHARES_H_
