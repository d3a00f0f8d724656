#include "server/core/upgrade.h"

#include "server/core/money/money.h"
#include "server/core/proof/proof.h"
#include "server/core/work/work.h"

namespace archpool {

absl::StatusOr<UpgradeRecords::Reply> Execute(Step& step,
                                              const UpgradeRecords&) {
  money::HandFirstReceipts(step);
  // Workers first: nothing more is trained in an arithmetic that was replaced
  // before what was is judged.
  work::EndReplacedSessions(step);
  proof::JudgeReplaced(step);
  return UpgradeRecords::Reply();
}

}  // namespace archpool
