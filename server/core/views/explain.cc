// SPDX-License-Identifier: Apache-2.0
#include "server/core/views/explain.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/model/coins.h"
#include "server/core/views/explain_reasons.h"

namespace archpool {
namespace {

constexpr char kOtherAdvice[] =
    "See docs/protocol.md for the reason's meaning.";

std::string Trials(int64_t count) {
  return absl::StrCat(count, count == 1 ? " trial" : " trials");
}
std::string Payouts(int64_t count) {
  return absl::StrCat(count, count == 1 ? " payout" : " payouts");
}
std::string Coins(Amount amount) {
  return absl::StrCat(FormatCoins(amount), " coins");
}

class Explainer {
 public:
  Explainer(const PoolPolicy& policy, const MinerRecords& records)
      : policy_(policy), records_(records) {}

  std::vector<Explanation> Run() {
    AddSuspension();
    AddRejections();
    AddPayouts();
    AddAnswersAwaited();
    AddPending();
    AddImmature();
    AddCredited();
    AddOwed();
    AddSplit();
    AddAbandoned();
    AddWork();
    if (explanations_.empty()) {
      Add("ALL_WELL", "Nothing stands against this account.",
          "Continue. Accepted trials are paid when their task ends.");
    }
    return std::move(explanations_);
  }

 private:
  void Add(std::string reason, std::string message, std::string advice,
           int64_t count = 0, TrialId example = {}) {
    explanations_.push_back({std::move(reason), std::move(message),
                             std::move(advice), count, example});
  }

  void AddSuspension() {
    if (records_.account.state != AccountState::kSuspended) return;
    Add("ACCOUNT_SUSPENDED", "The account is suspended: it gets no work.",
        "Fix the causes of the rejections below, then ask the operator to "
        "lift the suspension.");
  }

  void AddRejections() {
    std::map<std::string, std::pair<int64_t, TrialId>> rejected;
    for (const Trial& trial : records_.trials) {
      if (trial.state != TrialState::kRejected) continue;
      auto& [count, newest] = rejected[trial.reason];
      ++count;
      newest = std::max(newest, trial.id);
    }
    const auto add = [&](const std::string& reason, const char* message,
                         const char* advice) {
      const auto found = rejected.find(reason);
      if (found == rejected.end()) return;
      const auto [count, newest] = found->second;
      Add(reason, absl::StrCat(Trials(count), " rejected: ", message, "."),
          advice, count, newest);
      rejected.erase(found);
    };
    for (const Rejection& known : Rejections()) {
      add(known.reason, known.message, known.advice);
    }
    while (!rejected.empty()) {
      const std::string reason = rejected.begin()->first;
      add(reason, "the verifier says so", kOtherAdvice);
    }
  }

  void AddPayouts() {
    std::map<PayoutState, int64_t> counts;
    for (const Payout& payout : records_.payouts) ++counts[payout.state];
    if (const int64_t refused = counts[PayoutState::kRefused]; refused > 0) {
      Add("PAYOUT_REFUSED",
          absl::StrCat("The rail refused ", Payouts(refused),
                       "; the money is back in the balance."),
          "Check the address: archpool payout set --address ADDRESS.", refused);
    }
    if (const int64_t unknown = counts[PayoutState::kUnknown]; unknown > 0) {
      Add("PAYOUT_UNKNOWN",
          absl::StrCat("The rail has not said whether it has ",
                       Payouts(unknown),
                       ". The pool keeps asking, so that nobody is paid "
                       "twice."),
          "Wait; if it lasts, tell the operator.", unknown);
    }
    const int64_t under_way = counts[PayoutState::kWaiting] +
                              counts[PayoutState::kSending] +
                              counts[PayoutState::kSent];
    if (under_way > 0) {
      Add("PAYOUT_UNDER_WAY", absl::StrCat(Payouts(under_way), " on the way."),
          "Wait for the rail: archpool payout list.", under_way);
    }
    if (records_.balance > 0) AddBalance();
  }

  void AddBalance() {
    const Account& account = records_.account;
    const std::string has =
        absl::StrCat("The balance is ", Coins(records_.balance));
    if (account.next_address) {
      Add("PAYOUT_ADDRESS_WAITS",
          absl::StrCat(has,
                       ", and a new payout address waits: until it is in "
                       "force, nothing is paid by itself."),
          "If you set it, wait: archpool payout set says how long. If you did "
          "not, set the earlier one again now, and revoke your tokens.");
    } else if (account.payout_address.empty()) {
      Add("PAYOUT_ADDRESS_MISSING", has + ", and nobody knows where to pay it.",
          "Set an address: archpool payout set --address ADDRESS.");
    } else if (records_.balance < policy_.payout_min) {
      Add("UNDER_MINIMUM",
          absl::StrCat(has, "; the smallest payout is ",
                       Coins(policy_.payout_min), "."),
          "Continue training; the money is not lost.");
    } else if (account.payout_threshold == 0) {
      Add("PAYOUT_NOT_ASKED_FOR", has + ", and it is paid out when you ask.",
          "archpool payout request, or set a threshold.");
    } else if (records_.balance < account.payout_threshold) {
      Add("UNDER_THRESHOLD",
          absl::StrCat(has, ", under your threshold of ",
                       Coins(account.payout_threshold), "."),
          "Continue training, or lower the threshold: archpool payout set.");
    }
  }

