// SPDX-License-Identifier: Apache-2.0
// The order in which waiting audits are taken is that of places, whatever came
// and went before.
#include "server/core/leaves/waiting_audits.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "common/base/counter_rng.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

constexpr int kSteps = 5'000;
constexpr uint32_t kMiners = 12;

// Everything that waits, looked through from end to end.
class Reference {
 public:
  using Waiting = std::pair<AccountId, AuditId>;

  AuditId First(const std::set<AuditId>& barred) {
    std::optional<std::pair<int64_t, AuditId>> first;
    for (const auto& [miner, id] : waiting) {
      if (barred.contains(id)) continue;
      const std::pair position(turns[miner], id);
      if (!first || position < *first) first = position;
    }
    return first ? first->second : AuditId();
  }

  std::set<Waiting> waiting;
  std::map<AccountId, int64_t> turns;
};

TEST(WaitingAuditsTest, TheFirstIsTheOneWithTheLeastPlace) {
  CounterRng rng(1, 0);
  WaitingAudits audits;
  Reference reference;
  int64_t last_audit = 0;
  int64_t last_turn = 0;
  for (int step = 0; step < kSteps; ++step) {
    const AccountId miner{1 + rng.Below(kMiners)};
    const uint32_t choice = rng.Below(8);
    if (choice < 3) {
      // An audit that was returned may be an old one.
      const AuditId id{rng.Below(4) == 0 && last_audit > 0
                           ? 1 + rng.Below(static_cast<uint32_t>(last_audit))
                           : ++last_audit};
      const bool waits = std::any_of(
          reference.waiting.begin(), reference.waiting.end(),
          [&](const auto& one) { return std::get<AuditId>(one) == id; });
      if (waits) continue;
      audits.Insert(miner, id);
      reference.waiting.insert({miner, id});
    } else if (choice < 6) {
      if (reference.waiting.empty()) continue;
      const auto gone =
          std::next(reference.waiting.begin(),
                    rng.Below(static_cast<uint32_t>(reference.waiting.size())));
      const auto [its_miner, id] = *gone;
      audits.Erase(its_miner, id);
      audits.Erase(its_miner, id);  // changes nothing
      reference.waiting.erase(gone);
    } else if (rng.Below(100) == 0) {
      audits.ForgetTurns();
      reference.turns.clear();
    } else {
      audits.SetTurn(miner, ++last_turn);
      reference.turns[miner] = last_turn;
    }
    std::set<AuditId> barred;
    for (const auto& [its_miner, id] : reference.waiting) {
      if (rng.Below(2) == 0) barred.insert(id);
    }
    ASSERT_EQ(audits.First([&](AuditId id) { return !barred.contains(id); }),
              reference.First(barred))
        << "step " << step;
  }
  EXPECT_GT(last_turn, kMiners);
}

}  // namespace
}  // namespace archpool
