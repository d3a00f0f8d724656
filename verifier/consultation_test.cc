// SPDX-License-Identifier: Apache-2.0
#include "verifier/consultation.h"

#include <limits>
#include <utility>

#include "common/base/status.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

constexpr int64_t kExamples = 200;
constexpr double kNone = std::numeric_limits<double>::infinity();

// Of one example, of two classes.
struct Leads {
  double single;
  double exact;
};

// The first class leads by so much, by the image's one pixel; notes what it is
// asked.
class ListedOpinion : public SecondOpinion {
 public:
  struct Question {
    OpinionPrecision precision;
    std::vector<uint8_t> examples;
  };
  ListedOpinion(const std::vector<Leads>& leads,
                std::vector<Question>& questions)
      : leads_(leads), questions_(questions) {}

  absl::StatusOr<std::vector<double>> ComputeLogits(
      const LayerPlan& /*plan*/, const TensorMap& /*weights*/,
      const DatasetManifest& /*manifest*/, const Dataset& dataset,
      OpinionPrecision precision) override {
    questions_.push_back({precision, dataset.images});
    std::vector<double> logits;
    for (const uint8_t example : dataset.images) {
      const Leads& leads = leads_[example];
      logits.push_back(precision == OpinionPrecision::kFloat64 ? leads.exact
                                                               : leads.single);
      logits.push_back(0);
    }
    return logits;
  }

 private:
  const std::vector<Leads>& leads_;
  std::vector<Question>& questions_;
};

class ConsultationTest : public ::testing::Test {
 protected:
  ConsultationTest() : leads_(kExamples, Leads{1, 1}) {
    plan_.classes = 2;
    weights_["layers.0.weight"] = {.shape = {1}, .values = {1}};
    data_.shape = {1, 1, 1};
    data_.classes = 2;
    for (int64_t i = 0; i < kExamples; ++i) {
      data_.images.push_back(static_cast<uint8_t>(i));
      data_.labels.push_back(0);
      kernels_.push_back(1);
      kernels_.push_back(0);
    }
  }

  OpinionComparison Ask() {
    const auto asked =
        consultation_.Ask(plan_, weights_, DatasetManifest(), data_, kernels_);
    EXPECT_TRUE(asked.ok()) << asked.status();
    return asked.value_or(OpinionComparison());
  }
  // Which examples were asked about in double precision, but to calibrate.
  std::vector<uint8_t> Doubtful() const {
    std::vector<uint8_t> examples;
    for (const auto& question : questions_) {
      if (question.precision == OpinionPrecision::kFloat64 &&
          std::ssize(question.examples) != kCalibrationExamples) {
        examples.insert(examples.end(), question.examples.begin(),
                        question.examples.end());
      }
    }
    return examples;
  }
  int64_t Calibrations() const {
    return std::count_if(
        questions_.begin(), questions_.end(), [](const auto& question) {
          return question.precision == OpinionPrecision::kFloat64 &&
                 std::ssize(question.examples) == kCalibrationExamples;
        });
  }

  LayerPlan plan_;
  TensorMap weights_;
  Dataset data_;
  std::vector<float> kernels_;
  std::vector<Leads> leads_;
  std::vector<ListedOpinion::Question> questions_;
  Consultation consultation_{
      std::make_unique<ListedOpinion>(leads_, questions_)};
};

TEST_F(ConsultationTest, DoublePrecisionCalibratesAndIsSparedTheRest) {
  const OpinionComparison asked = Ask();
  EXPECT_TRUE(asked.agrees());
  EXPECT_EQ(asked.examples, kExamples);
  EXPECT_EQ(asked.in_double, kCalibrationExamples);
  EXPECT_EQ(Calibrations(), 1);
  EXPECT_EQ(Doubtful(), std::vector<uint8_t>());
}

TEST_F(ConsultationTest, DoublePrecisionDecidesWhatFloat32LeavesInDoubt) {
  leads_[0].single = 1 + 1e-6;  // what float32 loses
  leads_[100] = {7e-6, 1};      // near, by that
  leads_[110] = {-1, 1};        // float32 is wrong
  leads_[120] = {kNone - kNone, 1};
  leads_[130] = {1, -1};  // both of float32 are wrong: nobody asks
  const OpinionComparison asked = Ask();
  EXPECT_TRUE(asked.agrees()) << Describe(asked);
  EXPECT_EQ(Doubtful(), (std::vector<uint8_t>{100, 110, 120}));
  EXPECT_EQ(asked.in_double, kCalibrationExamples + 3);
  leads_[110].exact = -1;  // it is the kernels that are wrong
  const OpinionComparison again = Ask();
  EXPECT_EQ(again.contradictions, 1);
  EXPECT_EQ(again.first_contradiction, 110);
}

TEST_F(ConsultationTest, ANetworkIsCalibratedOnce) {
  Ask();
  Ask();
  EXPECT_EQ(Calibrations(), 1);
  weights_["layers.0.weight"].values[0] = 2;
  Ask();
  EXPECT_EQ(Calibrations(), 2);
  plan_.macs = 1;
  Ask();
  EXPECT_EQ(Calibrations(), 3);
  // The first examples of the next question are examined like all others.
  leads_[3] = {-1, -1};
  EXPECT_EQ(Ask().first_contradiction, 3);
  EXPECT_EQ(Calibrations(), 3);
}

// A few examples tell too little to go by from then on.
TEST_F(ConsultationTest, FewExamplesCalibrateThemselvesAlone) {
  const Dataset all = data_;
  const std::vector<float> all_kernels = kernels_;
  data_ = PickExamples(all, {1, 2, 3});
  kernels_.resize(6);
  EXPECT_EQ(Ask().calibration.examples, 3);
  data_ = all;
  kernels_ = all_kernels;
  EXPECT_EQ(Ask().calibration.examples, kCalibrationExamples);
}

TEST_F(ConsultationTest, ACalibrationThatIsOffNeedsNoMore) {
  for (Leads& leads : leads_) leads = {-1, 2};
  EXPECT_FALSE(Ask().agrees());
  EXPECT_EQ(Doubtful(), std::vector<uint8_t>());
}

TEST_F(ConsultationTest, WhatIsBeyondFloat32IsExcusedWhereverItLies) {
  kernels_[300] = std::numeric_limits<float>::quiet_NaN();
  leads_[150] = {1, 1};
  EXPECT_FALSE(Ask().agrees());
  leads_[150].single = kNone;
  const OpinionComparison asked = Ask();
  EXPECT_TRUE(asked.agrees()) << Describe(asked);
  EXPECT_EQ(asked.close_calls, 1);
}

}  // namespace
}  // namespace archpool
