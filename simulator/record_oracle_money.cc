// SPDX-License-Identifier: Apache-2.0
// The oracle on money: transfers, payouts, what is owed, and receipts.
#include <algorithm>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/model/coins.h"
#include "common/model/receipt.h"
#include "server/core/views/task_summary.h"
#include "simulator/record_oracle.h"

namespace archpool {

void RecordOracle::Note(const Transfer& transfer) {
  if (transfers_.contains(transfer.id) || transfer.amount <= 0) {
    Complain(absl::StrCat(transfer.id.ToString(), " is no new movement"));
  }
  transfers_[transfer.id] = transfer;
  booked_[transfer.from] -= transfer.amount;
  booked_[transfer.to] += transfer.amount;
}

void RecordOracle::Note(const Balance& balance) {
  balances_[balance.place] = balance.amount;
}

void RecordOracle::CheckBooks() {
  Amount total = 0;
  for (const auto& [place, amount] : booked_) {
    total += amount;
    if (balances_[place] != amount) {
      Complain(absl::StrCat(ToString(place), " says ",
                            FormatCoins(balances_[place]),
                            ", its transfers say ", FormatCoins(amount)));
    }
    if (amount < 0 && place.kind != PlaceKind::kOutside) {
      Complain(absl::StrCat(ToString(place), " is negative"));
    }
  }
  if (total != 0) Complain("debits and credits differ");
}

// What a task is said to have come to is what its trials add up to.
void RecordOracle::Note(const SummaryRecord& summary) {
  std::vector<Trial> trials;
  for (const auto& [id, trial] : trials_) {
    if (trial.task == summary.task) trials.push_back(trial);
  }
  const TaskSummary anew = Summarize(trials);
  std::vector<TrialId> front;
  for (const Trial& trial : anew.front) front.push_back(trial.id);
  const std::optional<int64_t> best_ppm =
      anew.best ? VerifiedAccuracyPpm(*anew.best) : std::nullopt;
  const int64_t subspaces = std::count_if(
      subspaces_.begin(), subspaces_.end(),
      [&](const auto& one) { return one.second.task == summary.task; });
  if (summary.sums != static_cast<const TaskSums&>(anew) ||
      summary.front != front || summary.best_accuracy_ppm != best_ppm ||
      summary.subspaces != subspaces) {
    Complain(absl::StrCat(summary.task.ToString(),
                          " is not what its trials add up to"));
  }
}

void RecordOracle::Note(const Payout& payout) {
  CheckState(payouts_, payout);
  const auto found = payouts_.find(payout.id);
  if (found == payouts_.end()) {
    CheckNew(payout.id, last_ids_.payout);
  } else {
    const Payout& before = found->second;
    if (before.amount != payout.amount || before.address != payout.address ||
        before.key != payout.key) {
      Complain(absl::StrCat(payout.id.ToString(), " became another payout"));
    }
  }
  payouts_[payout.id] = payout;
}

// What is set aside is what has not ended; what ended moved once.
void RecordOracle::CheckPayouts() {
  absl::btree_map<PayoutId, Amount> left;
  for (const auto& [id, transfer] : transfers_) {
    if (!transfer.payout.IsSet()) continue;
    const bool is_begun = transfer.kind == TransferKind::kPayout;
    left[transfer.payout] += is_begun ? transfer.amount : -transfer.amount;
  }
  for (const auto& [id, payout] : payouts_) {
    if (left[id] != (IsEnded(payout.state) ? 0 : payout.amount)) {
      Complain(absl::StrCat(id.ToString(), " is ", ToString(payout.state),
                            ", and ", left[id], " of it is set aside"));
    }
  }
}

void RecordOracle::Note(const PoolClock& clock) {
  PoolClock& known = plain_.All<PoolClock>()[KeyOf(clock)];
  if (clock.time < known.time) Complain("the pool's time went back");
  known = clock;
}

void RecordOracle::Note(const VerifierRecord& verifier) {
  VerifierRecord& known = plain_.All<VerifierRecord>()[verifier.key];
  if (verifier.agreed < known.agreed || verifier.outvoted < known.outvoted ||
      verifier.planted_passed < known.planted_passed ||
      verifier.planted_failed < known.planted_failed) {
    Complain("what a verifier did was undone");
  }
  known = verifier;
}

void RecordOracle::Note(const Owed& owed) {
  owed_[{owed.account, owed.position}] = owed;
}

// What is owed is what matured in tasks that have not been settled yet, and
// what they make up for.
void RecordOracle::CheckOwed() {
  Amount owed = 0;
  for (const auto& [key, one] : owed_) {
    owed += one.amount;
    if (one.amount < 0) {
      Complain(absl::StrCat(one.account.ToString(), " is owed ",
                            FormatCoins(one.amount)));
    }
  }
  Amount earned = 0;
  for (const auto& [id, trial] : trials_) {
    const Task& task = tasks_.at(trial.task);
    if (task.rule == RewardRule::kPplns && !IsEnded(task.state)) {
      earned += SettlementOf(trial).pay;
    }
  }
  if (owed != earned) {
    Complain(absl::StrCat("owed is ", owed, ", and earned ", earned));
  }
}

void RecordOracle::Note(const Receipt& receipt) {
  CheckNew(receipt.id, last_ids_.receipt);
  const absl::StatusOr<ReceiptContent> content = DecodeReceipt(receipt.content);
  if (!content.ok() || content->id != receipt.id ||
      content->account != receipt.account) {
    Complain(absl::StrCat(receipt.id.ToString(), " cannot be read"));
    return;
  }
  const auto* transfer = std::get_if<TransferReceipt>(&content->body);
  if (transfer == nullptr || !receipt.account.IsSet()) return;
  const Place place = Place::Of(receipt.account);
  if (transfer->from == ToString(place)) receipted_[place] -= transfer->amount;
  if (transfer->to == ToString(place)) {
    receipted_[place] += transfer->amount;
  }
}

// Every movement of an account's money is among its receipts.
void RecordOracle::CheckReceipts() {
  for (const auto& [place, amount] : booked_) {
    if (place.kind == PlaceKind::kAccount && receipted_[place] != amount) {
      Complain(absl::StrCat(ToString(place), " holds ", FormatCoins(amount),
                            ", its receipts say ",
                            FormatCoins(receipted_[place])));
    }
  }
}

}  // namespace archpool
