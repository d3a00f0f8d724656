// SPDX-License-Identifier: Apache-2.0
#include "verifier/examination.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "common/base/counter_rng.h"
#include "common/base/status.h"
#include "common/kernels/schedule.h"
#include "common/kernels/trial.h"
#include "common/log/log.h"
#include "common/model/commitment.h"
#include "verifier/wald.h"

namespace archpool {
namespace {

// A batch norm has four tensors, everything else at most two.
constexpr int64_t kTensorsPerLayerMax = 4;
constexpr int64_t kBytesPerValue = 4;

// How far a claim may be off before the whole split is counted, and how many
// examples are examined between two decisions.
constexpr double kClaimMargin = 0.05;
constexpr int64_t kExamplesAtOnce = 200;
// Accuracy on examples that were never seen lies lower; so much is usual.
constexpr double kHeldOutGap = 0.05;
constexpr double kHeldOutMargin = 0.10;

AuditFinding Classify(const absl::Status& status) {
  const std::string reason = GetReason(status);
  // One of the pool's own two implementations is wrong: the operator has to
  // know.
  if (reason == kEvaluationsDiffer) {
    LogError("examination_differs",
             "two evaluations of the same weights differ",
             "keep these numbers and report them to archpool's developers",
             {{"error", status}});
  } else {
    LogInfo("examination_ended", "an examination ended without a measurement",
            {{"error", status}});
  }
  const bool is_about_bytes = absl::IsInvalidArgument(status) &&
                              (absl::StartsWith(reason, "WEIGHTS_") ||
                               absl::StartsWith(reason, "CHECKPOINT_") ||
                               absl::StartsWith(reason, "SAFETENSORS_"));
  if (is_about_bytes) return WeightsUnusable{reason};
  return AuditInconclusive{reason.empty() ? "EVALUATION_FAILED" : reason};
}

CheckpointFiles FilesOf(const Checkpoint& checkpoint) {
  const CheckpointBytes bytes = SerializeCheckpoint(checkpoint);
  return archpool::FilesOf(bytes.weights, bytes.optimizer);
}

Digest DigestOf(const Checkpoint& checkpoint) {
  const CheckpointFiles files = FilesOf(checkpoint);
  return CheckpointDigest(checkpoint.boundary, files.weights, files.optimizer);
}

// Nothing where all is as committed.
using MaybeFinding = std::optional<AuditFinding>;

class Examination {
 public:
  Examination(const wire::AuditOrder& order, const AuditFiles& files,
              const AuditData& data, Evaluator& evaluator)
      : order_(order),
        files_(files),
        data_(data),
        evaluator_(evaluator),
        limits_(WeightsLimitsOf(order.assignment.plan)),
        setup_{order.assignment.plan,      order.recipe,
               order.assignment.rung,      order.assignment.resumes.IsSet(),
               order.assignment.trial_key, order.manifest} {}

  AuditFinding Run() {
    if (order_.only_evaluates) return RunEvaluation();
    const absl::StatusOr<Checkpoint> start = Start();
    if (!start.ok()) return Classify(start.status());
    return order_.is_whole ? RunWhole(*start) : RunSegment(*start);
  }

 private:
  absl::StatusOr<Checkpoint> Start() {
    if (!setup_.resumes) return evaluator_.Start(setup_, nullptr, data_.train);
    ARCHPOOL_ASSIGN_OR_RETURN(const TensorMap resumed,
                              ParseSafetensors(files_.resumed, limits_));
    return evaluator_.Start(setup_, &resumed, data_.train);
  }

  AuditFinding RunEvaluation() {
    const absl::StatusOr<TensorMap> weights =
        ParseSafetensors(files_.weights, limits_);
    return weights.ok() ? Measure(*weights) : Classify(weights.status());
  }

