// SPDX-License-Identifier: Apache-2.0
#include "common/model/receipt_check.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/crypto/canonical.h"
#include "common/model/coins.h"

namespace archpool {
namespace {

__extension__ using Int128 = __int128;

constexpr char kSealsDomain[] = "archpool/receipt-epochs/v1";
constexpr char kProofDomain[] = "archpool/receipt-proof/v1";
constexpr char kReceiptsDomain[] = "archpool/receipts/v1";
constexpr int64_t kSiblingsMax = 64;

absl::Status MalformedFile(const char* file) {
  return InvalidArgument(
      "RECEIPT_MALFORMED",
      absl::StrCat("the ", file, " cannot be read; fetch the receipts again"));
}

absl::Status Forged(const std::string& what) {
  return FailedPrecondition(
      "RECEIPTS_FORGED",
      absl::StrCat("these are not the receipts that the pool signed: ", what));
}

struct Proof {
  ReceiptStatement statement;
  std::string encoding;
  std::vector<Digest> siblings;
};

absl::StatusOr<Proof> DecodeProof(absl::string_view encoding) {
  CanonicalReader reader(kProofDomain, encoding);
  Proof proof;
  proof.encoding = std::string(reader.Bytes());
  const int64_t count = reader.Int();
  if (count < 0 || count > kSiblingsMax) return MalformedFile("statement");
  for (int64_t i = 0; i < count; ++i) proof.siblings.push_back(reader.Fixed());
  if (!reader.IsDone()) return MalformedFile("statement");
  ARCHPOOL_ASSIGN_OR_RETURN(proof.statement, DecodeStatement(proof.encoding));
  return proof;
}

// The backup is older than seals that the pool had handed out.
absl::Status HistoryLost(int64_t number, const Seal& restored) {
  return FailedPrecondition(
      "POOL_RESTORED",
      absl::StrCat("the pool was restored from a backup at ",
                   absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", restored.time,
                                    absl::UTCTimeZone()),
                   ", and lost what it had sealed up to seal ", number,
                   "; keep this folder: it proves them. Fetch into a new one"));
}

// The last one's signature covers the ones before through the chain.
absl::Status CheckChain(const std::vector<SignedSeal>& seals,
                        const PublicKey& pool_key, int64_t& restores) {
  if (seals.empty()) return MalformedFile("list of seals");
  Digest previous;
  int64_t number = 0;
  absl::Time time = absl::InfinitePast();
  for (const SignedSeal& one : seals) {
    const bool is_restored = IsAfterRestore(one.seal, number);
    if (is_restored && one.seal.previous != previous &&
        VerifySignature(pool_key, Encode(one.seal), one.signature)) {
      return HistoryLost(number, one.seal);
    }
    if ((one.seal.number != number + 1 && !is_restored) ||
        one.seal.previous != previous || one.seal.time < time) {
      return Forged(
          absl::StrCat("seal ", number + 1, " does not follow the one before"));
    }
    number = one.seal.number;
    restores += is_restored ? 1 : 0;
    previous = one.Id();
    time = one.seal.time;
  }
  const SignedSeal& last = seals.back();
  if (!VerifySignature(pool_key, Encode(last.seal), last.signature)) {
    return Forged(
        absl::StrCat("seal ", number, " is not signed with this pool's key"));
  }
  return absl::OkStatus();
}

// ⌊pot · (before + weight) / total⌋ − ⌊pot · before / total⌋; nullopt where
// that makes no sense.
std::optional<Amount> AmountOf(const ShareReceipt& share) {
  if (share.pot < 0 || share.before < 0 || share.weight < 0 ||
      share.total <= 0 || share.before > share.total ||
      share.weight > share.total - share.before) {
    return std::nullopt;
  }
  const auto running = [&share](int64_t weight) {
    return Int128{share.pot} * weight / share.total;
  };
  return static_cast<Amount>(running(share.before + share.weight) -
                             running(share.before));
}

constexpr char kProportional[] = "proportional";
constexpr char kWindow[] = "pplns";
constexpr char kFinders[] = "finders_bonus";

// What kinds of movements there are, from where to where: "own" is the account.
struct Movement {
  const char* kind;
  const char* from;
  const char* to;
};
constexpr Movement kMovements[] = {
    {"deposit", "outside", "own"},    {"escrow", "own", "escrow:"},
    {"pay", "escrow:", "own"},        {kFinders, "escrow:", "own"},
    {"refund", "escrow:", "own"},     {"share", "own", "account:"},
    {"share", "account:", "own"},     {"payout", "own", "payouts"},
    {"settle", "payouts", "outside"}, {"return", "payouts", "own"},
    {"fee", "escrow:", "fees"},
};

bool IsPlace(const std::string& place, const std::string& own,
             absl::string_view pattern) {
  if (pattern == "own") return place == own;
  return absl::EndsWith(pattern, ":")
             ? absl::StartsWith(place, pattern) && place != own
             : place == pattern;
}

// Adds receipts up, in their order.
class Books {
 public:
  explicit Books(ReceiptReport& report)
      : report_(report),
        place_(absl::StrCat("account:", report.account.value)) {}

