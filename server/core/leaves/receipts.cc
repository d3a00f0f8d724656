// SPDX-License-Identifier: Apache-2.0
#include "server/core/leaves/receipts.h"

namespace archpool {
namespace {

// What stands for the basis of a rejected trial.
constexpr char kNoBasis[] = "none";

}  // namespace

std::optional<VerdictReceipt> VerdictOf(const Trial* before, const Trial& after,
                                        const Task& task) {
  if (!HasVerdict(after.state) || after.known_from.IsSet()) return std::nullopt;
  if (before != nullptr && before->state == after.state &&
      BasisOf(*before) == BasisOf(after) &&
      VerifiedAccuracyPpm(*before) == VerifiedAccuracyPpm(after)) {
    return std::nullopt;
  }
  const std::optional<TrialBasis> basis = BasisOf(after);
  return VerdictReceipt{.trial = after.id,
                        .task = after.task,
                        .lease = after.lease,
                        .rung = after.rung,
                        .architecture_id = after.architecture_id,
                        .checkpoint_root = CommitmentOf(after).checkpoint_root,
                        .work_units = after.work_units,
                        .claimed_correct = CommitmentOf(after).claimed_correct,
                        .is_accepted = after.state == TrialState::kAccepted,
                        .basis = basis ? ToString(*basis) : kNoBasis,
                        .verified_accuracy_ppm =
                            VerifiedAccuracyPpm(after).value_or(kNotMeasured),
                        .reason = after.reason,
                        .rule = ToString(task.rule),
                        .work_pot = task.work_pot,
                        .budget_units = task.spec->budget.work_units,
                        .deadline = task.deadline};
}

std::optional<CreditReceipt> CreditOf(const Trial* before, const Trial& after) {
  if (!IsMatured(after) || after.known_from.IsSet()) return std::nullopt;
  if (before != nullptr && IsMatured(*before)) return std::nullopt;
  return CreditReceipt{after.id, after.task, after.work_units};
}

TransferReceipt ReceiptOf(const Transfer& transfer) {
  return {.transfer = transfer.id,
          .from = ToString(transfer.from),
          .to = ToString(transfer.to),
          .amount = transfer.amount,
          .kind = ToString(transfer.kind),
          .task = transfer.task,
          .payout = transfer.payout,
          .time = transfer.create_time};
}

PayoutReceipt ReceiptOf(const Payout& payout) {
  return {.payout = payout.id,
          .amount = payout.amount,
          .address = payout.address,
          .key = payout.key,
          .state = ToString(payout.state),
          .reference = payout.reference,
          .reason = payout.reason};
}

bool IsShown(const Payout& payout) {
  return IsEnded(payout.state) ||
         (payout.state == PayoutState::kWaiting && payout.attempt == 0);
}

ShareReceipt ProportionalShareOf(const Task& task, WorkUnits before,
                                 WorkUnits units, WorkUnits total,
                                 Amount amount) {
  return {.task = task.id,
          .rule = ToString(RewardRule::kProportional),
          .pot = task.work_pot,
          .before = before,
          .weight = units,
          .total = total,
          .amount = amount};
}

ShareReceipt ReceiptOf(const Task& task, const WindowShare& share) {
  return {.task = task.id,
          .rule = ToString(RewardRule::kPplns),
          .pot = share.pot,
          .before = share.before,
          .weight = share.weight,
          .total = share.total,
          .amount = share.amount};
}

ShareReceipt ReceiptOf(const Task& task, const FinderShare& share) {
  return {.task = task.id,
          .trial = share.trial,
          .rule = "finders_bonus",
          .pot = task.bonus_pot,
          .before = share.before,
          .weight = share.weight,
          .total = share.total,
          .amount = share.amount};
}

}  // namespace archpool
