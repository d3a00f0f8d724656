// SPDX-License-Identifier: Apache-2.0
// The books of one account, kept from its receipts alone. Used by CheckReceipts
// (receipt_check.h).
#ifndef ARCHPOOL_COMMON_MODEL_RECEIPT_BOOKS_H_
#define ARCHPOOL_COMMON_MODEL_RECEIPT_BOOKS_H_

#include <map>
#include <optional>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/model/coins.h"
#include "common/model/ids.h"
#include "common/model/receipt.h"
#include "common/model/receipt_check.h"

namespace archpool {

// Adds receipts up, in their order, and complains to the report of what no
// honest pool comes to. Thread-compatible.
class ReceiptBooks {
 public:
  // `report` must outlive the books, and names their account.
  explicit ReceiptBooks(ReceiptReport& report)
      : report_(report),
        place_(absl::StrCat("account:", report.account.value)) {}

  void Add(const ReceiptContent& receipt);
  // After the last one: compares sums with each other and with the statement.
  void Close(const ReceiptStatement& statement);

 private:
  __extension__ using Int128 = __int128;

  struct TrialState {
    std::optional<VerdictReceipt> verdict;
    std::optional<CreditReceipt> credit;
  };
  struct TaskState {
    std::optional<VerdictReceipt> terms;  // as its first verdict says
    std::optional<ShareReceipt> work;     // by its own work
    Amount paid = 0;                      // by transfers
    Amount bonus_paid = 0;
    bool lacks_credit = false;
  };
  struct PayoutSums {
    std::optional<PayoutReceipt> first;
    std::string state;
    Amount set_aside = 0;
    Amount settled = 0;
    Amount returned = 0;
  };

  template <typename... Parts>
  void Complain(const Parts&... parts) {
    report_.problems.push_back(absl::StrCat(parts...));
  }
  // Sums that no honest pool comes to begin again.
  void AddTo(Amount& sum, Amount amount);
  void Note(const VerdictReceipt& verdict);
  void Note(const CreditReceipt& credit);
  void Note(const ShareReceipt& share);
  void Note(const TransferReceipt& transfer);
  void Note(const PayoutReceipt& payout);
  void Note(const CarriedReceipt& carried);
  // It moves nothing, and each payout says where it went.
  void Note(const AddressReceipt&) {}
  // What it brought about has receipts of its own.
  void Note(const OperatorReceipt&) {}
  void CloseTrial(TrialId id, const TrialState& trial);
  void CloseTask(TaskId id, TaskReceipts& sums);
  void CloseProportional(TaskId id, const TaskState& task,
                         const TaskReceipts& sums);
  void ClosePayout(PayoutId id, const PayoutSums& payout);

  ReceiptReport& report_;
  const std::string place_;
  Int128 balance_ = 0;
  bool is_negative_ = false;
  std::map<TrialId, TrialState> trials_;
  std::map<TaskId, TaskState> tasks_;
  std::map<PayoutId, PayoutSums> payouts_;
  std::set<TransferId> seen_;
  Amount window_worth_ = 0;
  Amount window_paid_ = 0;
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_MODEL_RECEIPT_BOOKS_H_
