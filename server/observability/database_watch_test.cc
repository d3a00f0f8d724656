// SPDX-License-Identifier: Apache-2.0
// An operator sees in the log and in the metrics that the database refuses,
// why, that it is silent, and that it is back: each once.
#include "server/observability/database_watch.h"

#include <httplib.h>

#include <string>

#include "common/base/status.h"
#include "common/base/steady_clock.h"
#include "common/log/log.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/storage/memory_store.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class DatabaseWatchTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_THAT(metrics_.Open("127.0.0.1:0"), IsOk()); }
  std::string Scrape() const {
    httplib::Client client("127.0.0.1", metrics_.port());
    const auto answer = client.Get("/metrics");
    return answer ? answer->body : "";
  }
  // The log's lines of one look.
  std::string Look(const EngineStats& seen) {
    testing::internal::CaptureStderr();
    SetUpLog({});
    watch_.Look(seen);
    FlushLog();
    return testing::internal::GetCapturedStderr();
  }

  SteadyClock clock_;
  MemoryStore store_;
  Engine engine_{clock_, store_, PoolPolicy(), EngineOptions()};
  Metrics metrics_;
  DatabaseWatch watch_{engine_, metrics_};
};

TEST_F(DatabaseWatchTest, SaysWhyItFailsOnceAndThatItIsBack) {
  EXPECT_THAT(Look({}), IsEmpty());
  EngineStats seen;
  seen.commit_failures = 1;
  seen.is_store_failing = true;
  seen.store_failure = Unavailable("STORE_READ_ONLY", "turn that off");
  const std::string first = Look(seen);
  EXPECT_THAT(first, HasSubstr("event=database_failing"));
  EXPECT_THAT(first, HasSubstr("reason=STORE_READ_ONLY"));
  EXPECT_THAT(first, HasSubstr("turn that off"));
  EXPECT_THAT(Scrape(), HasSubstr("archpool_database_failing 1\n"));
  EXPECT_THAT(Scrape(), HasSubstr("archpool_database_failures_total 1\n"));
  EXPECT_THAT(Look(seen), IsEmpty()) << "it was said";
  seen.store_failure = Unavailable("STORE_CONNECTIONS", "end others");
  EXPECT_THAT(Look(seen), HasSubstr("reason=STORE_CONNECTIONS"));
  seen.is_store_failing = false;
  EXPECT_THAT(Look(seen), HasSubstr("event=database_recovered"));
  EXPECT_THAT(Scrape(), HasSubstr("archpool_database_failing 0\n"));
  EXPECT_THAT(Look(seen), IsEmpty());
}

// It came and went between two looks.
TEST_F(DatabaseWatchTest, AFailureThatIsOverIsSaidAsWell) {
  EngineStats seen;
  seen.commit_failures = 1;
  seen.store_failure = Unavailable("STORE_UNREACHABLE", "it was restarted");
  const std::string said = Look(seen);
  EXPECT_THAT(said, HasSubstr("event=database_failing"));
  EXPECT_THAT(said, HasSubstr("event=database_recovered"));
}

TEST_F(DatabaseWatchTest, ASilenceIsSaidBeforeAnythingFails) {
  EngineStats seen;
  seen.store_wait = absl::Seconds(1);
  EXPECT_THAT(Look(seen), IsEmpty());
  seen.store_wait = absl::Seconds(4);
  EXPECT_THAT(Look(seen), HasSubstr("event=database_silent"));
  EXPECT_THAT(Scrape(), HasSubstr("archpool_database_wait_seconds 4\n"));
  seen.store_wait = absl::Seconds(5);
  EXPECT_THAT(Look(seen), IsEmpty());
  seen.store_wait = absl::ZeroDuration();
  EXPECT_THAT(Look(seen), HasSubstr("event=database_answers"));
}

}  // namespace
}  // namespace archpool
