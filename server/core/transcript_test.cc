// SPDX-License-Identifier: Apache-2.0
// Replays the scripts in tests/golden/core against the core and compares what
// it answers and which records it changes, line by line. UPDATE_GOLDEN=1
// rewrites the files: commit a change only where you understand what caused it.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/status.h"
#include "gtest/gtest.h"
#include "tests/support/pool_fixture.h"

namespace archpool {
namespace {

constexpr char kDirectory[] = "tests/golden/core";

// What a changed record says, in one line; the kinds that are not named here
// say nothing. (A pool's clock is one of them: ticks alone note it.)
template <typename Record>
std::string Line(const Record&) {
  return "";
}
std::string Line(const Account& a) {
  return absl::StrCat("account ", a.name, " ", ToString(a.role), " ",
                      ToString(a.state), " accepted=", a.trials_accepted,
                      " rejected=", a.trials_rejected,
                      " abandoned=", a.trials_abandoned);
}
std::string Line(const DatasetRecord&) { return "dataset"; }
std::string Line(const Task& t) {
  return absl::StrCat(
      t.id.ToString(), " ", ToString(t.state),
      t.end_reason ? absl::StrCat(" by ", ToString(*t.end_reason)) : "",
      " fee=", t.fee, " refund=", t.refund);
}
std::string Line(const SubspaceRecord& s) {
  return absl::StrCat(s.id.ToString(), " ", ToString(s.state),
                      " attempt=", s.attempt, " size=", s.box.size());
}
std::string Line(const Session& s) {
  return absl::StrCat(s.id.ToString(), " ", s.worker_name, " ",
                      ToString(s.state));
}
std::string Line(const Lease& l) {
  return absl::StrCat(
      l.id.ToString(), " ", ToString(l.state), " ", l.subspace.ToString(),
      " attempt=", l.attempt,
      " expires=", absl::FormatDuration(l.expire_time - absl::UnixEpoch()),
      l.has_high_reward ? " high_reward" : "",
      l.primary ? " backup_of=" + l.primary->ToString() : "",
      BackupsWanted(l) > 0 ? absl::StrCat(" backups_wanted=", BackupsWanted(l),
                                          " ", ToString(l.backup_need->reason))
                           : "");
}
std::string Line(const Trial& t) {
  std::string line = absl::StrCat(t.id.ToString(), " ", ToString(t.state),
                                  " units=", t.work_units);
  if (t.commitment) {
    absl::StrAppend(&line, " claimed=", t.commitment->claimed_correct);
  }
  if (t.measured) {
    absl::StrAppend(&line, " measured=", t.measured->validation_correct,
                    " held_out=", t.measured->held_out_correct);
  }
  if (!t.reason.empty()) absl::StrAppend(&line, " ", t.reason);
  if (const std::optional<TrialBasis> basis = BasisOf(t)) {
    absl::StrAppend(&line, " ", ToString(*basis),
                    IsMatured(t) ? " matured" : "");
  }
  if (const TrialSettlement settled = SettlementOf(t); settled.pay > 0) {
    absl::StrAppend(&line, " pay=", settled.pay,
                    " bonus=", settled.finders_bonus);
  }
  return line;
}
std::string Line(const Audit& a) {
  return absl::StrCat(
      a.id.ToString(), " ", ToString(a.state), " of ", a.trial.ToString(), " ",
      a.kind == AuditKind::kWhole ? "whole"
                                  : absl::StrCat("segment=", a.segment),
      a.missing != 0 ? absl::StrCat(" missing=", a.missing) : "",
      " attempt=", a.attempt);
}
std::string Line(const Transfer& t) {
  return absl::StrCat(t.id.ToString(), " ", ToString(t.kind), " ", t.amount,
                      " from ", ToString(t.from), " to ", ToString(t.to));
}
std::string Line(const Ranking& ranking) {
  return absl::StrCat("ranking of ", ranking.candidates.size(),
                      " after verdicts: ", ranking.verdicts_seen);
}
std::string Line(const Payout& p) {
  return absl::StrCat(p.id.ToString(), " ", ToString(p.state), " ", p.amount,
                      " to ", p.address);
}
std::string Line(const Owed& o) {
  return absl::StrCat("owed to ", o.account.ToString(), " at ", o.position,
                      ": ", o.amount);
}
std::string Line(const Receipt& r) {
  constexpr const char* kKinds[] = {"verdict",  "credit",  "share",
                                    "transfer", "payout",  "carried",
                                    "address",  "operator"};
  const absl::StatusOr<ReceiptContent> content = DecodeReceipt(r.content);
  ARCHPOOL_CHECK(content.ok());
  return absl::StrCat(
      r.id.ToString(), " ", kKinds[content->body.index()], " for ",
      r.account.IsSet() ? r.account.ToString() : "the pool's books");
}
std::string Line(const VerifierRecord& v) {
  return absl::StrCat("verifier ", v.key.name, " passed=", v.planted_passed,
                      " failed=", v.planted_failed);
}
std::string Line(const Balance& b) {
  return absl::StrCat("balance ", ToString(b.place), " ", b.amount);
}

class Interpreter {
 public:
  Interpreter() { pool_.pool.TakeEvents(); }