  void Add(const ReceiptContent& receipt) {
    std::visit([this](const auto& body) { Note(body); }, receipt.body);
  }

  void Close(const ReceiptStatement& statement) {
    for (const auto& [id, trial] : trials_) CloseTrial(id, trial);
    for (auto& [task, sums] : report_.tasks) CloseTask(task, sums);
    for (const auto& [id, payout] : payouts_) ClosePayout(id, payout);
    report_.owed = window_worth_ - window_paid_;
    report_.balance = static_cast<Amount>(balance_);
    if (balance_ != statement.balance) {
      Complain("the pool states a balance of ", FormatCoins(statement.balance),
               ", the receipts make ", FormatCoins(report_.balance));
    }
  }

 private:
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
  void AddTo(Amount& sum, Amount amount) {
    if (__builtin_add_overflow(sum, amount, &sum)) {
      sum = 0;
      Complain("a sum passes every amount there is");
    }
  }

  void Note(const VerdictReceipt& verdict) {
    std::optional<VerdictReceipt>& terms = tasks_[verdict.task].terms;
    if (!terms) terms = verdict;
    const bool is_rule_known =
        verdict.rule == kProportional || verdict.rule == kWindow;
    if (!is_rule_known || verdict.work_units < 0 || verdict.work_pot < 0 ||
        verdict.budget_units <= 0 ||
        verdict.work_units > verdict.budget_units) {
      Complain(verdict.trial.ToString(), " has no price");
      return;
    }
    if (terms->rule != verdict.rule || terms->work_pot != verdict.work_pot ||
        terms->budget_units != verdict.budget_units ||
        terms->deadline != verdict.deadline) {
      Complain(verdict.task.ToString(), " changed its price");
    }
    std::optional<VerdictReceipt>& before = trials_[verdict.trial].verdict;
    if (before && (before->task != verdict.task ||
                   before->work_units != verdict.work_units ||
                   before->architecture_id != verdict.architecture_id ||
                   before->checkpoint_root != verdict.checkpoint_root)) {
      Complain(verdict.trial.ToString(), " became another trial");
    }
    before = verdict;
  }

  void Note(const CreditReceipt& credit) {
    trials_[credit.trial].credit = credit;
  }

  void Note(const ShareReceipt& share) {
    TaskState& task = tasks_[share.task];
    TaskReceipts& sums = report_.tasks[share.task];
    if (AmountOf(share) != share.amount) {
      Complain("the share of ", share.task.ToString(), " by the rule ",
               share.rule, " is ", FormatCoins(share.amount),
               ", not what it is made of");
    }
    if (share.rule == kFinders) {
      AddTo(sums.bonus, share.amount);
      return;
    }
    AddTo(sums.pay, share.amount);
    if (task.terms && task.terms->rule != share.rule) {
      Complain(share.task.ToString(), " paid by the rule ", share.rule,
               ", not by its own");
    }
    if (share.rule == kWindow) {
      AddTo(window_paid_, share.amount);
    } else if (share.rule != kProportional) {
      Complain("there is no rule ", share.rule);
    } else if (task.work.has_value()) {
      Complain(share.task.ToString(), " was settled twice");
    } else {
      task.work = share;
    }
  }

