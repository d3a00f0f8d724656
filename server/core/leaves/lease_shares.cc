// SPDX-License-Identifier: Apache-2.0
#include "server/core/leaves/lease_shares.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace archpool {
namespace {

// Fractions of a stride: prices are large beside the work of a short lease.
constexpr int kStrideShift = 24;
// Clients whose turns are remembered.
constexpr size_t kClientsKeptMax = 4'096;

template <typename Map, typename Key>
absl::uint128 PassOf(const Map& passes, const Key& key, absl::uint128 now) {
  const auto found = passes.find(key);
  return found == passes.end() ? now : std::max(found->second, now);
}

}  // namespace

bool LeaseShares::IsEqualTurn() const {
  return equal_.units * static_cast<uint64_t>(1'000'000 - equal_ppm_) <
         by_price_.units * static_cast<uint64_t>(equal_ppm_);
}

std::vector<LeaseShares::Offer> LeaseShares::Ordered(
    std::vector<Offer> offers) const {
  const Book& book = IsEqualTurn() ? equal_ : by_price_;
  using Turn = std::tuple<absl::uint128, AccountId, absl::uint128, TaskId>;
  std::vector<std::pair<Turn, Offer>> order;
  order.reserve(offers.size());
  for (const Offer& offer : offers) {
    const auto client = book.clients.find(offer.client);
    Turn turn{book.now, offer.client, 0, offer.task};
    if (client != book.clients.end()) {
      const Client& known = client->second;
      std::get<0>(turn) = std::max(known.pass, book.now);
      std::get<2>(turn) = PassOf(known.tasks, offer.task, known.now);
    }
    order.emplace_back(turn, offer);
  }
  std::sort(order.begin(), order.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  for (size_t i = 0; i < offers.size(); ++i) offers[i] = order[i].second;
  return offers;
}

void LeaseShares::Charge(const Offer& offer, WorkUnits units) {
  const bool is_equal = IsEqualTurn();
  Book& book = is_equal ? equal_ : by_price_;
  const auto weight =
      static_cast<uint64_t>(is_equal ? 1 : std::max<Amount>(1, offer.price));
  const absl::uint128 stride =
      (absl::uint128(static_cast<uint64_t>(units)) << kStrideShift) / weight +
      1;
  Client& client = book.clients[offer.client];
  book.now = std::max(client.pass, book.now);
  client.pass = book.now + stride;
  client.now = PassOf(client.tasks, offer.task, client.now);
  client.tasks[offer.task] = client.now + stride;
  // A task whose pass is over is where a newcomer begins: the same as not
  // known.
  for (auto task = client.tasks.begin(); task != client.tasks.end();) {
    task =
        task->second <= client.now ? client.tasks.erase(task) : std::next(task);
  }
  // A client's passes say which of its tasks had their turn: it is forgotten
  // only where there are very many.
  for (auto known = book.clients.begin();
       book.clients.size() > kClientsKeptMax && known != book.clients.end();) {
    known = known->second.pass <= book.now ? book.clients.erase(known)
                                           : std::next(known);
  }
  book.units += static_cast<uint64_t>(units);
}

}  // namespace archpool
