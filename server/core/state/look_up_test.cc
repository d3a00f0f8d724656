// SPDX-License-Identifier: Apache-2.0
// What a pool holds of requests and datasets, and what it has to be told.
#include "server/core/state/look_up.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

// Has one dataset, and counts the questions.
class OneDataset : public Archive {
 public:
  absl::StatusOr<std::optional<Task>> FindTask(AccountId,
                                               const std::string&) override {
    ++asked;
    return std::nullopt;
  }
  absl::StatusOr<std::optional<TransferId>> FindDeposit(
      const std::string&) override {
    ++asked;
    return std::nullopt;
  }
  absl::StatusOr<std::optional<Payout>> FindPayout(
      AccountId, const std::string&) override {
    ++asked;
    return std::nullopt;
  }
  absl::StatusOr<std::optional<DatasetRecord>> FindDataset(
      const Digest& id) override {
    ++asked;
    if (id != dataset.id) return std::nullopt;
    return dataset;
  }

  DatasetRecord dataset;
  int asked = 0;
};

class LookUpTest : public ::testing::Test {
 protected:
  LookUpTest() {
    archive.dataset = *state().FindDataset(TinyManifest().Id());
    pool.archive = &archive;
  }
  const PoolState& state() const { return pool.pool.state(); }
  void Reload() { pool.pool = Pool(pool.policy, state().Snapshot()); }

  TestPool pool;
  OneDataset archive;
};

TEST_F(LookUpTest, NoMoreRequestsAreHeldThanTheLatestAndTheOpenOnes) {
  const TaskId task = pool.Submit(TinySpec(2));
  const int64_t others = static_cast<int64_t>(kLatestRequestsMax) + 100;
  for (int64_t i = 0; i < others; ++i) {
    pool.Do(Deposit{"client", 1, absl::StrCat("d", i)});
    pool.pool.TakeEvents();
  }
  EXPECT_EQ(state().requests().size(), kLatestRequestsMax + 1);
  EXPECT_EQ(pool.Submit(TinySpec(2)), task);
  EXPECT_EQ(state().requests().Find(RequestKey::OfDeposit("d99")), 0);
  EXPECT_NE(state().requests().Find(RequestKey::OfDeposit("d100")), 0);
}

TEST_F(LookUpTest, NobodyIsAskedForWhatIsHeld) {
  pool.Submit(TinySpec(2));
  EXPECT_EQ(archive.asked, 1) << "whether it is new; the dataset is held";
  pool.Submit(TinySpec(2));
  pool.Do(Deposit{"client", 1'000 * kAmountPerCoin, "seed-money"});
  pool.Do(RegisterDataset{pool.client, TinyManifest(), Sha256("held-out")});
  SubmitTask check{.caller = pool.client, .spec = TinySpec(2)};
  check.only_check = TinyManifest();
  pool.Do(check);
  EXPECT_EQ(archive.asked, 1);
}

TEST_F(LookUpTest, ADatasetIsHeldWhileATaskIsOpenAndALittleLonger) {
  const TaskId task = pool.Submit(TinySpec(2));
  Reload();
  EXPECT_NE(state().FindDataset(TinyManifest().Id()), nullptr);
  pool.Do(CancelTask{task});
  pool.VerifyAll();
  EXPECT_EQ(state().Find(task), nullptr);
  EXPECT_NE(state().FindDataset(TinyManifest().Id()), nullptr);
  Reload();
  EXPECT_EQ(state().FindDataset(TinyManifest().Id()), nullptr);
}

// Whoever watches the events hears of it again before its next task.
TEST_F(LookUpTest, ATaskBringsItsDatasetAlong) {
  Reload();
  pool.pool.TakeEvents();
  EXPECT_EQ(
      pool.Do(RegisterDataset{pool.client, TinyManifest(), Sha256("other")}),
      archive.dataset);
  EXPECT_TRUE(pool.pool.TakeEvents().empty()) << "it was registered before";
  pool.Submit(TinySpec(2));
  const std::vector<Event> events = pool.pool.TakeEvents();
  ASSERT_GE(events.size(), 2u);
  ASSERT_TRUE(std::holds_alternative<DatasetRecord>(events[0]));
  EXPECT_EQ(std::get<DatasetRecord>(events[0]), archive.dataset);
  EXPECT_TRUE(std::holds_alternative<Task>(events[1]));
  EXPECT_NE(state().FindDataset(TinyManifest().Id()), nullptr);
}

TEST_F(LookUpTest, AnotherClientsDatasetStaysItsOwn) {
  Reload();
  const AccountId other = pool.Make("other", Role::kClient);
  EXPECT_THAT(pool.Try(SubmitTask{other, TinySpec(2), "r"}),
              FailsWith("DATASET_UNKNOWN"));
  archive.dataset = {};
  EXPECT_THAT(pool.Try(SubmitTask{pool.client, TinySpec(2), "r"}),
              FailsWith("DATASET_UNKNOWN"));
}

}  // namespace
}  // namespace archpool