  void Note(const TransferReceipt& transfer) {
    const bool is_in = transfer.to == place_;
    const bool is_out = transfer.from == place_;
    const bool is_known = std::any_of(
        std::begin(kMovements), std::end(kMovements), [&](const Movement& one) {
          return transfer.kind == one.kind &&
                 IsPlace(transfer.from, place_, one.from) &&
                 IsPlace(transfer.to, place_, one.to);
        });
    const bool is_payout = transfer.kind == "payout" ||
                           transfer.kind == "settle" ||
                           transfer.kind == "return";
    if (!is_known || transfer.amount <= 0 ||
        transfer.payout.IsSet() != is_payout) {
      Complain(transfer.transfer.ToString(), ", ", transfer.kind, " from ",
               transfer.from, " to ", transfer.to,
               ", is no movement that a pool makes");
    }
    if (!seen_.insert(transfer.transfer).second) {
      Complain(transfer.transfer.ToString(), " is there twice");
    }
    if (is_in) AddTo(report_.moved_in[transfer.kind], transfer.amount);
    if (is_out) AddTo(report_.moved_out[transfer.kind], transfer.amount);
    balance_ += (is_in ? transfer.amount : 0) - (is_out ? transfer.amount : 0);
    if (balance_ < 0 && !is_negative_) {
      is_negative_ = true;
      Complain("the balance falls below 0 with ", transfer.transfer.ToString());
    }
    TaskState& task = tasks_[transfer.task];
    if (transfer.kind == "pay") AddTo(task.paid, transfer.amount);
    if (transfer.kind == kFinders) AddTo(task.bonus_paid, transfer.amount);
    if (!is_payout) return;
    PayoutSums& payout = payouts_[transfer.payout];
    AddTo(transfer.kind == "payout"   ? payout.set_aside
          : transfer.kind == "settle" ? payout.settled
                                      : payout.returned,
          transfer.amount);
  }

  void Note(const PayoutReceipt& payout) {
    PayoutSums& sums = payouts_[payout.payout];
    if (!sums.first) sums.first = payout;
    if (sums.first->amount != payout.amount ||
        sums.first->address != payout.address ||
        sums.first->key != payout.key) {
      Complain(payout.payout.ToString(), " became another payout");
    }
    sums.state = payout.state;
  }

  // It moves nothing, and each payout says where it went.
  void Note(const AddressReceipt&) {}
  // What it brought about has receipts of its own.
  void Note(const OperatorReceipt&) {}

  void Note(const CarriedReceipt& carried) {
    if (carried.amount < 0 || report_.carried != 0) {
      Complain(
          "the balance from before there were receipts is carried over "
          "wrongly");
    }
    AddTo(report_.carried, carried.amount);
    balance_ += carried.amount;
  }

  void CloseTrial(TrialId id, const TrialState& trial) {
    if (!trial.verdict) {
      Complain(id.ToString(), " is credited without a verdict");
      return;
    }
    const VerdictReceipt& verdict = *trial.verdict;
    TaskReceipts& sums = report_.tasks[verdict.task];
    if (!verdict.is_accepted) {
      ++sums.rejected;
      if (verdict.reason.empty()) {
        Complain(id.ToString(), " is rejected without a reason");
      }
      return;
    }
    ++sums.accepted;
    if (!trial.credit) {
      tasks_[verdict.task].lacks_credit = true;
      return;
    }
    if (trial.credit->work_units != verdict.work_units ||
        trial.credit->task != verdict.task) {
      Complain(id.ToString(), " is credited with ", trial.credit->work_units,
               " work units, its verdict says ", verdict.work_units);
    }
    AddTo(sums.units_credited, trial.credit->work_units);
    if (verdict.rule != kWindow) return;
    AddTo(window_worth_,
          static_cast<Amount>(Int128{verdict.work_pot} * verdict.work_units /
                              verdict.budget_units));
  }

  void CloseTask(TaskId id, TaskReceipts& sums) {
    const TaskState& task = tasks_[id];
    sums.is_settled = task.work.has_value();
    if (task.work.has_value()) CloseProportional(id, task, sums);
    if (task.paid != sums.pay) {
      Complain(id.ToString(), " paid ", FormatCoins(task.paid),
               ", its shares say ", FormatCoins(sums.pay));
    }
    if (task.bonus_paid != sums.bonus) {
      Complain(id.ToString(), " paid a finder's bonus of ",
               FormatCoins(task.bonus_paid), ", its shares say ",
               FormatCoins(sums.bonus));
    }
    // What the window owes does not say which task has ended.
    const bool waits =
        task.lacks_credit || (task.terms && task.terms->rule == kProportional &&
                              !sums.is_settled && sums.accepted > 0);
    sums.is_overdue = waits && task.terms->deadline < report_.time;
  }

  void CloseProportional(TaskId id, const TaskState& task,
                         const TaskReceipts& sums) {
    const ShareReceipt& work = *task.work;
    if (task.lacks_credit || work.weight != sums.units_credited) {
      Complain(id.ToString(), " paid for ", work.weight,
               " work units, and credited ", sums.units_credited,
               task.lacks_credit ? ", and less than it accepted" : "");
    }
    if (task.terms && (work.pot != task.terms->work_pot ||
                       work.total != task.terms->budget_units)) {
      Complain(id.ToString(), " paid another price than it credited at");
    }
  }

