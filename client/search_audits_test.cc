// SPDX-License-Identifier: Apache-2.0
#include "client/search_audits.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

v1::Trial Trained(int64_t id, int64_t claimed_ppm, int64_t macs) {
  v1::Trial trial;
  trial.set_trial_id(id);
  trial.set_state(v1::TRIAL_STATE_ACCEPTED);
  trial.set_basis(v1::TRIAL_BASIS_SAMPLED_OUT);
  trial.set_architecture_id("network " + std::to_string(id));
  trial.set_claimed_accuracy_ppm(claimed_ppm);
  trial.set_macs(macs);
  trial.set_work_units(1'000'000 * id);
  return trial;
}

v1::Trial Evaluated(v1::Trial trial) {
  trial.set_basis(v1::TRIAL_BASIS_AUDITED);
  trial.set_measured_accuracy_ppm(trial.claimed_accuracy_ppm());
  trial.set_verified_accuracy_ppm(trial.claimed_accuracy_ppm());
  return trial;
}

v1::Task TaskOf(int64_t trained_s, int64_t audited_s) {
  v1::Task task;
  task.set_task_id(3);
  task.mutable_training_time()->set_seconds(trained_s);
  task.mutable_audit_time()->set_seconds(audited_s);
  return task;
}

// A small one that is good, one that nobody would choose, a large one that is
// better, a segment of it replayed alone; and one of an earlier task.
std::vector<v1::Trial> Sample() {
  std::vector<v1::Trial> trials{
      Evaluated(Trained(1, 700'000, 100)), Trained(2, 600'000, 200),
      Trained(3, 900'000, 300), Evaluated(Trained(4, 950'000, 400))};
  trials.push_back(Trained(5, 500'000, 500));
  trials.back().set_basis(v1::TRIAL_BASIS_AUDITED);
  trials.push_back(Evaluated(Trained(6, 990'000, 600)));
  trials.back().set_known_from_trial_id(77);
  return trials;
}

TEST(SearchAuditsTest, SayWhatWasReplayedEvaluatedAndLeftOut) {
  const SearchAudits audits = AuditsOf(Sample());
  EXPECT_EQ(audits.trained, 5);
  EXPECT_THAT(audits.segments, ElementsAre(1, 4, 5));
  EXPECT_TRUE(audits.replayed.empty());
  EXPECT_THAT(audits.evaluated, ElementsAre(1, 4));
  EXPECT_THAT(audits.left_out, ElementsAre(3));
  const std::string text = DescribeAudits(audits, TaskOf(200, 9));
  EXPECT_THAT(text, HasSubstr("Auditing took 9.0 s beside 3m 20s of training "
                              "(4.50 %)"));
  EXPECT_THAT(text, HasSubstr("A segment was replayed of 3 of 5 trainings"));
  EXPECT_THAT(text, HasSubstr("trial-1, trial-4."));
  EXPECT_THAT(text, HasSubstr("(trial-3)"));
  EXPECT_THAT(text, Not(HasSubstr("Rejected")));
}

TEST(SearchAuditsTest, SayThatSomethingWasFoundFalse) {
  std::vector<v1::Trial> trials = Sample();
  trials[1].set_state(v1::TRIAL_STATE_REJECTED);
  trials[3].set_basis(v1::TRIAL_BASIS_REPLAYED);
  const SearchAudits audits = AuditsOf(trials);
  EXPECT_THAT(audits.replayed, ElementsAre(4));
  const std::string text = DescribeAudits(audits, TaskOf(100, 50));
  EXPECT_THAT(text, HasSubstr("1 was replayed whole"));
  EXPECT_THAT(text, HasSubstr("Rejected: 1 training;"));
}

TEST(SearchAuditsTest, ProgramsReadThemTrialByTrial) {
  const Json json = ToJson(AuditsOf(Sample()), TaskOf(100, 4));
  EXPECT_EQ(json["task_id"], 3);
  EXPECT_EQ(json["audit_time_s"], 4.0);
  ASSERT_EQ(json["trials"].size(), 5u);
  EXPECT_EQ(json["trials"][0]["replayed"], "segment");
  EXPECT_EQ(json["trials"][0]["is_evaluated"], true);
  EXPECT_EQ(json["trials"][1]["replayed"], nullptr);
  EXPECT_EQ(json["trials"][4]["work_units"], "5000000");
}

TEST(SearchAuditsTest, ASearchThatTrainedNothingSaysNothing) {
  EXPECT_EQ(DescribeAudits(AuditsOf({}), TaskOf(0, 0)), "");
}

}  // namespace
}  // namespace archpool
