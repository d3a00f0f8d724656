// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/training_data.h"

#include <atomic>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/fake_pool.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/work_samples.h"

namespace archpool {
namespace {

// A pool that counts what is fetched from it.
class CountingPool : public FakePool {
 public:
  using FakePool::FakePool;
  absl::Status ReadSplit(const Digest& dataset, WorkSplit split,
                         int64_t offset_bytes, const BlobSink& sink,
                         const std::stop_token& stop) override {
    ++reads;
    return FakePool::ReadSplit(dataset, split, offset_bytes, sink, stop);
  }
  std::atomic<int> reads = 0;
};

class TrainingDataTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::shared_ptr<const TrainingData>> Get() {
    const wire::WorkLease lease = testing::SampleLease(dataset_, 1, 1, 1);
    return cache_.Get(lease.dataset, lease.manifest, {});
  }

  testing::SampleDataset dataset_;
  CountingPool pool_{dataset_};
  TemporaryDirectory directory_;
  TrainingDataCache cache_{pool_, BlobCache(directory_.path(), 1 << 20)};
};

TEST_F(TrainingDataTest, LanesThatAskAtOnceFetchOnceAndShareIt) {
  constexpr int kLanes = 8;
  std::vector<std::shared_ptr<const TrainingData>> seen(kLanes);
  {
    std::vector<std::jthread> lanes;
    for (auto& mine : seen) {
      lanes.emplace_back([this, &mine] {
        const auto data = Get();
        ASSERT_THAT(data, IsOk());
        mine = *data;
      });
    }
  }
  EXPECT_EQ(pool_.reads, 2);  // one a split
  for (const auto& mine : seen) EXPECT_EQ(mine, seen[0]);
}

// Between two trials nobody has it in use.
TEST_F(TrainingDataTest, TheLastOneUsedStaysInMemory) {
  const TrainingData* first = Get()->get();
  EXPECT_EQ(Get()->get(), first);
  EXPECT_EQ(pool_.reads, 2);
}

}  // namespace
}  // namespace archpool
