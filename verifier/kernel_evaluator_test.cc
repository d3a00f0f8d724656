// SPDX-License-Identifier: Apache-2.0
#include "verifier/kernel_evaluator.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "absl/strings/match.h"
#include "common/base/status.h"
#include "common/kernels/machine_choice.h"
#include "common/kernels/training.h"
#include "common/kernels/weights.h"
#include "common/model/arithmetic.h"
#include "gtest/gtest.h"
#include "tests/support/plan_builder.h"
#include "verifier/built_in_trial.h"

namespace archpool {
namespace {

// The kernels' own logits, and what a test makes of them.
class AlteredOpinion : public SecondOpinion {
 public:
  using Alter = std::function<void(std::vector<double>&)>;
  explicit AlteredOpinion(Alter alter) : alter_(std::move(alter)) {}
  absl::StatusOr<std::vector<double>> ComputeLogits(
      const LayerPlan& plan, const TensorMap& weights,
      const DatasetManifest& manifest, const Dataset& dataset,
      OpinionPrecision /*precision*/) override {
    std::vector<double> second;
    ARCHPOOL_RETURN_IF_ERROR(kernels::ComputeLogits(
        plan, weights, {manifest.mean_ppm, manifest.deviation_ppm}, dataset,
        [&](int64_t, absl::Span<const float> logits) {
          second.insert(second.end(), logits.begin(), logits.end());
          return true;
        }));
    alter_(second);
    return second;
  }

 private:
  const Alter alter_;
};

KernelEvaluator Asking(AlteredOpinion::Alter alter) {
  return {{}, std::make_unique<AlteredOpinion>(std::move(alter))};
}

TEST(KernelEvaluatorTest, ComputesInThePoolsArithmetic) {
  KernelEvaluator alone({}, nullptr);
  EXPECT_EQ(alone.arithmetics(),
            std::vector<std::string>{std::string(kArithmetic)});
  EXPECT_TRUE(WarmUp(alone).ok());
}

TEST(KernelEvaluatorTest, AsksForASecondOpinion) {
  KernelEvaluator agrees = Asking([](std::vector<double>&) {});
  EXPECT_TRUE(WarmUp(agrees).ok());
  KernelEvaluator differs = Asking([](std::vector<double>& logits) {
    for (double& logit : logits) logit *= 1.01;
  });
  EXPECT_EQ(GetReason(WarmUp(differs)), "EVALUATIONS_DIFFER");
  KernelEvaluator other =
      Asking([](std::vector<double>& logits) { logits.pop_back(); });
  EXPECT_EQ(GetReason(WarmUp(other)), "EVALUATION_FAILED");
}

// Has a number for everything in double precision, and that in float32.
class WiderOpinion : public SecondOpinion {
 public:
  explicit WiderOpinion(double single) : single_(single) {}
  absl::StatusOr<std::vector<double>> ComputeLogits(
      const LayerPlan& plan, const TensorMap& /*weights*/,
      const DatasetManifest& /*manifest*/, const Dataset& dataset,
      OpinionPrecision precision) override {
    return std::vector<double>(
        static_cast<size_t>(dataset.count() * plan.classes),
        precision == OpinionPrecision::kFloat32 ? single_ : 0);
  }

 private:
  const double single_;
};

TEST(KernelEvaluatorTest, AsksWhetherFloat32HasNumbers) {
  const LayerPlan plan = testing::ThreeLayerCnn();
  TensorMap weights = kernels::InitialWeights(plan, 1);
  for (auto& [name, tensor] : weights) {
    if (absl::StrContains(name, "running")) continue;
    std::fill(tensor.values.begin(), tensor.values.end(), 1e30f);
  }
  Dataset data{.shape = plan.input_shape, .classes = plan.classes};
  data.labels.resize(2 * kCalibrationExamples);
  data.images.resize(
      data.labels.size() * static_cast<size_t>(data.shape.elements()), 255);
  const DatasetManifest manifest;
  KernelEvaluator beyond({}, std::make_unique<WiderOpinion>(
                                 std::numeric_limits<double>::infinity()));
  const auto counted = beyond.CountCorrect(plan, weights, manifest, data);
  EXPECT_TRUE(counted.ok()) << counted.status();
  KernelEvaluator within({}, std::make_unique<WiderOpinion>(1e30));
  EXPECT_EQ(
      GetReason(within.CountCorrect(plan, weights, manifest, data).status()),
      "EVALUATIONS_DIFFER");
}

TEST(KernelEvaluatorTest, TheBuiltInTrialIsFoundFalse) {
  LocalExaminer examiner(std::make_unique<KernelEvaluator>(
      kernels::Machine{kernels::WidestSimd(), 2}, nullptr));
  const absl::Status tested =
      TestExaminer(examiner, std::string(kArithmetic), {});
  EXPECT_TRUE(tested.ok()) << tested;
}

TEST(KernelEvaluatorTest, ChoosesAmongWhatThereIs) {
  EXPECT_EQ(kernels::ChooseMachine("", 3)->simd, kernels::WidestSimd());
  EXPECT_EQ(kernels::ChooseMachine("", 3)->threads, 3);
  EXPECT_EQ(kernels::ChooseMachine("scalar", 1)->simd, kernels::Simd::kScalar);
  EXPECT_EQ(GetReason(kernels::ChooseMachine("mmx", 1).status()),
            "SIMD_NOT_HERE");
  EXPECT_TRUE(CheckArithmetic(*kernels::ChooseMachine("", 2)).ok());
}

}  // namespace
}  // namespace archpool