  AuditFinding RunSegment(const Checkpoint& start) {
    if (!IsCheckpoint(order_.checkpoint_root, order_.recipe.segments, 0,
                      DigestOf(start), order_.opening.start_proof)) {
      return TrainingRefuted{"START_FALSE"};
    }
    absl::StatusOr<TensorMap> weights =
        ParseSafetensors(files_.weights, limits_);
    if (!weights.ok()) return Classify(weights.status());
    absl::StatusOr<Checkpoint> begin = start;
    if (order_.segment > 0) {
      begin = ParseCheckpoint(order_.segment, files_.begin_weights,
                              files_.begin_optimizer, limits_);
    }
    if (!begin.ok()) return Classify(begin.status());
    if (const MaybeFinding found = ReplaySegment(*begin)) return *found;
    return Measure(*weights);
  }

  MaybeFinding ReplaySegment(const Checkpoint& begin) {
    std::vector<Digest> ends;
    // A flipped bit of this machine is no fault of the miner's: once more.
    while (ends.size() < 2) {
      const absl::StatusOr<Checkpoint> end =
          evaluator_.Replay(setup_, data_.train, begin);
      if (!end.ok()) return Classify(end.status());
      ends.push_back(DigestOf(*end));
      if (ends.back() == order_.opening.end) return CheckEnd(*end);
    }
    if (ends[0] != ends[1]) {
      return AuditFinding(AuditInconclusive{"REPLAY_NOT_REPEATABLE"});
    }
    return AuditFinding(TrainingRefuted{"SEGMENT_FALSE"});
  }

  // What it leads to says whether it diverged, and at which step. Otherwise
  // a miner that trains to the end of any segment could say that it diverged
  // there.
  MaybeFinding CheckEnd(const Checkpoint& end) const {
    if (DivergedAtStep(end) == order_.diverged_at_step) return std::nullopt;
    return AuditFinding(TrainingRefuted{"END_FALSE"});
  }

  AuditFinding RunWhole(const Checkpoint& start) {
    std::vector<CheckpointFiles> boundaries{FilesOf(start)};
    Checkpoint at = start;
    while (at.boundary < order_.recipe.segments) {
      if (DivergedBefore(at.boundary)) {
        ++at.boundary;
        boundaries.push_back(FilesOf(at));
        continue;
      }
      absl::StatusOr<Checkpoint> next =
          evaluator_.Replay(setup_, data_.train, at);
      if (!next.ok()) return Classify(next.status());
      at = *std::move(next);
      boundaries.push_back(FilesOf(at));
    }
    const bool leads_there =
        boundaries.back().weights == order_.weights &&
        CheckpointChain(std::move(boundaries)).Root() == order_.checkpoint_root;
    if (!leads_there) return TrainingRefuted{"TRAINING_FALSE"};
    if (const MaybeFinding found = CheckEnd(at)) return *found;
    return Measure(at.weights);
  }

  // Whether the training is said to have diverged before `boundary`: from there
  // on it repeats its state. That it did is proven by the replay of the segment
  // that holds the step, which leads to the state from before it (CheckEnd).
  bool DivergedBefore(int64_t boundary) const {
    if (!order_.diverged_at_step) return false;
    int64_t steps = 0;
    for (int64_t rung = setup_.resumes ? setup_.rung : 0; rung <= setup_.rung;
         ++rung) {
      steps +=
          kernels::Schedule(order_.recipe, data_.train.count(), rung).steps();
    }
    return *order_.diverged_at_step <
           kernels::SegmentBoundary(steps, order_.recipe.segments, boundary);
  }

  AuditFinding Measure(const TensorMap& weights) {
    // Nothing counts as correct of a training that diverged.
    if (order_.diverged_at_step) return WeightsMeasured{0, 0, true};
    if (!order_.measures_all) {
      const absl::StatusOr<bool> is_credible = IsCredible(weights);
      if (!is_credible.ok()) return Classify(is_credible.status());
      if (*is_credible) return WeightsMeasured{.measured_all = false};
    }
    const auto validation = Count(weights, data_.validation);
    if (!validation.ok()) return Classify(validation.status());
    const auto held_out = Count(weights, data_.held_out);
    if (!held_out.ok()) return Classify(held_out.status());
    return WeightsMeasured{*validation, *held_out, true};
  }

