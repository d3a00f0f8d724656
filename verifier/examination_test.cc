// SPDX-License-Identifier: Apache-2.0
#include "verifier/examination.h"

#include "common/base/status.h"
#include "common/kernels/schedule.h"
#include "common/kernels/trial.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/sample_training.h"

namespace archpool {
namespace {

using ::testing::_;
using ::testing::Return;
using testing::SampleTraining;

constexpr int64_t kSegments = 4;

class MockEvaluator : public testing::FakeEvaluator {
 public:
  MOCK_METHOD(absl::StatusOr<int64_t>, CountCorrect,
              (const LayerPlan&, const TensorMap&, const DatasetManifest&,
               const Dataset&),
              (override));
};

// Computes something else once, as memory with a flipped bit would.
class FlakyEvaluator : public testing::FakeEvaluator {
 public:
  absl::StatusOr<Checkpoint> Replay(const TrainingSetup& setup,
                                    const Dataset& train,
                                    const Checkpoint& from) override {
    auto next = FakeEvaluator::Replay(setup, train, from);
    if (replays++ < flips) {
      next->weights.begin()->second.values[0] +=
          0.001f * static_cast<float>(replays);
    }
    return next;
  }
  int replays = 0;
  int flips = 1;
};

class ExaminationTest : public ::testing::Test {
 protected:
  ExaminationTest() {
    data_.train = *DecodeDataset(dataset_.train);
    data_.validation = *DecodeDataset(dataset_.validation);
    data_.held_out = *DecodeDataset(dataset_.held_out);
    order_.claimed_validation_correct = Counts().validation_correct;
  }

  AuditFinding ExamineSegment(const SampleTraining& training, int64_t segment,
                              Evaluator& evaluator) {
    training.CommitTo(order_, segment);
    AuditFiles files;
    files.weights = training.BytesAt(order_.recipe.segments).weights;
    if (segment > 0) {
      files.begin_weights = training.BytesAt(segment).weights;
      files.begin_optimizer = training.BytesAt(segment).optimizer;
    }
    return Examine(order_, files, data_, evaluator);
  }
  AuditFinding ExamineSegment(const SampleTraining& training, int64_t segment) {
    return ExamineSegment(training, segment, evaluator_);
  }

  // What the honest network answers.
  WeightsMeasured Counts() {
    const TensorMap& weights = honest_.checkpoints.back().weights;
    const auto count = [&](const Dataset& split) {
      return *evaluator_.CountCorrect(order_.assignment.plan, weights,
                                      order_.manifest, split);
    };
    return {count(data_.validation), count(data_.held_out), true};
  }

  testing::SampleDataset dataset_;
  wire::AuditOrder order_ = testing::SampleAudit(dataset_, 1);
  const SampleTraining honest_{order_};
  AuditData data_;
  testing::FakeEvaluator evaluator_;
};

TEST_F(ExaminationTest, AnHonestTrainingStandsUpInEverySegment) {
  for (int64_t k = 0; k < kSegments; ++k) {
    EXPECT_EQ(ExamineSegment(honest_, k), AuditFinding(Counts())) << k;
  }
}

TEST_F(ExaminationTest, AWholeTrainingNeedsNothingOfTheMiner) {
  honest_.CommitTo(order_, 0);
  order_.is_whole = true;
  EXPECT_EQ(Examine(order_, {}, data_, evaluator_), AuditFinding(Counts()));
  order_.checkpoint_root = Sha256("another");
  EXPECT_EQ(Examine(order_, {}, data_, evaluator_),
            AuditFinding(TrainingRefuted{"TRAINING_FALSE"}));
}

// A segment that was made up is found where it is drawn, and there alone.
TEST_F(ExaminationTest, AMadeUpCheckpointBreaksTheSegmentsOnBothSides) {
  SampleTraining cheat = honest_;
  cheat.checkpoints[2].optimizer.begin()->second.values[0] = 0.5f;
  EXPECT_EQ(ExamineSegment(cheat, 0), AuditFinding(Counts()));
  EXPECT_EQ(ExamineSegment(cheat, 1),
            AuditFinding(TrainingRefuted{"SEGMENT_FALSE"}));
  EXPECT_EQ(ExamineSegment(cheat, 2),
            AuditFinding(TrainingRefuted{"SEGMENT_FALSE"}));
  EXPECT_EQ(ExamineSegment(cheat, 3), AuditFinding(Counts()));
}

// Trained on from weights that are not the key's: each segment is honest.
TEST_F(ExaminationTest, AnotherStartIsFoundInEverySegment) {
  wire::AuditOrder other = order_;
  other.assignment.trial_key = Sha256("another key");
  SampleTraining cheat(other);
  Checkpoint at = cheat.checkpoints[0];
  for (size_t k = 1; k < cheat.checkpoints.size(); ++k) {
    at = testing::FakeNext(
        order_.assignment.trial_key,
        testing::FakeSalt(order_.recipe, order_.manifest.train_count, 1), at);
    cheat.checkpoints[k] = at;
  }
  for (int64_t k = 0; k < kSegments; ++k) {
    EXPECT_EQ(ExamineSegment(cheat, k),
              AuditFinding(TrainingRefuted{"START_FALSE"}))
        << k;
  }
}

// From the next boundary on a training that diverged repeats its state, and
// says at which step.
Checkpoint Repeated(const Checkpoint& from, int64_t boundary, int64_t step) {
  Checkpoint same = from;
  same.boundary = boundary;
  same.optimizer[std::string(kDivergedAtStep)] = DivergenceTensor(step);
  return same;
}

// A training that diverges at the first step of a segment.
class DivergingEvaluator : public testing::FakeEvaluator {
 public:
  DivergingEvaluator(int64_t in_segment, int64_t step)
      : in_segment_(in_segment), step_(step) {}
  absl::StatusOr<Checkpoint> Replay(const TrainingSetup& setup,
                                    const Dataset& train,
                                    const Checkpoint& from) override {
    if (from.boundary != in_segment_) {
      return FakeEvaluator::Replay(setup, train, from);
    }
    return Repeated(from, from.boundary + 1, step_);
  }

