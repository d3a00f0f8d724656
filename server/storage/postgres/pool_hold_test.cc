// SPDX-License-Identifier: Apache-2.0
// Of two servers on one database one waits, and does not end the other; and the
// one that has it gets it back when its connection breaks.
#include "server/storage/postgres/pool_hold.h"

#include <atomic>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/storage/postgres/pool_lock.h"
#include "server/storage/postgres/postgres_store.h"
#include "server/storage/postgres/query.h"
#include "tests/support/status_matchers.h"
#include "tests/support/throwaway_postgres.h"

namespace archpool {
namespace {

using testing::HasSubstr;

const PoolHoldOptions kAtOnce{.wait_max = absl::ZeroDuration()};
constexpr char kEndOtherSessions[] =
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()";

void RunSql(const std::string& database, const std::string& sql) {
  const auto connection = postgres::Connect(database);
  pqxx::nontransaction(*connection).exec(sql);
}

class PoolHoldTest : public testing::Test {
 protected:
  const std::string database_ = ThrowawayPostgres::MigratedDatabase();
};

TEST_F(PoolHoldTest, ASecondServerIsRefusedAndEndsNothing) {
  absl::StatusOr<PoolHold> hold = PoolHold::Take(database_, kAtOnce);
  ASSERT_THAT(hold, IsOk());
  PostgresStore first(*std::move(hold));
  const auto loaded = first.TakeOver();
  ASSERT_THAT(loaded, IsOk());
  const absl::Status second = PoolHold::Take(database_, kAtOnce).status();
  EXPECT_THAT(second, FailsWith("DATABASE_HELD"));
  EXPECT_EQ(second.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.message()), HasSubstr("process "));
  EXPECT_THAT(first.Commit(loaded->generation, loaded->sequence, {}), IsOk());
}

TEST_F(PoolHoldTest, WhoWaitsIsToldAndComesInWhenTheOtherHasEnded) {
  std::optional<PoolHold> first;
  {
    absl::StatusOr<PoolHold> hold = PoolHold::Take(database_, kAtOnce);
    ASSERT_THAT(hold, IsOk());
    first.emplace(*std::move(hold));
  }
  std::atomic<int> waits{0};
  std::atomic<bool> has_it{false};
  std::thread second([&] {
    const auto hold =
        PoolHold::Take(database_, {.free_min = absl::Milliseconds(1),
                                   .on_wait = [&](const std::string& holder) {
                                     EXPECT_THAT(holder, HasSubstr("process"));
                                     ++waits;
                                   }});
    EXPECT_THAT(hold, IsOk());
    has_it = true;
  });
  while (waits == 0) std::this_thread::yield();
  EXPECT_FALSE(has_it);
  first.reset();
  second.join();
  EXPECT_TRUE(has_it);
  EXPECT_EQ(waits, 1);
}

// A server that was killed and started again at once meets itself: PostgreSQL
// has not noticed yet. It does not wait as for another.
TEST_F(PoolHoldTest, WhatIsLetGoOfSoonIsTakenAtOnce) {
  std::optional<PoolHold> first;
  {
    absl::StatusOr<PoolHold> hold = PoolHold::Take(database_, kAtOnce);
    ASSERT_THAT(hold, IsOk());
    first.emplace(*std::move(hold));
  }
  EXPECT_THAT(PoolHold::Take(
                  database_,
                  {.held_min = absl::Hours(1),
                   .free_min = absl::Hours(1),
                   .on_wait = [&first](const std::string&) { first.reset(); }}),
              IsOk());
}

TEST_F(PoolHoldTest, AStopEndsTheWait) {
  const auto first = PoolHold::Take(database_, kAtOnce);
  ASSERT_THAT(first, IsOk());
  std::stop_source stop;
  const auto second = PoolHold::Take(
      database_,
      {.patience = {.stop = stop.get_token()},
       .on_wait = [&stop](const std::string&) { stop.request_stop(); }});
  EXPECT_THAT(second, FailsWith("STOPPED"));
}

// As where the database was restarted: who waits lets the other come back.
TEST_F(PoolHoldTest, TheWriterGetsItBackWhenItsConnectionBroke) {
  absl::StatusOr<PoolHold> hold = PoolHold::Take(database_, kAtOnce);
  ASSERT_THAT(hold, IsOk());
  PostgresStore first(*std::move(hold));
  ASSERT_THAT(first.TakeOver(), IsOk());
  std::stop_source stop;
  std::atomic<bool> waits{false};
  std::thread second([&] {
    EXPECT_THAT(
        PoolHold::Take(database_,
                       {.patience = {.stop = stop.get_token()},
                        .held_min = absl::ZeroDuration(),
                        .on_wait = [&](const std::string&) { waits = true; }}),
        FailsWith("STOPPED"));
  });
  while (!waits) std::this_thread::yield();
  for (int i = 0; i < 3; ++i) {
    RunSql(database_, kEndOtherSessions);
    EXPECT_THAT(first.TakeOver(), FailsWith("STORE_UNREACHABLE"));
    EXPECT_THAT(first.TakeOver(), IsOk());
  }
  stop.request_stop();
  second.join();
}

// A server that lost its database to another one must not take it back.
TEST_F(PoolHoldTest, AnotherServersHoldFencesTheWriterOff) {
  absl::StatusOr<PoolHold> hold = PoolHold::Take(database_, kAtOnce);
  ASSERT_THAT(hold, IsOk());
  PostgresStore first(*std::move(hold));
  ASSERT_THAT(first.TakeOver(), IsOk());
  RunSql(database_, kEndOtherSessions);
  const auto second = PoolHold::Take(database_, kAtOnce);
  ASSERT_THAT(second, IsOk());
  EXPECT_THAT(first.TakeOver(), FailsWith("STORE_UNREACHABLE"));
  const absl::Status fenced = first.TakeOver().status();
  EXPECT_THAT(fenced, FailsWith("FENCED"));
  EXPECT_EQ(fenced.code(), absl::StatusCode::kAborted);
}

// Two connections that share one session are what a pooler by transaction
// makes of them.
TEST_F(PoolHoldTest, SharedSessionsAreToldFromOnesOwn) {
  const absl::Status status = postgres::RunGuarded([this]() -> absl::Status {
    const auto one = postgres::Connect(database_);
    const auto other = postgres::Connect(database_);
    return postgres::CheckIsDirect(*one, *other);
  });
  EXPECT_THAT(status, IsOk());
}

}  // namespace
}  // namespace archpool
