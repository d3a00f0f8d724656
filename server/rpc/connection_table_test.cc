// SPDX-License-Identifier: Apache-2.0
// Whoever crowds the pool with connections makes room for those who show a
// token, even from their own address, and pays for it alone.
#include "server/rpc/connection_table.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/rpc/peer_lines.h"

namespace archpool::rpc {
namespace {

using testing::IsEmpty;

absl::Time At(int64_t seconds) { return absl::FromUnixSeconds(seconds); }

ShownToken Token(int64_t account, int64_t number = 1,
                 absl::Time end = absl::InfiniteFuture()) {
  return {{AccountId{account}, number}, end};
}

class ConnectionTableTest : public testing::Test {
 protected:
  static std::string Peer(int host, ConnectionId id) {
    return absl::StrCat("ipv4:192.0.2.", host, ":", 1'000 + id);
  }
  // What ends for one more connection from that host.
  std::vector<ConnectionId> Add(int host) {
    std::vector<ConnectionId> ids;
    ++last_;
    for (const ConnectionEnd& end :
         table_.Add(last_, Peer(host, last_), now_)) {
      ids.push_back(end.id);
      reasons_.push_back(end.reason);
    }
    return ids;
  }
  // One that shows a token at once.
  ConnectionId AddKnown(int host, int64_t account) {
    Add(host);
    table_.NoteCaller(Peer(host, last_), Token(account));
    return last_;
  }
  using Ids = std::vector<ConnectionId>;

  ConnectionTable table_{ConnectionLimits{.open_max = 20,
                                          .strangers_max = 10,
                                          .strangers_per_source_max = 4,
                                          .small_bytes_max = 100,
                                          .large_max = 3,
                                          .large_per_source_max = 2,
                                          .bytes_max = 1'000}};
  ConnectionId last_ = 0;
  absl::Time now_ = At(0);
  std::vector<EndReason> reasons_;
};

TEST_F(ConnectionTableTest, TheOldestStrangerOfACrowdedAddressEnds) {
  for (int i = 0; i < 4; ++i) EXPECT_THAT(Add(1), IsEmpty());
  EXPECT_EQ(Add(1), Ids({1}));
  EXPECT_EQ(Add(1), Ids({2}));
  EXPECT_EQ(reasons_[0], EndReason::kCrowded);
  EXPECT_THAT(Add(2), IsEmpty()) << "another address";
  EXPECT_EQ(table_.stranger_count(), 5);
}

TEST_F(ConnectionTableTest, WhoShowsATokenAtOnceComesInFromACrowdedAddress) {
  for (int i = 0; i < 4; ++i) Add(1);
  const ConnectionId honest = AddKnown(1, 7);
  for (int i = 0; i < 100; ++i) {
    for (const ConnectionId id : Add(1)) EXPECT_NE(id, honest);
  }
  EXPECT_EQ(table_.stranger_count(), 4);
  EXPECT_EQ(table_.open_count(), 5);
}

TEST_F(ConnectionTableTest, OfAllStrangersTheLargestCrowdLoses) {
  for (int host = 1; host <= 2; ++host) {
    for (int i = 0; i < 4; ++i) Add(host);
  }
  Add(3);
  Add(4);
  const Ids ended = Add(5);
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_LE(ended[0], 8) << "one of the two crowds";
}

// Where each address has one or two, nobody's spelling decides.
TEST_F(ConnectionTableTest, OfManySmallCrowdsTheOldestEnds) {
  for (int host = 10; host > 0; --host) Add(host);
  EXPECT_EQ(Add(11), Ids({1}));
  EXPECT_EQ(Add(10), Ids({2}));
}

TEST_F(ConnectionTableTest, AFullTableEndsStrangersFirst) {
  for (int i = 0; i < 19; ++i) AddKnown(i, i);
  EXPECT_THAT(Add(50), IsEmpty());
  EXPECT_EQ(Add(51), Ids({20})) << "the one stranger";
  EXPECT_EQ(reasons_.back(), EndReason::kFull);
  table_.NoteCaller(Peer(51, last_), Token(99));
  const Ids ended = Add(52);
  EXPECT_EQ(ended, Ids({last_})) << "no account has too many: it waits outside";
}

TEST_F(ConnectionTableTest, AnAccountThatFillsTheTableMakesRoom) {
  const ConnectionId honest = AddKnown(1, 1);
  for (int i = 0; i < 19; ++i) AddKnown(2, 2);
  EXPECT_EQ(Add(3), Ids({honest + 1}));
  EXPECT_EQ(reasons_.back(), EndReason::kFull);
}

TEST_F(ConnectionTableTest, WhoseTokenEndsIsAStranger) {
  const ConnectionId revoked = AddKnown(1, 7);
  Add(1);
  const ConnectionId other = last_;
  table_.NoteCaller(Peer(1, other), Token(7, 2));
  Add(1);
  table_.NoteCaller(Peer(1, last_), Token(8, 1, At(100)));
  EXPECT_EQ(table_.stranger_count(), 0);
  // Much was sent while it was known.
  EXPECT_THAT(table_.NoteBytes(revoked, 5'000, At(50)), IsEmpty());
  table_.EndToken({AccountId{7}, 1}, At(50));
  EXPECT_EQ(table_.Strangers(), Ids({revoked}));
  EXPECT_THAT(table_.NoteBytes(revoked, 5'000, At(50)), IsEmpty());
  EXPECT_EQ(table_.NoteBytes(revoked, 6'001, At(51)).size(), 1u)
      << "bounded from then on";
  EXPECT_THAT(table_.TakeOverdue(At(99)), IsEmpty());
  EXPECT_EQ(table_.stranger_count(), 0);
  EXPECT_THAT(table_.TakeOverdue(At(100)), IsEmpty());
  EXPECT_EQ(table_.stranger_count(), 1) << "it expired";
  EXPECT_EQ(table_.NoteCaller(Peer(1, last_), Token(8, 2)), Welcome::kFirst);
  EXPECT_EQ(table_.stranger_count(), 0);
  EXPECT_EQ(table_.open_count(), 2);
}

TEST(ConnectionsOfAnAccountTest, AreBounded) {
  ConnectionTable table(ConnectionLimits{.per_account_max = 2});
  const auto peer = [](ConnectionId id) {
    return absl::StrCat("ipv4:192.0.2.1:", 1'000 + id);
  };
  for (ConnectionId id = 1; id <= 3; ++id) table.Add(id, peer(id), At(0));
  EXPECT_EQ(table.NoteCaller(peer(1), Token(7)), Welcome::kFirst);
  EXPECT_EQ(table.NoteCaller(peer(2), Token(7)), Welcome::kFirst);
  EXPECT_EQ(table.NoteCaller(peer(3), Token(7)), Welcome::kTooMany);
  EXPECT_EQ(table.NoteCaller(peer(2), Token(7, 2)), Welcome::kAgain);
  EXPECT_EQ(table.stranger_count(), 1);
  EXPECT_EQ(table.NoteCaller(peer(3), Token(8)), Welcome::kFirst)
      << "another account's";
  table.Remove(1);
  EXPECT_EQ(table.NoteCaller(peer(3), Token(7)), Welcome::kAgain)
      << "there is room again";
}

TEST_F(ConnectionTableTest, SilentStrangersEndAndKnownOnesDoNot) {
  AddKnown(1, 7);
  Add(2);
  const ConnectionId slow = last_;
  Add(3);
  now_ = At(15);
  EXPECT_THAT(table_.NoteBytes(slow, 50, now_), IsEmpty());
  now_ = At(25);
  const auto overdue = table_.TakeOverdue(now_);
  ASSERT_EQ(overdue.size(), 1u);
  EXPECT_EQ(overdue[0].id, slow + 1);
  EXPECT_EQ(overdue[0].reason, EndReason::kSilent);
  now_ = At(3'600);
  EXPECT_EQ(table_.TakeOverdue(now_).size(), 1u);
  EXPECT_EQ(table_.open_count(), 1) << "the account's stays";
}

TEST_F(ConnectionTableTest, AStrangerThatTalksForeverEndsAllTheSame) {
  Add(1);
  for (int64_t second = 10; second <= 600; second += 10) {
    table_.NoteBytes(1, second / 10, At(second));
    EXPECT_THAT(table_.TakeOverdue(At(second)), IsEmpty());
  }
  table_.NoteBytes(1, 99, At(601));
  EXPECT_EQ(table_.TakeOverdue(At(601)).size(), 1u);
}

TEST_F(ConnectionTableTest, FewStrangersSendMuch) {
  for (int host = 1; host <= 2; ++host) {
    for (int i = 0; i < 3; ++i) Add(host);
  }
  EXPECT_THAT(table_.NoteBytes(1, 101, now_), IsEmpty());
  EXPECT_THAT(table_.NoteBytes(2, 101, now_), IsEmpty());
  auto ends = table_.NoteBytes(3, 101, now_);
  ASSERT_EQ(ends.size(), 1u);
  EXPECT_EQ(ends[0].id, 1) << "the oldest of that address";
  EXPECT_EQ(ends[0].reason, EndReason::kTooLarge);
  EXPECT_THAT(table_.NoteBytes(4, 101, now_), IsEmpty());
  EXPECT_EQ(table_.NoteBytes(5, 101, now_).size(), 1u) << "of all";
  EXPECT_EQ(table_.NoteBytes(6, 1'001, now_).size(), 1u) << "of one";
  const ConnectionId known = AddKnown(3, 7);
  EXPECT_THAT(table_.NoteBytes(known, 1 << 30, now_), IsEmpty());
}

TEST_F(ConnectionTableTest, PeersAreKnownHoweverGrpcSpellsThem) {
  table_.Add(1, "ipv6:[2001:db8::1]:5", now_);
  table_.Add(2, "ipv6:[fe80::1]:6", now_);
  table_.NoteCaller("ipv6:%5B2001:db8::1%5D:5", Token(1));
  table_.NoteCaller("ipv6:%5Bfe80::1%25eth0%5D:6", Token(2));
  EXPECT_EQ(table_.stranger_count(), 0);
  table_.NoteCaller("ipv4:192.0.2.1:9", Token(3));  // none of this table's
  EXPECT_EQ(table_.open_count(), 2);
}

TEST_F(ConnectionTableTest, APortThatIsUsedAgainIsANewConnection) {
  table_.Add(1, Peer(1, 0), now_);
  table_.Add(2, Peer(1, 0), now_);
  table_.Remove(1);
  table_.NoteCaller(Peer(1, 0), Token(7));
  EXPECT_EQ(table_.stranger_count(), 0);
  table_.Remove(2);
  table_.Remove(2);
  EXPECT_EQ(table_.open_count(), 0);
}

TEST(PeerLinesTest, NobodyFillsTheLog) {
  PeerLines lines(/*lines_max=*/2, absl::Minutes(1));
  EXPECT_EQ(lines.Take("crowded", "a", At(0)), 0);
  EXPECT_EQ(lines.Take("crowded", "a", At(1)), std::nullopt);
  EXPECT_EQ(lines.Take("crowded", "b", At(1)), 1) << "another address";
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_EQ(lines.Take("crowded", absl::StrCat("c", i), At(59)),
              std::nullopt);
  }
  EXPECT_EQ(lines.Take("full", "a", At(59)), 0) << "another kind";
  EXPECT_EQ(lines.Take("crowded", "a", At(60)), 1'000);
}

}  // namespace
}  // namespace archpool::rpc