  // How many trials are so, and the newest of them (nullptr: none).
  template <typename Predicate>
  std::pair<int64_t, const Trial*> Select(const Predicate& is_so) const {
    int64_t count = 0;
    const Trial* newest = nullptr;
    for (const Trial& trial : records_.trials) {
      if (!is_so(trial)) continue;
      ++count;
      if (newest == nullptr || newest->id < trial.id) newest = &trial;
    }
    return {count, newest};
  }

  static std::string Waits(const SilentAnswerer& one) {
    if (!one.waits) return "";
    return absl::StrCat(
        " It was due, and since no worker of the account was heard the pool "
        "waits up to ",
        absl::FormatDuration(absl::Trunc(std::max(*one.waits, absl::Minutes(1)),
                                         absl::Minutes(1))),
        " longer, less if a task ends meanwhile. Until it is answered nothing "
        "of the account matures.");
  }

  // A machine has to come back, and its name is what a person can look for.
  void AddAnswersAwaited() {
    for (const SilentAnswerer& one : records_.answerers) {
      Add("ANSWER_AWAITED",
          absl::StrCat(Trials(one.trials), " of worker ", one.worker_name, " (",
                       one.session.ToString(),
                       ") drawn for an audit: the pool asks it, and has not "
                       "heard it of late.",
                       Waits(one)),
          absl::StrCat("Start it again with --name ", one.worker_name,
                       " and its old --work-dir. If that is lost, another "
                       "worker of this account, also a new one, trains again "
                       "what is asked; start one soon."),
          one.trials, one.newest);
    }
  }

  void AddPending() {
    const auto [count, newest] =
        Select([](const Trial& trial) { return IsPending(trial.state); });
    if (count == 0) return;
    Add("IN_VERIFICATION", absl::StrCat(Trials(count), " wait for a verdict."),
        "Keep the worker running. If it lasts, the pool lacks verifiers: ask "
        "its operator.",
        count, newest->id);
  }

  // About tasks that have not ended.
  void AddImmature() {
    const auto [count, newest] = Select([](const Trial& trial) {
      return trial.state == TrialState::kAccepted && !IsMatured(trial);
    });
    if (count == 0) return;
    Add("NOT_MATURED",
        absl::StrCat(Trials(count),
                     " accepted but not matured: credit matures in groups of ",
                     policy_.credit_block,
                     " of a task, once as many more were accepted, or when the "
                     "task ends."),
        "Keep the worker running: an audit of them may still come.", count,
        newest->id);
  }

  // Work of an ended task may come to less than a micro-coin.
  void AddCredited() {
    const auto [count, newest] = Select([this](const Trial& trial) {
      return trial.state == TrialState::kAccepted && IsMatured(trial) &&
             SettlementOf(trial).pay == 0 && !trial.known_from.IsSet() &&
             records_.unsettled.contains(trial.task);
    });
    if (count == 0) return;
    Add("TASK_NOT_ENDED",
        absl::StrCat(Trials(count),
                     " credited: paid when their task ends, "
                     "however it ends."),
        "Wait; archpool task list shows how far tasks are.", count, newest->id);
  }

  void AddOwed() {
    if (records_.owed > 0) {
      Add("OWED",
          absl::StrCat(Coins(records_.owed),
                       " are owed for credited work, and paid as tasks of the "
                       "pool end."),
          "Wait; archpool account terms says how the pool pays.");
    }
  }

  void AddSplit() {
    for (const RevenuePart& part : records_.account.split) {
      if (part.account == records_.account.id) continue;
      Add("SHARED", "Part of this account's pay goes to others.",
          "If that is not what you want: archpool payout split.");
      return;
    }
  }

  void AddAbandoned() {
    const auto [count, newest] = Select([](const Trial& trial) {
      return trial.state == TrialState::kAbandoned;
    });
    if (count == 0) return;
    Add("ABANDONED",
        absl::StrCat(Trials(count),
                     " never reported, or another miner was first: they are "
                     "not paid."),
        "Keep the machine awake and its connection up; let workers stop by "
        "themselves (Ctrl-C once).",
        count, newest->id);
  }

  void AddWork() {
    if (records_.workers == 0) {
      Add("NO_WORKER", "No worker of this account was heard recently.",
          "Start archpool-worker with this account's token.");
    } else if (records_.silent_workers > 0) {
      Add("WORKER_SILENT",
          absl::StrCat(records_.silent_workers, " of ", records_.workers,
                       " workers have gone silent."),
          "See archpool miner status, and those machines' logs.");
    }
    AddRefusals();
    if (records_.open_tasks == 0) {
      Add("NO_OPEN_TASK", "No task is open: there is no work for anybody.",
          "Leave workers running; they take up the next one at once.");
    }
  }

  // What its workers were told last, once for each reason.
  void AddRefusals() {
    std::map<std::string, std::vector<const WorkerRefusal*>> told;
    for (const WorkerRefusal& refusal : records_.refusals) {
      // No task: said below.
      if (refusal.reason != "NO_OPEN_TASK") {
        told[refusal.reason].push_back(&refusal);
      }
    }
    for (const auto& [reason, refusals] : told) {
      const size_t others = refusals.size() - 1;
      Add(reason,
          absl::StrCat(refusals[0]->worker_name,
                       others > 0 ? absl::StrCat(" and ", others, " more") : "",
                       " got no work: ",
                       absl::StripSuffix(refusals[0]->message, "."), "."),
          AdviceOnRefusal(reason));
    }
  }

  const PoolPolicy& policy_;
  const MinerRecords& records_;
  std::vector<Explanation> explanations_;
};

}  // namespace

std::vector<Explanation> Explain(const PoolPolicy& policy,
                                 const MinerRecords& records) {
  return Explainer(policy, records).Run();
}

}  // namespace archpool
