// SPDX-License-Identifier: Apache-2.0
// What proof of training costs: writing down the checkpoints of a training and
// hashing them into a root, over the training itself (goal: 0.5 %); replaying
// one segment of it, over training that segment (goal: 1.05). The three-layer
// CNN, one epoch of Fashion-MNIST in 16 segments, in turns, of the process's
// time: what others do on the machine hardly counts. Waits for the disk are in
// the figures by the clock on the wall alone.
//
//   segment_bench [ROUNDS]    default: 5
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <vector>

#include "common/base/status.h"
#include "common/kernels/training.h"
#include "common/model/commitment.h"
#include "tests/bench/json_line.h"
#include "tests/support/fashion_mnist.h"
#include "tests/support/plan_builder.h"
#include "tests/support/temporary_directory.h"
#include "worker/agent/checkpoint_vault.h"

namespace archpool {
namespace {

constexpr double kOverheadGoal = 0.005;
constexpr double kReplayGoal = 1.05;

struct Seconds {
  double busy = 0;  // of this process
  double wall = 0;
};

Seconds operator-(const Seconds& a, const Seconds& b) {
  return {a.busy - b.busy, a.wall - b.wall};
}

Seconds SecondsNow() {
  return {static_cast<double>(std::clock()) / CLOCKS_PER_SEC,
          std::chrono::duration<double>(
              std::chrono::steady_clock::now().time_since_epoch())
              .count()};
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

  // Seconds of one training; with a worker's files and the root of its
  // checkpoints, or without.
  absl::StatusOr<Seconds> Train(bool commits) {
    const auto commit = [&](const Checkpoint& checkpoint) {
      if (checkpoint.boundary == kReplayed) from_ = checkpoint;
      if (checkpoint.boundary == kReplayed + 1) to_ = checkpoint;
      return vault_->Add(id_, checkpoint);
    };
    const Seconds start = SecondsNow();
    ARCHPOOL_RETURN_IF_ERROR(
        kernels::Train(plan_, recipe_, {}, key_, normalization_, split_.train,
                       few_, nullptr,
                       commits ? kernels::CheckpointSink(commit) : nullptr)
            .status());
    if (commits) root_ = CheckpointChain(vault_->FilesOf(id_)).Root();
    const Seconds seconds = SecondsNow() - start;
    vault_->Remove(id_);
    return seconds;
  }

  absl::StatusOr<double> Replay() {
    const Seconds start = SecondsNow();
    ARCHPOOL_ASSIGN_OR_RETURN(
        const Checkpoint replayed,
        kernels::ReplaySegment(plan_, recipe_, {}, key_, normalization_,
                               split_.train, from_));
    if (replayed != to_) {
      return MakeError(absl::StatusCode::kInternal, "REPLAY_DIFFERS",
                       "the replayed segment leads elsewhere");
    }
    return (SecondsNow() - start).busy;
  }

  absl::Status Run(int rounds) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        vault_, CheckpointVault::Open(directory_.path() + "/vault", 1 << 30));
    few_ = split_.validation;
    few_.images.resize(static_cast<size_t>(100 * few_.shape.elements()));
    few_.labels.resize(100);
    std::vector<double> plain_s, overheads, wall_overheads, replays;
    for (int round = 0; round < rounds; ++round) {
      ARCHPOOL_ASSIGN_OR_RETURN(const Seconds plain, Train(false));
      ARCHPOOL_ASSIGN_OR_RETURN(const Seconds committed, Train(true));
      ARCHPOOL_ASSIGN_OR_RETURN(const double replay, Replay());
      plain_s.push_back(plain.busy);
      overheads.push_back(committed.busy / plain.busy - 1);
      wall_overheads.push_back(committed.wall / plain.wall - 1);
      replays.push_back(replay /
                        (plain.busy / static_cast<double>(recipe_.segments)));
    }
    PrintJsonLine("segment/training", MedianOf(plain_s), "s",
                  MedianOf(plain_s));
    PrintJsonLine("segment/commitment_overhead", MedianOf(overheads),
                  "of training", kOverheadGoal);
    PrintJsonLine("segment/commitment_overhead_on_the_wall",
                  MedianOf(wall_overheads), "of training", kOverheadGoal);
    PrintJsonLine("segment/replay", MedianOf(replays), "segments trained",
                  kReplayGoal);
    return absl::OkStatus();
  }

 private:
  static constexpr int64_t kReplayed = 7;

  const DatasetSplit& split_;
  const kernels::Normalization normalization_;
  const LayerPlan plan_ = testing::ThreeLayerCnn();
  const Recipe recipe_;
  const Digest key_ = Sha256("segments");
  const TrainingId id_{key_, TrialId{1}};
  const TemporaryDirectory directory_;
  std::unique_ptr<CheckpointVault> vault_;
  Dataset few_;
  Checkpoint from_;
  Checkpoint to_;
  Digest root_;
};

int Main(int argc, char** argv) {
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
