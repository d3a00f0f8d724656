#include "server/verifier/examination.h"

#include "common/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_network.h"
#include "tests/support/work_samples.h"

namespace archpool {
namespace {

using ::testing::Return;

class MockEvaluator : public Evaluator {
 public:
  MOCK_METHOD(absl::StatusOr<int64_t>, CountCorrect,
              (const LayerPlan&, const TensorMap&, const DatasetManifest&,
               const Dataset&),
              (override));
};

class ExaminationTest : public ::testing::Test {
 protected:
  ExaminationTest() {
    data_.validation = *DecodeDataset(dataset_.validation);
    data_.held_out = *DecodeDataset(dataset_.held_out);
  }

  AuditFinding ExamineWith(Evaluator& evaluator, const std::string& weights) {
    return Examine(testing::SampleAudit(dataset_, 1, weights), weights, data_,
                   evaluator);
  }

  static std::string FakeWeights(float accuracy) {
    return SerializeSafetensors({{"fake.accuracy", Tensor{{1}, {accuracy}}}});
  }

  testing::SampleDataset dataset_;
  AuditData data_;
};

TEST_F(ExaminationTest, MeasuresBothSplits) {
  testing::FakeEvaluator evaluator;
  EXPECT_EQ(ExamineWith(evaluator, FakeWeights(0.75f)),
            AuditFinding(WeightsMeasured{7, 6}));
}

TEST_F(ExaminationTest, BytesThatAreNoWeightsAreTheMinersDoing) {
  testing::FakeEvaluator evaluator;
  EXPECT_EQ(ExamineWith(evaluator, "not safetensors at all"),
            AuditFinding(WeightsUnusable{"SAFETENSORS_MALFORMED"}));
}

TEST_F(ExaminationTest, WeightsOfAnotherNetworkAreTheMinersDoing) {
  testing::FakeEvaluator evaluator;
  EXPECT_EQ(ExamineWith(evaluator,
                        SerializeSafetensors({{"other", Tensor{{1}, {0.5f}}}})),
            AuditFinding(WeightsUnusable{"WEIGHTS_MISMATCH"}));
}

// A verifier without memory must not cost a miner the trial.
TEST_F(ExaminationTest, WhatFailsHereIsInconclusive) {
  MockEvaluator evaluator;
  for (const absl::Status& status :
       {ResourceExhausted("TRAINING_OUT_OF_MEMORY", "no memory"),
        InvalidArgument("DATA_MISMATCH", "other data"),
        Internal("TRAINING_FAILED", "LibTorch threw")}) {
    EXPECT_CALL(evaluator, CountCorrect).WillOnce(Return(status));
    EXPECT_EQ(ExamineWith(evaluator, FakeWeights(0.5f)),
              AuditFinding(AuditInconclusive{GetReason(status)}));
  }
}

TEST_F(ExaminationTest, LimitsHoldEveryTensorOfThePlanAndNotMuchMore) {
  const LayerPlan plan = testing::SampleAudit(dataset_, 1, "w").plan;
  int64_t values = plan.parameters;
  int64_t tensors = 0;
  for (const Layer& layer : plan.layers) {
    const bool is_norm = layer.kind == LayerKind::kBatchNorm;
    if (is_norm) values += 2 * layer.output_shape.channels;
    tensors += is_norm ? 4 : 2;
  }
  const SafetensorsLimits limits = WeightsLimitsOf(plan);
  EXPECT_GE(limits.tensors_max, tensors);
  EXPECT_GE(limits.bytes_max, 4 * values + limits.header_bytes_max);
  EXPECT_LT(limits.bytes_max, 4 * values + limits.header_bytes_max + 64);
}

}  // namespace
}  // namespace archpool
