// Trains architectures drawn from the Fashion-MNIST space under a recipe and
// prints, one JSON line each, what they reach and how long they take beside
// what the cost table says: to choose a recipe before a task is paid for, and
// to see how good the work unit is. The last line sums up the ratios.
//
//   try_recipe --count 8 --examples 12800     the work unit alone, half a
//   minute try_recipe --epochs 2 --rate_ppm 200000   a recipe, a few minutes

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/counter_rng.h"
#include "common/base/status.h"
#include "common/nas/layer_plan.h"
#include "common/nn/trial.h"
#include "tests/support/fashion_mnist.h"
#include "tests/support/fashion_space.h"

namespace archpool {
namespace {

struct Options {
  Recipe recipe;
  int count = 8;
  uint64_t seed = 1;
  int64_t examples = 0;  // 0: all
  std::vector<int64_t> ranks;
};

void Truncate(Dataset& data, int64_t count) {
  count = std::min(count, data.count());
  data.images.resize(static_cast<size_t>(count * data.shape.elements()));
  data.labels.resize(static_cast<size_t>(count));
}

// Measured over predicted seconds.
absl::StatusOr<double> TryOne(const SearchSpace& space, int64_t rank,
                              const Options& options,
                              const DatasetSplit& split) {
  const Architecture architecture = space.ArchitectureAt(rank);
  ARCHPOOL_ASSIGN_OR_RETURN(
      const LayerPlan plan,
      MakeLayerPlan(space, architecture, split.manifest.shape,
                    split.manifest.classes, PlanLimits{}));
  const nn::Normalization normalization = {split.manifest.mean_ppm,
                                           split.manifest.deviation_ppm};
  absl::Time start = absl::Now();
  absl::Time trained_at = start;
  const auto watch = [&](const nn::TrainingProgress&) {
    trained_at = absl::Now();
    return true;
  };
  ARCHPOOL_ASSIGN_OR_RETURN(
      const nn::TrainedNetwork trained,
      nn::Train(plan, options.recipe, Sha256(absl::StrCat("trial ", rank)),
                normalization, split.train, split.validation, watch));
  const double measured_s = absl::ToDoubleSeconds(trained_at - start);
  const double predicted_s =
      static_cast<double>(plan.train_ns_per_example * options.recipe.epochs *
                          split.train.count()) /
      1e9;
  ARCHPOOL_ASSIGN_OR_RETURN(
      const int64_t correct,
      nn::CountCorrect(plan, trained.weights, normalization, split.held_out));
  std::printf(
      "{\"name\": \"trial\", \"value\": %.2f, \"unit\": \"s\", "
      "\"baseline\": %.2f, \"ratio\": %.3f, \"validation\": %.4f, "
      "\"held_out\": %.4f, \"parameters\": %lld, \"macs\": %lld, "
      "\"rank\": %lld, \"architecture\": \"%s\"}\n",
      measured_s, predicted_s, measured_s / predicted_s,
      static_cast<double>(trained.validation_correct) /
          static_cast<double>(split.validation.count()),
      static_cast<double>(correct) /
          static_cast<double>(split.held_out.count()),
      static_cast<long long>(plan.parameters),
      static_cast<long long>(plan.macs), static_cast<long long>(rank),
      space.Describe(architecture).c_str());
  std::fflush(stdout);
  return measured_s / predicted_s;
}

absl::Status TryAll(Options options) {
  ARCHPOOL_ASSIGN_OR_RETURN(DatasetSplit split, testing::LoadFashionMnist());
  if (options.examples > 0) Truncate(split.train, options.examples);
  ARCHPOOL_ASSIGN_OR_RETURN(const SearchSpace space, testing::FashionSpace());
  CounterRng rng(options.seed, 0);
  for (int i = 0; i < options.count && options.ranks.size() < 1000; ++i) {
    options.ranks.push_back(
        static_cast<int64_t>(rng.Below64(static_cast<uint64_t>(space.size()))));
  }
  std::vector<double> ratios;
  for (const int64_t rank : options.ranks) {
    ARCHPOOL_ASSIGN_OR_RETURN(const double ratio,
                              TryOne(space, rank, options, split));
    ratios.push_back(ratio);
  }
  std::sort(ratios.begin(), ratios.end());
  std::printf(
      "{\"name\": \"measured_over_predicted\", \"value\": %.3f, \"unit\": "
      "\"ratio\", \"baseline\": 1, \"ratio\": %.3f, \"min\": %.3f, \"max\": "
      "%.3f, \"space_size\": %lld}\n",
      ratios[ratios.size() / 2], ratios[ratios.size() / 2], ratios.front(),
      ratios.back(), static_cast<long long>(space.size()));
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  nn::ConfigureRuntime(1);
  Options options;
  Recipe& recipe = options.recipe;
  CLI::App app("Trains a sample of the Fashion-MNIST space under a recipe");
  app.add_option("--count", options.count, "architectures to draw");
  app.add_option("--seed", options.seed, "of the draw");
  app.add_option("--ranks", options.ranks, "architectures to add, by rank");
  app.add_option("--examples", options.examples, "train on the first so many");
  app.add_option("--batch", recipe.batch_size);
  app.add_option("--epochs", recipe.epochs);
  app.add_option("--rate_ppm", recipe.learning_rate_ppm);
  app.add_option("--decay_ppm", recipe.weight_decay_ppm);
  app.add_option("--smoothing_ppm", recipe.label_smoothing_ppm);
  app.add_option("--warmup_ppm", recipe.warmup_ppm);
  app.add_option("--shift", recipe.shift_pixels_max);
  app.add_option("--flip", recipe.horizontal_flip);
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = TryAll(std::move(options));
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return 1;
}

}  // namespace
}  // namespace archpool

int main(int argc, char** argv) { return archpool::Main(argc, argv); }
