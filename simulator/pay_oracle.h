// SPDX-License-Identifier: Apache-2.0
// The rule that honest work is paid: no honest trial ends unpaid but for two
// reasons, which are counted.
//
//   absent     its machine did not come back in time: over all the time that it
//              is promised, with the pool there, it was away, or its line was
//              slower than answers are waited for, or its files were lost. One
//              that is away when its answer is due is blamed for nothing for a
//              day; sooner it is unpaid alone, where what it holds is needed.
//   undecided  its miner was not proven yet, and no verifier that is well was
//              there when the operator's policy decided: that those that are
//              have much to do is no reason, for a day. Where one that was not
//              well had looked at it, none was idle since. A proven miner's is
//              paid then, but for a cap of the policy's: what lies beyond is
//              counted apart.
//
// No honest account is blamed or suspended for anything else. Judges by the
// records that a pool commits, and by what the world around it knows: who was
// where, and when. It shares no logic with the core. Times are the world's, not
// the pool's. Not thread-safe.
#ifndef ARCHPOOL_SIMULATOR_PAY_ORACLE_H_
#define ARCHPOOL_SIMULATOR_PAY_ORACLE_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/core/leaves/verifier_book.h"
#include "server/core/records/entities.h"
#include "server/core/rules/policy.h"
#include "simulator/stopwatch.h"

namespace archpool {

// How honest miners' trials were paid.
struct PayReport {
  int64_t committed = 0;
  int64_t paid = 0;
  WorkUnits units_paid = 0;
  // Unpaid for the first reason; those of them that nobody is blamed for; and
  // those that went with another one: not matured, or grown from it.
  int64_t absent = 0;
  int64_t absent_unblamed = 0;
  int64_t absent_with_another = 0;
  // Trained, and refused when they were reported, for the same reason.
  int64_t absent_uncommitted = 0;
  // Unpaid for the second reason; and likewise of miners that are proven, once
  // as many are paid unverified as the policy pays.
  int64_t undecided = 0;
  int64_t undecided_beyond_cap = 0;
  // Accounts that were suspended because nothing came of them, again and again.
  int64_t absent_suspended = 0;

  int64_t ended() const {
    return paid + absent + undecided + undecided_beyond_cap;
  }
};

class PayOracle {
 public:
  explicit PayOracle(const PoolPolicy& policy);

  // What an honest miner's machine can do.
  struct Machine {
    double pace = 1;       // time for a work unit; 1 is the reference core's
    double line_rate = 0;  // bytes a second
    bool is_away = false;  // or has no way to the pool
  };
  // The world's side. A pool is there where it is up and not in maintenance.
  void NotePool(bool is_there, absl::Time now);
  void NoteMachine(AccountId id, const Machine& machine, absl::Time now);
  // A trial's files are lost, or do not get through.
  void NoteLost(TrialId trial) { lost_.insert(trial); }
  // A verifier is well where it is up and finds what is true.
  void NoteVerifier(const VerifierKey& verifier, bool is_well, absl::Time now);
  // A miner trained what it was given, and the pool would not have it.
  void NoteRefused(TrialId id, LeaseId under, const std::string& reason,
                   absl::Time now);

  // An event of the pool.
  void Note(const Event& event, absl::Time now);

  const PayReport& report() const { return report_; }
  // One sentence each; empty while the rule holds.
  const std::vector<std::string>& violations() const { return violations_; }

 private:
  // What is measured from a moment on.
  struct Mark {
    absl::Time time;
    absl::Duration pool;  // that the pool had been there by then
    absl::Duration able;  // and the miner's machine too
  };
  struct Miner {
    Machine machine;
    absl::Time away_since = absl::InfiniteFuture();
    Stopwatch able;  // the pool is there, and so is the machine
    int64_t passes = 0;
    int64_t absences = 0;  // in a row
    bool is_suspended = false;
    // When one of its trials last ended unpaid for each reason.
    absl::Time absent_time = absl::InfinitePast();
    absl::Time undecided_time = absl::InfinitePast();
    std::map<TrialId, int64_t> asked_bytes;
  };
  // Something asked of a miner.
  struct Question {
    Mark since;
    int64_t size_bytes = 0;
    int64_t queue_bytes = 0;  // with all that was asked of it before
  };
  struct Watched {
    Trial trial;
    absl::Time since;
    Question weights;  // if only they were asked for; since it was committed
  };
  struct WatchedAudit {
    Audit audit;
    Question question;
    // How long each verifier had been well and idle when it came to them.
    std::map<VerifierKey, absl::Duration> idle_before;
    absl::Duration pool_before;  // that the pool had been there by then
    bool is_waiting = false;     // or was
  };
  struct WatchedLease {
    Mark since;
    absl::Duration term;
  };

  void NoteAccount(const Account& account, absl::Time now);
  void NoteLease(const Lease& lease, absl::Time now);
  void NoteTrial(const Trial& trial, absl::Time now);
  void NoteAudit(const Audit& audit, absl::Time now);
  void NoteTask(const Task& task);
  void NoteRejected(const Watched& watched, absl::Time now);
  // Whether it is told so, and not of what is complained of.
  bool CheckAbsence(const Trial& trial, const Question& question,
                    absl::Time now);
  void CheckBlamedAbsence(const Trial& trial, const Question& question,
                          absl::Time now);
  void CheckWaited(const Trial& trial, const Question& question,
                   absl::Time now);
  bool IsBeyondCap(const Trial& trial) const;
  void CheckUndecided(const Trial& trial, absl::Time now);
  // What verifiers that are well have to do with it; "": nothing.
  std::string WhoCouldDecide(const WatchedAudit& watched, absl::Time now) const;
  void NoteHolder(const Audit& before, const Audit& audit, absl::Time now);
  void SetIdle(const VerifierKey& verifier, absl::Time now);
  Mark MarkOf(const Miner& miner, absl::Time now) const;
  Question QuestionOf(Miner& miner, const Trial& trial, int64_t files,
                      absl::Time now);
  // How long it takes at least until an answer is not waited for any more.
  absl::Duration Promised(const Miner& miner, const Trial& trial,
                          int64_t size_bytes) const;
  void Complain(std::string violation) {
    violations_.push_back(std::move(violation));
  }

  const PoolPolicy policy_;
  const int64_t passes_to_prove_;
  PayReport report_;
  std::vector<std::string> violations_;
  Stopwatch pool_;
  std::map<AccountId, Miner> miners_;
  std::map<VerifierKey, bool> well_;
  // Since when it is well, with the pool there, without a break.
  std::map<VerifierKey, absl::Time> at_work_since_;
  std::map<VerifierKey, AuditId> holding_;
  // Well, with the pool there, and no audit in hand.
  std::map<VerifierKey, Stopwatch> idle_;
  std::map<TrialId, Watched> trials_;
  std::map<TaskId, std::vector<TrialId>> trials_of_;
  std::set<TrialId> lost_;
  std::set<TrialId> refused_;  // and not committed since
  // Refused against the rule, unless they are committed after all; and how.
  std::map<TrialId, std::string> late_;
  std::map<AuditId, WatchedAudit> audits_;
  std::map<TrialId, AuditId> audit_of_;  // its latest
  std::map<LeaseId, WatchedLease> leases_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SIMULATOR_PAY_ORACLE_H_
