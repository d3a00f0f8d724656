// SPDX-License-Identifier: Apache-2.0
// How many images a second one core trains and evaluates: the three-layer CNN
// on Fashion-MNIST, through the calls that workers and verifiers make. Run by
// tests/bench/train_throughput.py beside plain PyTorch.
//
//   nn_throughput train|evaluate [SECONDS]

#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/kernels/training.h"
#include "tests/support/fashion_mnist.h"
#include "tests/support/plan_builder.h"

namespace archpool {
namespace {

constexpr int64_t kWarmUpSteps = 20;

absl::StatusOr<double> TrainedPerSecond(const DatasetSplit& split,
                                        absl::Duration span) {
  Recipe recipe;
  recipe.epochs = 1000;  // stopped long before
  absl::Time start;
  absl::Duration passed;
  int64_t steps = 0;
  const auto watch = [&](const kernels::TrainingProgress& progress) {
    if (progress.step == kWarmUpSteps) start = absl::Now();
    if (progress.step <= kWarmUpSteps) return true;
    steps = progress.step - kWarmUpSteps;
    passed = absl::Now() - start;
    return passed < span;
  };
  const auto trained =
      kernels::Train(testing::ThreeLayerCnn(), recipe, {}, Sha256("throughput"),
                     {split.manifest.mean_ppm, split.manifest.deviation_ppm},
                     split.train, split.validation, watch);
  if (GetReason(trained.status()) != "TRAINING_STOPPED") {
    return trained.status();
  }
  return static_cast<double>(steps * recipe.batch_size) /
         absl::ToDoubleSeconds(passed);
}

absl::StatusOr<double> EvaluatedPerSecond(const DatasetSplit& split,
                                          absl::Duration span) {
  const kernels::Normalization normalization = {split.manifest.mean_ppm,
                                                split.manifest.deviation_ppm};
  Dataset few = split.validation;
  few.images.resize(static_cast<size_t>(512 * few.shape.elements()));
  few.labels.resize(512);
  Recipe recipe;
  ARCHPOOL_ASSIGN_OR_RETURN(
      const kernels::TrainedNetwork trained,
      kernels::Train(testing::ThreeLayerCnn(), recipe, {}, Sha256("throughput"),
                     normalization, few, few, {}));
  const absl::Time start = absl::Now();
  int64_t images = 0;
  while (absl::Now() - start < span) {
    ARCHPOOL_RETURN_IF_ERROR(
        kernels::CountCorrect(testing::ThreeLayerCnn(), trained.weights,
                              normalization, split.held_out)
            .status());
    images += split.held_out.count();
  }
  return static_cast<double>(images) /
         absl::ToDoubleSeconds(absl::Now() - start);
}

int Main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  const absl::Duration span = absl::Seconds(argc > 2 ? std::atof(argv[2]) : 5);
  const auto split = testing::LoadFashionMnist();
  if (!split.ok()) {
    std::fprintf(stderr, "%s\n", split.status().ToString().c_str());
    return 1;
  }
  absl::StatusOr<double> rate =
      InvalidArgument("USAGE", "nn_throughput train|evaluate [SECONDS]");
  if (what == "train") rate = TrainedPerSecond(*split, span);
  if (what == "evaluate") rate = EvaluatedPerSecond(*split, span);
  if (!rate.ok()) {
    std::fprintf(stderr, "%s\n", rate.status().ToString().c_str());
    return 1;
  }
  std::printf("{\"name\": \"%s\", \"value\": %.0f, \"unit\": \"images/s\"}\n",
              what.c_str(), *rate);
  return 0;
}

}  // namespace
}  // namespace archpool

int main(int argc, char** argv) { return archpool::Main(argc, argv); }
