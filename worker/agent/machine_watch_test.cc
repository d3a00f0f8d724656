// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/machine_watch.h"

#include "absl/synchronization/notification.h"
#include "common/base/status.h"
#include "gtest/gtest.h"
#include "tests/support/fake_network.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

// Answers when it is told what.
class SlowlyChecked : public testing::FakeTrainer {
 public:
  SlowlyChecked() : FakeTrainer(1, absl::ZeroDuration()) {}
  absl::Status Check() override {
    may_answer.WaitForNotification();
    return answer;
  }
  absl::Notification may_answer;
  absl::Status answer;
};

TEST(MachineWatchTest, AMachineThatComputesRightlyWorksUntilItIsStopped) {
  SlowlyChecked trainer;
  std::stop_source stop;
  MachineWatch watch(trainer, stop.get_token());
  EXPECT_FALSE(watch.token().stop_requested());
  trainer.may_answer.Notify();
  EXPECT_THAT(watch.Finish(), IsOk());
  EXPECT_FALSE(watch.token().stop_requested());
  stop.request_stop();
  EXPECT_TRUE(watch.token().stop_requested());
}

TEST(MachineWatchTest, AMachineThatComputesWronglyIsStopped) {
  SlowlyChecked trainer;
  trainer.answer = FailedPrecondition("ARITHMETIC_DIFFERS", "silu differs");
  std::stop_source stop;
  MachineWatch watch(trainer, stop.get_token());
  trainer.may_answer.Notify();
  EXPECT_THAT(watch.Finish(), FailsWith("ARITHMETIC_DIFFERS"));
  EXPECT_TRUE(watch.token().stop_requested());
  EXPECT_FALSE(stop.stop_requested());
}

}  // namespace
}  // namespace archpool
