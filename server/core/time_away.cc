// SPDX-License-Identifier: Apache-2.0
#include "server/core/time_away.h"

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "server/core/books/due_queue.h"
#include "server/core/state/queries.h"

namespace archpool {
namespace {

// How many records one step passes for each that it writes.
constexpr int64_t kPassedPerWrite = 4;

bool IsDue(const Due& due) { return due.time != absl::InfiniteFuture(); }

class Adder {
 public:
  Adder(Step& step, AddedTime& added)
      : step_(step),
        added_(added),
        away_(added.end - added.begin),
        writes_left_(step.policy.deadlines_per_step_max),
        looks_left_(kPassedPerWrite * writes_left_) {}

  // False: there are more.
  bool AddToSome() {
    // No default: -Wswitch tells of a kind that nothing is added to.
    switch (added_.kind) {
      case DueKind::kTask:
        if (!AddToTasks()) return false;
        Begin(DueKind::kLease);
        [[fallthrough]];
      case DueKind::kLease:
        if (!AddToLeases()) return false;
        Begin(DueKind::kTrial);
        [[fallthrough]];
      case DueKind::kTrial:
        if (!AddToTrials()) return false;
        Begin(DueKind::kAudit);
        [[fallthrough]];
      case DueKind::kAudit:
        if (!AddToAudits()) return false;
        Begin(DueKind::kSession);
        [[fallthrough]];
      case DueKind::kSession:
        if (!AddToSessions()) return false;
        Begin(DueKind::kAccount);
        [[fallthrough]];
      case DueKind::kAccount:
        return AddToAccounts();
    }
    return true;
  }

 private:
  void Begin(DueKind kind) {
    added_.kind = kind;
    added_.done_to = 0;
  }

  // The next records, as they are: `record_of` gives the one at an iterator,
  // and nullptr where nothing is added to it. Puts each once `add` has changed
  // it. False: there are more of this kind.
  template <typename Record, typename All, typename RecordOf, typename Add>
  bool AddToNext(const All& all, const RecordOf& record_of, const Add& add) {
    std::vector<Record> some;
    auto next = all.upper_bound(typename All::key_type{added_.done_to});
    for (; next != all.end(); ++next) {
      if (looks_left_ <= 0 || writes_left_ <= 0) break;
      --looks_left_;
      const Record* record = record_of(*next);
      if (record == nullptr) continue;
      --writes_left_;
      some.push_back(*record);
    }
    const bool is_all = next == all.end();
    if (!is_all) added_.done_to = IdOf(*next).value - 1;
    for (Record& record : some) {
      add(record);
      step_.state.Put(record);
    }
    return is_all;
  }
  template <typename Id, typename Record>
  static Id IdOf(const std::pair<const Id, Record>& entry) {
    return entry.first;
  }
  static TrialId IdOf(TrialId id) { return id; }

  bool AddToTasks() {
    return AddToNext<Task>(
        step_.state.tasks().all(),
        [](const auto& entry) {
          return IsDue(DueOf(entry.second)) ? &entry.second : nullptr;
        },
        [&](Task& task) { task.time_away += away_; });
  }

  bool AddToLeases() {
    return AddToNext<Lease>(
        step_.state.leases().all(),
        [](const auto& entry) { return &entry.second; },
        [&](Lease& lease) {
          lease.create_time += away_;
          lease.expire_time += away_;
          lease.deadline += away_;
          if (lease.check_time) *lease.check_time += away_;
        });
  }

  // What is to be sent of those that were committed; and those that their
  // miners may still commit though another was faster.
  bool AddToTrials() {
    return AddToNext<Trial>(
        step_.state.tasks().awaited(),
        [&](TrialId id) -> const Trial* {
          const Trial* trial = step_.state.Find(id);
          if (trial == nullptr || !trial->upload_deadline) return nullptr;
          const bool is_over = trial->state != TrialState::kCommitted &&
                               *trial->upload_deadline < added_.begin;
          return is_over ? nullptr : trial;
        },
        [&](Trial& trial) { *trial.upload_deadline += away_; });
  }

  bool AddToAudits() {
    return AddToNext<Audit>(
        step_.state.audits().all(),
        [](const auto& entry) {
          return IsDue(DueOf(entry.second)) ? &entry.second : nullptr;
        },
        [&](Audit& audit) {
          for (std::optional<absl::Time>* time :
               {&audit.expire_time, &audit.lease_time, &audit.wait_time,
                &audit.decide_time, &audit.away_until}) {
            if (*time) **time += away_;
          }
        });
  }

  // Paces are measured from here on, as if the leases had begun later.
  void Add(Performance& performance) const {
    if (performance.last_commit_time) *performance.last_commit_time += away_;
  }

  bool AddToSessions() {
    return AddToNext<Session>(
        step_.state.sessions().all(),
        [&](const auto& entry) {
          const bool has_lease = !step_.state.leases().Of(entry.first).empty();
          return has_lease ? &entry.second : nullptr;
        },
        [&](Session& session) { Add(session.performance); });
  }

  bool AddToAccounts() {
    return AddToNext<Account>(
        step_.state.accounts().all(),
        [&](const auto& entry) {
          const bool has_lease = step_.state.leases().CountOf(entry.first) > 0;
          return has_lease || entry.second.next_address ? &entry.second
                                                        : nullptr;
        },
        [&](Account& account) {
          if (step_.state.leases().CountOf(account.id) > 0) {
            Add(account.performance);
          }
          // Nobody could take it back meanwhile.
          if (account.next_address) account.next_address->time += away_;
        });
  }

  Step& step_;
  AddedTime& added_;
  const absl::Duration away_;
  int64_t writes_left_;
  int64_t looks_left_;
};

}  // namespace

void BeginToAdd(Step& step, absl::Time begin, PoolClock& clock) {
  clock.time = step.now;
  clock.added.reset();
  if (begin >= step.now) return;
  clock.added = AddedTime{.begin = begin, .end = step.now};
  AddToSome(step, clock);
}

void AddToSome(Step& step, PoolClock& clock) {
  if (Adder(step, *clock.added).AddToSome()) clock.added.reset();
}

}  // namespace archpool
