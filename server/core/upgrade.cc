// SPDX-License-Identifier: Apache-2.0
#include "server/core/upgrade.h"

#include <variant>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/nas/pricing.h"
#include "server/core/accounts/tokens.h"
#include "server/core/money/money.h"
#include "server/core/proof/proof.h"
#include "server/core/work/work.h"

namespace archpool {

absl::Status CheckRecords(const PoolSnapshot& snapshot) {
  for (const Event& event : snapshot.records) {
    const auto* task = std::get_if<Task>(&event);
    if (task == nullptr || IsEnded(task->state) ||
        IsCostTable(task->cost_table_version)) {
      continue;
    }
    return FailedPrecondition(
        "COST_TABLE_UNKNOWN",
        absl::StrCat("the work of ", task->id.ToString(),
                     " is priced by cost table ", task->cost_table_version,
                     ", and this server has the tables 1 to ",
                     kCostTableVersion,
                     ": start the version that opened the task, or a later "
                     "one"));
  }
  return absl::OkStatus();
}

absl::StatusOr<UpgradeRecords::Reply> Execute(Step& step,
                                              const UpgradeRecords&) {
  accounts::GiveFirstTokens(step);
  money::HandFirstReceipts(step);
  // Workers first: nothing more is trained in an arithmetic that was replaced
  // before what was is judged.
  work::EndReplacedSessions(step);
  proof::JudgeReplaced(step);
  return UpgradeRecords::Reply();
}

}  // namespace archpool
