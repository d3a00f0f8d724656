// What proof of training costs: writing down the checkpoints of a training and
// hashing them into a root, over the training itself (goal: 2 %); replaying one
// segment of it, over training that segment (goal: 1.3). The three-layer CNN,
// one epoch of Fashion-MNIST in 16 segments, in turns, of the process's time:
// what others do on the machine hardly counts.
//
//   segment_bench [ROUNDS]    default: 5
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

#include "common/base/status.h"
#include "common/model/commitment.h"
#include "common/nn/trial.h"
#include "tests/bench/json_line.h"
#include "tests/support/fashion_mnist.h"
#include "tests/support/plan_builder.h"

namespace archpool {
namespace {

constexpr double kOverheadGoal = 0.02;
constexpr double kReplayGoal = 1.3;

double SecondsNow() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

double MedianOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

class SegmentBench {
 public:
  explicit SegmentBench(const DatasetSplit& split)
      : split_(split),
        normalization_{split.manifest.mean_ppm, split.manifest.deviation_ppm} {}

  // Seconds of one training; with the root of its checkpoints, or without.
  absl::StatusOr<double> Train(bool commits) {
    std::vector<CheckpointFiles> boundaries;
    const auto commit = [&](const Checkpoint& checkpoint) {
      const std::string weights = SerializeSafetensors(checkpoint.weights);
      const std::string optimizer = SerializeSafetensors(checkpoint.optimizer);
      boundaries.push_back(
          {.weights = Sha256(weights), .optimizer = Sha256(optimizer)});
      if (checkpoint.boundary == kReplayed) from_ = checkpoint;
      if (checkpoint.boundary == kReplayed + 1) to_ = checkpoint;
      return absl::OkStatus();
    };
    const double start = SecondsNow();
    ARCHPOOL_RETURN_IF_ERROR(
        nn::Train(plan_, recipe_, {}, key_, normalization_, split_.train, few_,
                  nullptr, commits ? nn::CheckpointSink(commit) : nullptr)
            .status());
    if (commits) root_ = CheckpointChain(boundaries).Root();
    return SecondsNow() - start;
  }

  absl::StatusOr<double> Replay() {
    const double start = SecondsNow();
    ARCHPOOL_ASSIGN_OR_RETURN(
        const Checkpoint replayed,
        nn::ReplaySegment(plan_, recipe_, {}, key_, normalization_,
                          split_.train, from_));
    if (replayed != to_) {
      return MakeError(absl::StatusCode::kInternal, "REPLAY_DIFFERS",
                       "the replayed segment leads elsewhere");
    }
    return SecondsNow() - start;
  }

  absl::Status Run(int rounds) {
    few_ = split_.validation;
    few_.images.resize(static_cast<size_t>(100 * few_.shape.elements()));
    few_.labels.resize(100);
    std::vector<double> plain_s, overheads, replays;
    for (int round = 0; round < rounds; ++round) {
      ARCHPOOL_ASSIGN_OR_RETURN(const double plain, Train(false));
      ARCHPOOL_ASSIGN_OR_RETURN(const double committed, Train(true));
      ARCHPOOL_ASSIGN_OR_RETURN(const double replay, Replay());
      plain_s.push_back(plain);
      overheads.push_back(committed / plain - 1);
      replays.push_back(replay /
                        (plain / static_cast<double>(recipe_.segments)));
    }
    PrintJsonLine("segment/training", MedianOf(plain_s), "s",
                  MedianOf(plain_s));
    PrintJsonLine("segment/commitment_overhead", MedianOf(overheads),
                  "of training", kOverheadGoal);
    PrintJsonLine("segment/replay", MedianOf(replays), "segments trained",
                  kReplayGoal);
    return absl::OkStatus();
  }

 private:
  static constexpr int64_t kReplayed = 7;

  const DatasetSplit& split_;
  const nn::Normalization normalization_;
  const LayerPlan plan_ = testing::ThreeLayerCnn();
  const Recipe recipe_;
  const Digest key_ = Sha256("segments");
  Dataset few_;
  Checkpoint from_;
  Checkpoint to_;
  Digest root_;
};

int Main(int argc, char** argv) {
  nn::ConfigureRuntime(1);
  const auto split = testing::LoadFashionMnist();
  if (!split.ok()) {
    std::fprintf(stderr, "%s\n", split.status().ToString().c_str());
    return 1;
  }
  const absl::Status done =
      SegmentBench(*split).Run(argc > 1 ? std::max(1, std::atoi(argv[1])) : 5);
  if (done.ok()) return 0;
  std::fprintf(stderr, "segment_bench: %s\n", done.ToString().c_str());
  return 1;
}

}  // namespace
}  // namespace archpool

int main(int argc, char** argv) { return archpool::Main(argc, argv); }