  void ClosePayout(PayoutId id, const PayoutSums& payout) {
    const Amount amount = payout.first ? payout.first->amount : 0;
    // Set aside before there were receipts, perhaps.
    const bool is_carried =
        payout.first && payout.first->state == kPayoutCarried;
    if (payout.set_aside != (is_carried ? 0 : amount) ||
        payout.settled != (payout.state == "settled" ? amount : 0) ||
        payout.returned != (payout.state == "refused" ? amount : 0)) {
      Complain(id.ToString(), " of ", FormatCoins(amount), " is ", payout.state,
               ", and moved ", FormatCoins(payout.set_aside), " aside, ",
               FormatCoins(payout.settled), " out and ",
               FormatCoins(payout.returned), " back");
    }
  }

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

}  // namespace

std::string EncodeSeals(const std::vector<SignedSeal>& seals) {
  CanonicalWriter writer(kSealsDomain);
  for (const SignedSeal& seal : seals) {
    writer.Bytes(Encode(seal.seal)).Bytes(seal.signature.AsBytes());
  }
  return writer.encoding();
}

std::string EncodeProof(const std::string& statement,
                        const std::vector<Digest>& siblings) {
  CanonicalWriter writer(kProofDomain);
  writer.Bytes(statement).Int(static_cast<int64_t>(siblings.size()));
  for (const Digest& sibling : siblings) writer.Fixed(sibling);
  return writer.encoding();
}

std::string EncodeReceipts(const std::vector<std::string>& receipts) {
  CanonicalWriter writer(kReceiptsDomain);
  for (const std::string& receipt : receipts) writer.Bytes(receipt);
  return writer.encoding();
}

absl::StatusOr<std::vector<SignedSeal>> DecodeSeals(
    absl::string_view encoding) {
  CanonicalReader reader(kSealsDomain, encoding);
  std::vector<SignedSeal> seals;
  while (reader.ok() && !reader.IsDone()) {
    SignedSeal one;
    ARCHPOOL_ASSIGN_OR_RETURN(one.seal, DecodeSeal(reader.Bytes()));
    ARCHPOOL_ASSIGN_OR_RETURN(one.signature,
                              Signature::FromBytes(reader.Bytes()));
    seals.push_back(std::move(one));
  }
  if (!reader.IsDone()) return MalformedFile("list of seals");
  return seals;
}

absl::StatusOr<std::vector<std::string>> DecodeReceipts(
    absl::string_view encoding) {
  CanonicalReader reader(kReceiptsDomain, encoding);
  std::vector<std::string> receipts;
  while (reader.ok() && !reader.IsDone()) receipts.emplace_back(reader.Bytes());
  if (!reader.IsDone()) return MalformedFile("list of receipts");
  return receipts;
}

absl::StatusOr<ReceiptReport> CheckReceipts(const ReceiptFolder& folder,
                                            const PublicKey& pool_key) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<SignedSeal> seals,
                            DecodeSeals(folder.seals));
  int64_t restores = 0;
  ARCHPOOL_RETURN_IF_ERROR(CheckChain(seals, pool_key, restores));
  ARCHPOOL_ASSIGN_OR_RETURN(const Proof proof, DecodeProof(folder.statement));
  const Seal& last = seals.back().seal;
  const ReceiptStatement& statement = proof.statement;
  if (!VerifyMerkleProof(MerkleLeaf(proof.encoding), statement.account.value,
                         last.statements, proof.siblings, last.root)) {
    return Forged(
        absl::StrCat("the statement is not that of seal ", last.number));
  }
  CanonicalReader reader(kReceiptsDomain, folder.receipts);
  ReceiptReport report{.account = statement.account,
                       .seal = last.number,
                       .time = last.time,
                       .restores = restores};
  Books books(report);
  MerkleFrontier tree;
  ReceiptId latest;
  while (reader.ok() && !reader.IsDone()) {
    const absl::string_view encoding = reader.Bytes();
    tree.Append(MerkleLeaf(encoding));
    ARCHPOOL_ASSIGN_OR_RETURN(const ReceiptContent receipt,
                              DecodeReceipt(encoding));
    if (receipt.account != statement.account || receipt.id <= latest) {
      return Forged(absl::StrCat(receipt.id.ToString(), " is out of place"));
    }
    latest = receipt.id;
    books.Add(receipt);
  }
  if (!reader.IsDone()) return MalformedFile("list of receipts");
  report.receipts = tree.count();
  if (tree.count() != statement.count) {
    return Forged(
        absl::StrCat("there are ", tree.count(), " of ", statement.count));
  }
  if (tree.Root() != statement.root) {
    return Forged("at least one was changed or exchanged");
  }
  books.Close(statement);
  return report;
}

}  // namespace archpool