  // The answer to one script line, then the records it changed.
  std::string Run(const std::string& line) {
    words_ = absl::StrSplit(line, ' ', absl::SkipEmpty());
    std::string output;
    const auto found = Commands().find(words_[0]);
    if (found == Commands().end()) {
      output = "  no such command\n";
    } else {
      output = absl::StrCat("  ", (this->*found->second)(), "\n");
    }
    for (const Event& event : pool_.pool.TakeEvents()) {
      const std::string text =
          std::visit([](const auto& record) { return Line(record); }, event);
      if (!text.empty()) absl::StrAppend(&output, "    ", text, "\n");
    }
    return output;
  }

 private:
  using Method = std::string (Interpreter::*)();
  static const std::map<std::string, Method>& Commands() {
    static const auto* const kCommands = new std::map<std::string, Method>{
        {"account", &Interpreter::MakeAccount},
        {"deposit", &Interpreter::MakeDeposit},
        {"dataset", &Interpreter::MakeDataset},
        {"task", &Interpreter::MakeTask},
        {"open", &Interpreter::Open},
        {"acquire", &Interpreter::Acquire},
        {"renew", &Interpreter::Renew},
        {"rank", &Interpreter::Rank},
        {"report", &Interpreter::Report},
        {"answer", &Interpreter::SendWanted},
        {"audit", &Interpreter::TakeAudit},
        {"verdict", &Interpreter::GiveVerdict},
        {"advance", &Interpreter::Advance},
        {"balances", &Interpreter::Balances},
    };
    return *kCommands;
  }

  const std::string& Word(size_t i) const { return words_.at(i); }
  int64_t Number(size_t i) const {
    int64_t value = 0;
    ARCHPOOL_CHECK(absl::SimpleAtoi(Word(i), &value));
    return value;
  }
  // key=value among the words.
  int64_t Setting(const std::string& key) const {
    for (const std::string& word : words_) {
      int64_t value = 0;
      if (absl::StartsWith(word, key + "=") &&
          absl::SimpleAtoi(word.substr(key.size() + 1), &value)) {
        return value;
      }
    }
    ARCHPOOL_CHECK(false);
  }
  AccountId AccountNamed(const std::string& name) const {
    return pool_.pool.state().accounts().Find(name)->id;
  }
  template <typename T>
  static std::string Answer(const absl::StatusOr<T>& reply,
                            const std::function<std::string(const T&)>& text) {
    return reply.ok() ? text(*reply) : GetReason(reply.status());
  }

