// SPDX-License-Identifier: Apache-2.0
#include "verifier/built_in_trial.h"

#include <utility>

#include "absl/strings/match.h"
#include "common/base/status.h"
#include "gtest/gtest.h"
#include "tests/support/fake_network.h"

namespace archpool {
namespace {

// Finds the same in every trial.
class StubbornExaminer : public Examiner {
 public:
  explicit StubbornExaminer(AuditFinding finding)
      : finding_(std::move(finding)) {}
  std::vector<std::string> arithmetics() const override { return {"a/1"}; }
  AuditFinding Examine(const wire::AuditOrder& order, const AuditFiles&,
                       const AuditData&, const Patience& patience) override {
    EXPECT_EQ(order.arithmetic, "a/1");
    EXPECT_FALSE(order.serialized.empty());
    EXPECT_LT(patience.left.left(), absl::Hours(1));
    return finding_;
  }

 private:
  const AuditFinding finding_;
};

TEST(SelfTest, PassesAnExaminerThatReplays) {
  LocalExaminer examiner(std::make_unique<testing::FakeEvaluator>());
  const absl::Status tested = TestExaminer(examiner, "fake/1/1", {});
  EXPECT_TRUE(tested.ok()) << tested;
}

TEST(SelfTest, FailsOneThatCannot) {
  StubbornExaminer crashes(AuditInconclusive{"EXAMINER_CRASHED"});
  const absl::Status tested = TestExaminer(crashes, "a/1", {});
  EXPECT_EQ(GetReason(tested), "SELF_TEST_FAILED");
  EXPECT_TRUE(absl::StrContains(tested.message(), "EXAMINER_CRASHED"));
}

TEST(SelfTest, FailsOneThatBelievesAnything) {
  StubbornExaminer believes(WeightsMeasured{});
  EXPECT_EQ(GetReason(TestExaminer(believes, "a/1", {})), "SELF_TEST_FAILED");
}

TEST(SelfTest, EndsWithItsVerifier) {
  std::stop_source stop;
  stop.request_stop();
  StubbornExaminer stops(AuditInconclusive{"STOPPED"});
  EXPECT_EQ(GetReason(TestExaminer(stops, "a/1", stop.get_token())), "STOPPED");
}

}  // namespace
}  // namespace archpool