  absl::StatusOr<int64_t> Count(const TensorMap& weights,
                                const Dataset& dataset) {
    const absl::StatusOr<int64_t> correct = evaluator_.CountCorrect(
        order_.assignment.plan, weights, order_.manifest, dataset);
    // A training that diverged is a result like any other: nothing is right.
    if (GetReason(correct.status()) == "WEIGHTS_NOT_FINITE") return 0;
    return correct;
  }

  // Whether a few examples of each split bear the claim out. Where they do not,
  // everything is counted.
  absl::StatusOr<bool> IsCredible(const TensorMap& weights) {
    const double claimed =
        static_cast<double>(order_.claimed_validation_correct) /
        static_cast<double>(order_.manifest.validation_count);
    ARCHPOOL_ASSIGN_OR_RETURN(const bool is_borne_out,
                              Bears(weights, data_.validation,
                                    SequentialTest(claimed, kClaimMargin), 0));
    if (!is_borne_out) return false;
    return Bears(weights, data_.held_out,
                 SequentialTest(claimed - kHeldOutGap, kHeldOutMargin), 1);
  }

  absl::StatusOr<bool> Bears(const TensorMap& weights, const Dataset& split,
                             SequentialTest test, uint64_t stream) {
    const std::vector<int64_t> examples = Shuffled(split.count(), stream);
    for (size_t begin = 0; begin < examples.size();
         begin += static_cast<size_t>(kExamplesAtOnce)) {
      const size_t count = std::min(static_cast<size_t>(kExamplesAtOnce),
                                    examples.size() - begin);
      ARCHPOOL_ASSIGN_OR_RETURN(
          const int64_t correct,
          Count(weights,
                PickExamples(split, absl::MakeConstSpan(examples).subspan(
                                        begin, count))));
      test.Add(static_cast<int64_t>(count), correct);
      if (test.verdict() != SequentialTest::Verdict::kUndecided) break;
    }
    return test.verdict() == SequentialTest::Verdict::kCredible;
  }

  // An order that the miner cannot know.
  std::vector<int64_t> Shuffled(int64_t count, uint64_t stream) const {
    std::vector<int64_t> examples(static_cast<size_t>(count));
    std::iota(examples.begin(), examples.end(), int64_t{0});
    CounterRng rng(order_.seed.Prefix64(), stream);
    for (size_t i = examples.size(); i > 1; --i) {
      std::swap(examples[i - 1], examples[rng.Below(static_cast<uint32_t>(i))]);
    }
    return examples;
  }

  const wire::AuditOrder& order_;
  const AuditFiles& files_;
  const AuditData& data_;
  Evaluator& evaluator_;
  const SafetensorsLimits limits_;
  const TrainingSetup setup_;
};

}  // namespace

SafetensorsLimits WeightsLimitsOf(const LayerPlan& plan) {
  int64_t values = plan.parameters;
  for (const Layer& layer : plan.layers) {
    // Running mean and variance are no parameters.
    if (layer.kind == LayerKind::kBatchNorm) {
      values += 2 * layer.output_shape.channels;
    }
  }
  SafetensorsLimits limits;
  limits.bytes_max = static_cast<int64_t>(sizeof(int64_t)) +
                     limits.header_bytes_max + kBytesPerValue * values;
  limits.tensors_max =
      kTensorsPerLayerMax * static_cast<int64_t>(plan.layers.size());
  return limits;
}

AuditFinding Examine(const wire::AuditOrder& order, const AuditFiles& files,
                     const AuditData& data, Evaluator& evaluator) {
  return Examination(order, files, data, evaluator).Run();
}

}  // namespace archpool