 private:
  const int64_t in_segment_;
  const int64_t step_;
};

// Nothing is right, nobody is blamed; behind the step nothing is replayed, as
// another batch might not have diverged.
TEST_F(ExaminationTest, ATrainingThatDivergedIsAResult) {
  order_.recipe.batch_size = 2;  // several steps
  SampleTraining diverged(order_);
  order_.claimed_validation_correct = 0;
  const int64_t steps =
      kernels::Schedule(order_.recipe, data_.train.count()).steps();
  const int64_t step =
      kernels::SegmentBoundary(steps, order_.recipe.segments, 1);
  order_.diverged_at_step = step;
  DivergingEvaluator evaluator(1, step);
  for (size_t k = 2; k < diverged.checkpoints.size(); ++k) {
    diverged.checkpoints[k] =
        Repeated(diverged.checkpoints[1], static_cast<int64_t>(k), step);
  }
  const AuditFinding nothing(WeightsMeasured{0, 0, true});
  EXPECT_EQ(ExamineSegment(diverged, 1, evaluator), nothing);
  EXPECT_EQ(ExamineSegment(diverged, 1),
            AuditFinding(TrainingRefuted{"SEGMENT_FALSE"}));
  order_.is_whole = true;
  EXPECT_EQ(Examine(order_, {}, data_, evaluator), nothing);
  EXPECT_EQ(Examine(order_, {}, data_, evaluator_),
            AuditFinding(TrainingRefuted{"TRAINING_FALSE"}));
}

// Trained to the end of a segment, and said to have diverged at its last step:
// the replay leads there as well.
TEST_F(ExaminationTest, ADivergenceThatIsNoneIsFoundThoughTheBitsAgree) {
  order_.recipe.batch_size = 2;
  SampleTraining quitter(order_);
  for (size_t k = 3; k < quitter.checkpoints.size(); ++k) {
    quitter.checkpoints[k] = quitter.checkpoints[2];
    quitter.checkpoints[k].boundary = static_cast<int64_t>(k);
  }
  order_.claimed_validation_correct = 0;
  const int64_t steps =
      kernels::Schedule(order_.recipe, data_.train.count()).steps();
  order_.diverged_at_step =
      kernels::SegmentBoundary(steps, order_.recipe.segments, 2) - 1;
  const AuditFinding found(TrainingRefuted{"END_FALSE"});
  EXPECT_EQ(ExamineSegment(quitter, 1), found);
  order_.is_whole = true;
  EXPECT_EQ(Examine(order_, {}, data_, evaluator_), found);
}

// A later step of the segment would be paid better.
TEST_F(ExaminationTest, ItDivergedAtTheStepThatIsSaid) {
  DivergingEvaluator evaluator(1, 7);
  SampleTraining diverged = honest_;
  for (size_t k = 2; k < diverged.checkpoints.size(); ++k) {
    diverged.checkpoints[k] =
        Repeated(diverged.checkpoints[1], static_cast<int64_t>(k), 7);
  }
  order_.claimed_validation_correct = 0;
  const AuditFinding found(TrainingRefuted{"END_FALSE"});
  order_.diverged_at_step = 8;
  EXPECT_EQ(ExamineSegment(diverged, 1, evaluator), found);
  order_.diverged_at_step.reset();
  EXPECT_EQ(ExamineSegment(diverged, 1, evaluator), found);
}

// Whatever it was trained in.
TEST_F(ExaminationTest, AnEvaluationReplaysNothing) {
  honest_.CommitTo(order_, 0);
  order_.only_evaluates = true;
  order_.checkpoint_root = Sha256("of another arithmetic");
  order_.opening = {};
  const AuditFiles files{.weights = honest_.BytesAt(kSegments).weights};
  EXPECT_EQ(Examine(order_, files, data_, evaluator_), AuditFinding(Counts()));
}

// Also where a few examples would have been enough.
TEST_F(ExaminationTest, EvaluationsThatDifferAreDecidedAgainstNobody) {
  for (const bool measures_all : {true, false}) {
    order_.measures_all = measures_all;
    MockEvaluator evaluator;
    EXPECT_CALL(evaluator, CountCorrect)
        .WillOnce(Return(Internal("EVALUATIONS_DIFFER", "by much")));
    EXPECT_EQ(ExamineSegment(honest_, 1, evaluator),
              AuditFinding(AuditInconclusive{"EVALUATIONS_DIFFER"}));
  }
}

// Recompute before blaming.
TEST_F(ExaminationTest, AFlippedBitOfTheVerifiersCostsNobodyATrial) {
  FlakyEvaluator evaluator;
  EXPECT_EQ(ExamineSegment(honest_, 2, evaluator), AuditFinding(Counts()));
  FlakyEvaluator broken;
  broken.flips = 2;
  EXPECT_EQ(ExamineSegment(honest_, 2, broken),
            AuditFinding(AuditInconclusive{"REPLAY_NOT_REPEATABLE"}));
}

TEST_F(ExaminationTest, ACredibleClaimIsNotCountedOut) {
  order_.measures_all = false;
  // Twenty examples of ten classes decide nothing: everything is counted.
  EXPECT_EQ(ExamineSegment(honest_, 1), AuditFinding(Counts()));
  const std::string many = testing::ManyImages(dataset_, 5'000);
  data_.validation = *DecodeDataset(many);
  data_.held_out = data_.validation;
  order_.manifest.validation_count = 5'000;
  order_.claimed_validation_correct = Counts().validation_correct;
  EXPECT_EQ(ExamineSegment(honest_, 1),
            AuditFinding(WeightsMeasured{0, 0, false}));
  order_.claimed_validation_correct += 250;
  EXPECT_EQ(ExamineSegment(honest_, 1), AuditFinding(Counts()));
  order_.measures_all = true;
  EXPECT_EQ(ExamineSegment(honest_, 1), AuditFinding(Counts()));
}

TEST_F(ExaminationTest, BytesThatAreNoWeightsAreTheMinersDoing) {
  honest_.CommitTo(order_, 0);
  EXPECT_EQ(
      Examine(order_, {.weights = "not safetensors at all"}, data_, evaluator_),
      AuditFinding(WeightsUnusable{"SAFETENSORS_MALFORMED"}));
  EXPECT_EQ(
      Examine(
          order_,
          {.weights = SerializeSafetensors({{"other", Tensor{{1}, {0.5f}}}})},
          data_, evaluator_),
      AuditFinding(WeightsUnusable{"WEIGHTS_MISMATCH"}));
  honest_.CommitTo(order_, 1);
  AuditFiles files;
  files.weights = honest_.BytesAt(kSegments).weights;
  files.begin_weights = honest_.BytesAt(1).weights;
  files.begin_optimizer = "no checkpoint";
  EXPECT_EQ(Examine(order_, files, data_, evaluator_),
            AuditFinding(WeightsUnusable{"SAFETENSORS_MALFORMED"}));
  files.begin_optimizer =
      SerializeSafetensors({{"other", Tensor{{1}, {0.5f}}}});
  EXPECT_EQ(Examine(order_, files, data_, evaluator_),
            AuditFinding(WeightsUnusable{"CHECKPOINT_MALFORMED"}));
}

// A verifier without memory must not cost a miner the trial.
TEST_F(ExaminationTest, WhatFailsHereIsInconclusive) {
  MockEvaluator evaluator;
  for (const absl::Status& status :
       {ResourceExhausted("TRAINING_OUT_OF_MEMORY", "no memory"),
        InvalidArgument("DATA_MISMATCH", "other data"),
        Internal("TRAINING_FAILED", "LibTorch threw")}) {
    EXPECT_CALL(evaluator, CountCorrect).WillOnce(Return(status));
    EXPECT_EQ(ExamineSegment(honest_, 1, evaluator),
              AuditFinding(AuditInconclusive{GetReason(status)}));
  }
}

TEST_F(ExaminationTest, LimitsHoldEveryTensorOfThePlanAndNotMuchMore) {
  const LayerPlan& plan = order_.assignment.plan;
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
