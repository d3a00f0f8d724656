// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/lease_book.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/work_samples.h"

namespace archpool {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LeaseBookTest : public ::testing::Test {
 protected:
  wire::WorkLease Lease(int64_t id, int64_t first_trial, int64_t trials) {
    return testing::SampleLease(dataset_, id, first_trial, trials);
  }
  // The trials in the order in which they would be trained.
  std::vector<int64_t> TrainAll() {
    std::vector<int64_t> trained;
    while (const auto order = book_.Next()) {
      trained.push_back(order->assignment.trial.value);
      book_.Finish(order->assignment.trial);
    }
    return trained;
  }

  testing::SampleDataset dataset_;
  LeaseBook book_;
};

TEST_F(LeaseBookTest, TrainsLeasesInTheOrderInWhichTheyCame) {
  book_.Add(Lease(2, 10, 2));
  book_.Add(Lease(1, 20, 1));
  book_.Append(LeaseId{2}, Lease(2, 12, 1).assignments);
  EXPECT_THAT(book_.leases(), ElementsAre(LeaseId{2}, LeaseId{1}));
  EXPECT_THAT(TrainAll(), ElementsAre(10, 11, 12, 20));
}

// An answer that was lost comes again with the next one.
TEST_F(LeaseBookTest, KnowsATrialOnce) {
  book_.Add(Lease(1, 1, 2));
  book_.Finish(TrialId{1});
  book_.Add(Lease(1, 1, 3));
  book_.Append(LeaseId{1}, Lease(1, 3, 2).assignments);
  EXPECT_THAT(TrainAll(), ElementsAre(2, 3, 4));
}

TEST_F(LeaseBookTest, ForgetsWhatIsOver) {
  book_.Add(Lease(1, 1, 2));
  book_.Add(Lease(2, 3, 2));
  book_.End({LeaseId{1}, LeaseId{9}});
  book_.Withdraw({TrialId{3}, TrialId{9}});
  book_.Append(LeaseId{1}, Lease(1, 7, 1).assignments);
  EXPECT_FALSE(book_.IsWanted(TrialId{1}));
  EXPECT_FALSE(book_.IsWanted(TrialId{3}));
  EXPECT_TRUE(book_.IsWanted(TrialId{4}));
  EXPECT_EQ(book_.Find(LeaseId{1}), nullptr);
  EXPECT_THAT(TrainAll(), ElementsAre(4));
  EXPECT_EQ(book_.Close().size(), 1u);
  EXPECT_THAT(book_.leases(), IsEmpty());
}

TEST_F(LeaseBookTest, RunsOutWithItsLastTrialUnlessTheListGrows) {
  wire::WorkLease lease = Lease(1, 1, 2);
  lease.trials_target = 4;
  book_.Add(lease);
  EXPECT_FALSE(book_.IsRunningOut());
  book_.Finish(TrialId{1});
  EXPECT_FALSE(book_.IsRunningOut()) << "a report may append to it";
  book_.Append(LeaseId{1}, {});
  EXPECT_TRUE(book_.IsRunningOut());
  book_.Add(Lease(2, 3, 1));
  EXPECT_FALSE(book_.IsRunningOut());
}

}  // namespace
}  // namespace archpool
