// SPDX-License-Identifier: Apache-2.0
#include "server/core/settle.h"

#include <utility>
#include <vector>

#include "server/core/money/money.h"
#include "server/core/proof/proof.h"
#include "server/core/state/queries.h"

namespace archpool {

bool SettleStep(Step& step, TaskId id) {
  using Stage = Settling::Stage;
  if (!IsReadyToSettle(step.state, id)) return false;
  Settling& settling = step.state.MemoryOf(id).settling;
  const int64_t version = step.state.IndexOf(id).memory.results_version;
  if (settling.results_version != version) {
    settling = {.results_version = version};
  }
  switch (settling.stage) {
    case Stage::kAsk:
      if (!proof::LookForLastSegments(step, id, settling)) return true;
      if (proof::AskLastSegments(step, settling)) {
        settling = {};
        return false;
      }
      settling.stage =
          step.policy.own_miners_ppm > 0 ? Stage::kOwnFront : Stage::kCollect;
      return true;
    case Stage::kOwnFront:
      if (!proof::LookForOwnFront(step, id, settling)) return true;
      if (proof::AskOwnFront(step, id, settling)) {
        settling = {};
        return false;
      }
      settling.stage = Stage::kCollect;
      return true;
    case Stage::kCollect:
      if (money::Collect(step, id, settling)) settling.stage = Stage::kProve;
      return true;
    case Stage::kProve: {
      settling.finalists = settling.front.Finalists();
      const std::vector<Trial> finalists =
          money::FinalistsOf(step.state, settling);
      if (settling.has_barred && proof::BarUnproven(step, finalists)) {
        // What they hid is not waited for: it is examined as it is.
        settling = {
            .stage = Stage::kCollect,
            .results_version = step.state.IndexOf(id).memory.results_version};
        return true;
      }
      if (proof::AskUnproven(step, finalists)) return false;
      settling.stage = Stage::kMature;
      return true;
    }
    case Stage::kMature:
      if (money::MatureSome(step, id)) settling.stage = Stage::kSplit;
      return true;
    case Stage::kSplit:
      money::Split(step, id, settling);
      settling.stage = Stage::kPay;
      return true;
    case Stage::kPay:
      if (money::NotePays(step, settling)) settling.stage = Stage::kPost;
      return true;
    case Stage::kPost: {
      if (!money::SumUp(step, id, settling)) return true;
      step.state.Put(money::SummaryOf(step.state, id, settling));
      const Settlement settlement = std::move(settling.settlement);
      money::Post(step, id, settlement);
      return false;
    }
  }
  return false;
}

void SettleIfDone(Step& step, TaskId id, int64_t& trials_left) {
  if (!IsReadyToSettle(step.state, id)) return;
  const int64_t trials = std::ssize(step.state.IndexOf(id).trials);
  if (trials > trials_left) return;
  trials_left -= trials;
  while (SettleStep(step, id)) {
  }
}

}  // namespace archpool
