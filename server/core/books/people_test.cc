// SPDX-License-Identifier: Apache-2.0
// The books of accounts, sessions and leases, and the queue of what falls due:
// each index after many random changes is what its records say.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/counter_rng.h"
#include "gtest/gtest.h"
#include "server/core/books/account_book.h"
#include "server/core/books/due_queue.h"
#include "server/core/books/lease_table.h"
#include "server/core/books/session_book.h"
#include "server/core/rules/policy.h"

namespace archpool {
namespace {

TEST(AccountBookTest, IsWhatItsAccountsAddUpTo) {
  AccountBook book;
  CounterRng rng(1, 0);
  for (int i = 0; i < 200; ++i) {
    const int64_t id = 1 + rng.Below(5);
    const Account* before = book.Find(AccountId{id});
    Account account = before == nullptr ? Account{} : *before;
    account.id = {id};
    account.name = absl::StrCat("account ", id);
    account.units_credited += rng.Below(100);
    const int64_t more = rng.Below(4);
    account.trials_accepted += more;
    if (rng.Below(4) == 0) account.trials_within_group += more;
    constexpr const char* kGroups[] = {"", "a", "b"};
    account.group = kGroups[rng.Below(3)];
    account.performance.last_commit_time = absl::FromUnixSeconds(i);
    book.Put(account);
    WorkUnits units = 0;
    absl::Time proven = absl::InfinitePast();
    for (const auto& [key, one] : book.all()) {
      units += one.units_credited;
      for (const char* group : kGroups) {
        EXPECT_EQ(book.InGroup(group).contains(key),
                  !one.group.empty() && one.group == group);
      }
      if (one.trials_accepted - one.trials_within_group < kProvenTrials) {
        continue;
      }
      proven = std::max(proven, one.performance.last_commit_time.value_or(
                                    absl::InfinitePast()));
    }
    EXPECT_EQ(book.units_credited(), units);
    EXPECT_EQ(book.proven_commit_time(), proven);
    EXPECT_EQ(book.Find(account.name), book.Find(account.id));
  }
  EXPECT_EQ(book.Find("nobody"), nullptr);
  EXPECT_EQ(book.Find(AccountId{9}), nullptr);
}

TEST(SessionBookTest, ANameBelongsToTheLatestSession) {
  SessionBook book;
  const Session first = {
      .id = {1}, .account = {7}, .worker_name = "w", .create_time = {}};
  Session second = first;
  second.id = {2};
  book.Put(first);
  book.Put(second);
  Session closed = first;
  closed.state = SessionState::kClosed;
  book.Put(closed);
  EXPECT_EQ(book.Named({7}, "w"), SessionId{2});
  EXPECT_EQ(book.Find(SessionId{1}), nullptr);
  EXPECT_FALSE(book.Named({7}, "v").IsSet());
  EXPECT_FALSE(book.Named({8}, "w").IsSet());
}

TEST(SessionBookTest, CountsByAccount) {
  SessionBook book;
  int64_t last = 0;
  for (const int64_t account : {3, 5, 5, 8}) {
    ++last;
    book.Put(Session{.id = {last},
                     .account = {account},
                     .worker_name = absl::StrCat("w", 9 - last),
                     .create_time = {}});
  }
  EXPECT_EQ(book.CountOf({5}), 2);
  EXPECT_EQ(book.CountOf({4}), 0);
  EXPECT_EQ(book.Of({5}), (std::vector<SessionId>{{3}, {2}})) << "by name";
  EXPECT_EQ(book.AccountAfter({}), AccountId{3});
  EXPECT_EQ(book.AccountAfter({3}), AccountId{5});
  EXPECT_EQ(book.AccountAfter({5}), AccountId{8});
  EXPECT_FALSE(book.AccountAfter({8}).IsSet());
  // A name is counted once, whichever of its sessions closes first.
  Session again{.id = {9}, .account = {5}, .worker_name = "w7"};
  book.Put(again);
  EXPECT_EQ(book.CountOf({5}), 2);
  Session earlier = *book.Find({2});
  earlier.state = SessionState::kClosed;
  book.Put(earlier);
  EXPECT_EQ(book.CountOf({5}), 2);
  again.state = SessionState::kClosed;
  book.Put(again);
  book.Put(again);
  EXPECT_EQ(book.CountOf({5}), 1);
}

// Leases as the core puts them: new ones, renewed, handed to another session,
// with backups, ended. What is held follows from those that are active.
TEST(LeaseTableTest, IsWhatItsActiveLeasesSay) {
  LeaseTable table;
  DueQueue due;
  CounterRng rng(2, 0);
  int64_t last = 0;
  for (int i = 0; i < 2'000; ++i) {
    Lease lease;
    if (const int64_t id = 1 + rng.Below(30);
        const Lease* before = table.Find(LeaseId{id})) {
      lease = *before;
      lease.session = {1 + rng.Below(4)};
      if (!lease.primary) {
        lease.backup_need =
            BackupNeed{.reason = BackupReason::kSlow, .wanted = rng.Below(3)};
      }
      lease.expire_time += absl::Seconds(rng.Below(9));
      lease.check_time.reset();
      if (rng.Below(2) == 0) lease.check_time = absl::FromUnixSeconds(i);
      if (rng.Below(3) == 0) lease.state = LeaseState::kExpired;
    } else {
      lease.id = {++last % 30 + 1};
      if (table.Find(lease.id) != nullptr) continue;
      lease.account = {1 + rng.Below(3)};
      lease.session = {1 + rng.Below(4)};
      lease.subspace = {1 + rng.Below(4)};
      lease.deadline = absl::FromUnixSeconds(100 + i);
      lease.expire_time = absl::FromUnixSeconds(i);
      const LeaseId primary{1 + rng.Below(30)};
      const Lease* found = table.Find(primary);
      if (found != nullptr && !found->primary) {
        lease.primary = primary;
        lease.deadline = found->deadline;
      }
    }
    due.Put(table.Find(lease.id), lease);
    table.Put(lease);

    size_t wanting = 0;
    absl::btree_set<Due> expected_due;
    for (const auto& [id, one] : table.all()) {
      EXPECT_EQ(one.state, LeaseState::kActive);
      EXPECT_TRUE(table.Of(one.session).contains(id));
      EXPECT_TRUE(table.On(one.subspace).contains(id));
      if (one.primary) {
        EXPECT_TRUE(table.BackupsOf(*one.primary).contains(id));
      }
      const bool wants = BackupsWanted(one) > std::ssize(table.BackupsOf(id));
      EXPECT_EQ(table.backups_wanted().contains({one.deadline, id}), wants);
      wanting += wants;
      expected_due.insert(DueOf(one));
      if (one.check_time) {
        expected_due.insert(CheckOf(one));
      }
    }
    EXPECT_EQ(table.backups_wanted().size(), wanting);
    EXPECT_EQ(due.all(), expected_due);
    size_t by_session = 0;
    for (int64_t s = 1; s <= 4; ++s)
      by_session += table.Of(SessionId{s}).size();
    EXPECT_EQ(by_session, table.all().size());
    size_t by_account = 0;
    for (int64_t a = 1; a <= 3; ++a) {
      by_account += static_cast<size_t>(table.CountOf({a}));
    }
    EXPECT_EQ(by_account, table.all().size());
  }
}

}  // namespace
}  // namespace archpool
