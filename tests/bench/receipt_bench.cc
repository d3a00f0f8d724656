// SPDX-License-Identifier: Apache-2.0
// How long a miner with a hundred thousand trials takes to check its receipts:
// a verdict and a credit each, and a thousand tasks' shares and transfers. The
// baseline is the goal, two seconds; fails beyond it.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/bench/bench_util.h"
#include "tests/bench/json_line.h"
#include "tests/support/sign_receipts.h"

namespace archpool {
namespace {

constexpr int64_t kTrials = 100'000;
constexpr int64_t kTrialsPerTask = 100;
constexpr int64_t kUnits = 30'000'000;
constexpr Amount kPay = 1'000;  // a trial
constexpr double kGoalSeconds = 2;
constexpr int kRounds = 5;
constexpr AccountId kMiner{10'000};

class History {
 public:
  History() {
    for (int64_t trial = 1; trial <= kTrials; ++trial) {
      const TaskId task{(trial - 1) / kTrialsPerTask + 1};
      AddTrial(TrialId{trial}, task);
      if (trial % kTrialsPerTask == 0) Settle(task);
    }
  }
  const std::vector<std::string>& encodings() const { return encodings_; }

 private:
  void Add(ReceiptBody body) {
    const ReceiptId id{std::ssize(encodings_) * 3 + 1};
    encodings_.push_back(Encode(ReceiptContent{id, kMiner, std::move(body)}));
  }
  void AddTrial(TrialId trial, TaskId task) {
    Add(VerdictReceipt{.trial = trial,
                       .task = task,
                       .lease = {trial.value},
                       .architecture_id = Sha256("architecture"),
                       .checkpoint_root = Sha256("root"),
                       .work_units = kUnits,
                       .claimed_correct = 9'000,
                       .is_accepted = true,
                       .basis = "sampled_out",
                       .verified_accuracy_ppm = 900'000,
                       .rule = "proportional",
                       .work_pot = PotOf(),
                       .budget_units = BudgetOf(),
                       .deadline = absl::UnixEpoch()});
    Add(CreditReceipt{trial, task, kUnits});
  }
  void Settle(TaskId task) {
    const Amount pay = kPay * kTrialsPerTask;
    Add(ShareReceipt{task,
                     {},
                     "proportional",
                     PotOf(),
                     0,
                     kUnits * kTrialsPerTask,
                     BudgetOf(),
                     pay});
    Add(TransferReceipt{{task.value},
                        absl::StrCat("escrow:", task.ToString()),
                        absl::StrCat("account:", kMiner.value),
                        pay,
                        "pay",
                        task,
                        {},
                        absl::UnixEpoch()});
  }
  // A tenth of each task's work is this miner's.
  static Amount PotOf() { return kPay * kTrialsPerTask * 10; }
  static WorkUnits BudgetOf() { return kUnits * kTrialsPerTask * 10; }

  std::vector<std::string> encodings_;
};

int Main() {
  const SigningKey key = SigningKey::Generate();
  const History history;
  ReceiptFolder folder =
      SignReceipts(key, kMiner, history.encodings(), kPay * kTrials);
  std::vector<double> seconds;
  bool is_sound = true;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    const auto report = CheckReceipts(folder, key.public_key());
    seconds.push_back(SecondsSince(start));
    is_sound &= report.ok() && report->problems.empty() &&
                report->balance == kPay * kTrials;
  }
  std::sort(seconds.begin(), seconds.end());
  const double median = seconds[kRounds / 2];
  PrintJsonLine("receipt/verify_100k_trials", median, "s", kGoalSeconds);
  PrintJsonLine("receipt/bytes_per_trial",
                static_cast<double>(folder.receipts.size()) / kTrials, "B", 0);
  return is_sound && median <= kGoalSeconds ? 0 : 1;
}

}  // namespace
}  // namespace archpool

int main() { return archpool::Main(); }