  std::string MakeAccount() {
    pool_.Make(Word(1), Word(2) == "miner" ? Role::kMiner : Role::kClient);
    return "made";
  }
  std::string MakeDeposit() {
    return pool_
        .Do(Deposit{Word(1), Number(2) * kAmountPerCoin,
                    absl::StrCat("d", ++requests_)})
        .ToString();
  }
  std::string MakeDataset() {
    pool_.Do(RegisterDataset{AccountNamed(Word(1)), TinyManifest(),
                             Sha256("held-out")});
    return "registered";
  }
  std::string MakeTask() {
    TaskSpec spec = TinySpec(static_cast<int>(Setting("widths")));
    spec.terms.reward = Setting("reward") * kAmountPerCoin;
    spec.budget.trials_max = Setting("trials_max");
    spec.recipe.epochs = 1'000;  // long trials
    spec.budget.work_units = 1'000'000'000;
    spec.subspaces = Setting("subspaces");
    spec.trials_per_lease = Setting("per_lease");
    return pool_
        .Do(SubmitTask{AccountNamed(Word(1)), spec,
                       absl::StrCat("t", ++requests_), Sha256("secret")})
        .ToString();
  }
  std::string Open() {
    const SessionId session = pool_.Open(AccountNamed(Word(1)), Word(2));
    sessions_[Word(1) + Word(2)] = session;
    return session.ToString();
  }
  SessionId SessionOf() { return sessions_[Word(1) + Word(2)]; }
  std::string Acquire() {
    return Answer<AcquireLease::Reply>(
        pool_.Try(AcquireLease{AccountNamed(Word(1)), SessionOf()}),
        [](const AcquireLease::Reply& reply) {
          if (!reply.grant) return reply.idle_reason;
          return absl::StrCat(
              reply.grant->lease.id.ToString(), ": ",
              absl::StrJoin(reply.grant->assignments, ", ",
                            [&](std::string* out, const Assignment& one) {
                              absl::StrAppend(out, one.trial.ToString(), " (",
                                              reply.grant->spec->space.Describe(
                                                  one.architecture),
                                              ")");
                            }));
        });
  }
  // rank 1 RANK...: candidates of a task by rank, best first.
  std::string Rank() {
    const TaskId id{Number(1)};
    const SearchSpace& space = pool_.pool.state().Find(id)->spec->space;
    RankCandidates command{.task = id, .verdicts_seen = 0};
    for (size_t i = 2; i < words_.size(); ++i) {
      command.candidates.push_back(space.ArchitectureAt(Number(i)));
    }
    return pool_.Try(command).ok() ? "ranked" : "refused";
  }
  std::string Renew() {
    return Answer<RenewLease::Reply>(
        pool_.Try(
            RenewLease{AccountNamed(Word(1)), SessionOf(), LeaseId{Number(3)}}),
        [](const RenewLease::Reply& reply) {
          return absl::StrCat(
              "until ",
              absl::FormatDuration(reply.expire_time - absl::UnixEpoch()));
        });
  }
  std::string Report() {
    const TrialId id{Number(3)};
    const Trial* trial = pool_.pool.state().Find(id);
    if (trial == nullptr) return "no such trial";
    const Lease* lease = pool_.pool.state().Find(trial->lease);
    const int64_t segments =
        pool_.pool.state().Find(trial->task)->spec->recipe.segments;
    const auto results =
        pool_
            .Do(ReportTrials{AccountNamed(Word(1)),
                             SessionOf(),
                             trial->lease,
                             lease == nullptr ? 0 : lease->attempt,
                             {FakeReport(id, segments, Number(4))}})
            .results;
    return results[0].status.ok() ? "committed" : GetReason(results[0].status);
  }
  // Sends what is wanted of a trial: its segment, its weights.
  std::string SendWanted() {
    const TrialId trial{Number(2)};
    pool_.Answer(AccountNamed(Word(1)), trial);
    const Trial* now = pool_.pool.state().Find(trial);
    return now == nullptr ? "its task has ended" : ToString(now->state);
  }
  std::string TakeAudit() {
    const auto grant = pool_.Do(AcquireAudit{pool_.verifier, Word(1)});
    if (!grant) return "none waiting";
    audits_[Word(1)] = grant->audit;
    return absl::StrCat(grant->audit.id.ToString(), " of ",
                        grant->trial.id.ToString());
  }
  std::string GiveVerdict() {
    const Audit& audit = audits_[Word(1)];
    return Answer<ReportAudit::Reply>(
        pool_.Try(ReportAudit{pool_.verifier, audit.id, audit.attempt, Word(1),
                              WeightsMeasured{Number(2), Number(3)}}),
        [](const ReportAudit::Reply& reply) {
          return absl::StrCat(ToString(reply.state), " ", reply.reason);
        });
  }
  std::string Advance() {
    absl::Duration duration;
    ARCHPOOL_CHECK(absl::ParseDuration(Word(1), &duration));
    pool_.Advance(duration);
    return absl::StrCat("it is ",
                        absl::FormatDuration(pool_.now - absl::UnixEpoch()));
  }
  std::string Balances() {
    std::string text;
    for (const Event& event : pool_.pool.state().Snapshot().records) {
      if (const auto* balance = std::get_if<Balance>(&event)) {
        absl::StrAppend(&text, ToString(balance->place), "=", balance->amount,
                        " ");
      }
    }
    return text;
  }

  TestPool pool_;
  std::vector<std::string> words_;
  std::map<std::string, SessionId> sessions_;
  std::map<std::string, Audit> audits_;
  int requests_ = 0;
};

std::string ReadFile(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// The script lines with what they answer now; old answers are indented.
std::string Replay(const std::string& transcript) {
  Interpreter interpreter;
  std::string output;
  for (absl::string_view line : absl::StrSplit(transcript, '\n')) {
    if (line.empty() || absl::StartsWith(line, "  ")) continue;
    absl::StrAppend(&output, line, "\n");
    if (!absl::StartsWith(line, "#")) {
      absl::StrAppend(&output, interpreter.Run(std::string(line)));
    }
  }
  return output;
}

TEST(TranscriptTest, EveryScriptAnswersAsRecorded) {
  int scripts = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kDirectory)) {
    ++scripts;
    const std::string recorded = ReadFile(entry.path());
    const std::string replayed = Replay(recorded);
    if (std::getenv("UPDATE_GOLDEN") != nullptr) {
      std::ofstream(entry.path()) << replayed;
    } else {
      EXPECT_EQ(recorded, replayed) << entry.path();
    }
  }
  EXPECT_GE(scripts, 2);
}

}  // namespace
}  // namespace archpool
