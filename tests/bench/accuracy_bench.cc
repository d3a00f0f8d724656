// SPDX-License-Identifier: Apache-2.0
// Whether the kernels train as well as LibTorch does: networks drawn from task
// files' spaces, trained by both from the same keys on a part of Fashion-MNIST
// under the files' recipes, many times over. The bits differ from the first
// step, so single trainings end apart; their means may not. Fails where they
// do: where Welch's t of the accuracies on the held-out images is beyond 3.
//
//   accuracy_bench [--seeds N] [--networks N] [--examples N] [--epochs N]
//                  [--seconds S] [TASK_FILE…]
//
// Networks that the cost table says would take longer than S seconds for one
// training are drawn again.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "client/task_file.h"
#include "common/base/status.h"
#include "common/kernels/training.h"
#include "common/nas/layer_plan.h"
#include "common/nn/trial.h"
#include "tests/bench/drawn_plans.h"
#include "tests/support/fashion_mnist.h"

namespace archpool {
namespace {

constexpr double kGreatestT = 3;

struct Options {
  std::vector<std::string> task_files = {"deploy/examples/fashion-mnist.yaml"};
  std::string images = "/usr/share/datasets/fashion-mnist";
  int seeds = 20;
  int first_seed = 0;
  int networks = 2;
  int64_t examples = 4'096;
  int64_t held_out = 4'000;
  int64_t epochs = 2;
  double seconds = 1.5;
  uint64_t seed = 1;
};

// Percentages of many trainings.
class Accuracies {
 public:
  void Add(double percentage) { values_.push_back(percentage); }
  double mean() const {
    double sum = 0;
    for (const double value : values_) sum += value;
    return sum / count();
  }
  double standard_error() const {
    double squares = 0;
    for (const double value : values_) {
      squares += (value - mean()) * (value - mean());
    }
    return std::sqrt(squares / (count() - 1) / count());
  }

 private:
  double count() const { return static_cast<double>(values_.size()); }

  std::vector<double> values_;
};

double WelchT(const Accuracies& a, const Accuracies& b) {
  const double difference = a.mean() - b.mean();
  const double error = std::hypot(a.standard_error(), b.standard_error());
  if (error > 0) return difference / error;
  return difference == 0 ? 0 : std::copysign(INFINITY, difference);
}

void Shorten(Dataset& data, int64_t examples) {
  if (examples >= data.count()) return;
  data.images.resize(static_cast<size_t>(examples * data.shape.elements()));
  data.labels.resize(static_cast<size_t>(examples));
}

struct Comparison {
  Accuracies kernels;
  Accuracies libtorch;
  // Kernels less LibTorch, key by key: what both draw alike cancels, so it
  // tells smaller differences than Welch's t does. Shown, not judged by.
  Accuracies difference;
};

absl::StatusOr<Comparison> CompareTrainings(const LayerPlan& plan,
                                            const Recipe& recipe,
                                            const DatasetSplit& split,
                                            int first_seed, int seeds) {
  const kernels::Normalization normalization = {split.manifest.mean_ppm,
                                                split.manifest.deviation_ppm};
  const auto percentage = [&](int64_t correct) {
    return 100.0 * static_cast<double>(correct) /
           static_cast<double>(split.held_out.count());
  };
  Comparison comparison;
  for (int seed = first_seed; seed < first_seed + seeds; ++seed) {
    const Digest key = Sha256(absl::StrCat("accuracy ", seed));
    // Each counts by itself what it has trained.
    ARCHPOOL_ASSIGN_OR_RETURN(
        const kernels::TrainedNetwork ours,
        kernels::Train(plan, recipe, {}, key, normalization, split.train,
                       split.held_out, nullptr));
    ARCHPOOL_ASSIGN_OR_RETURN(const nn::TrainedNetwork theirs,
                              nn::Train(plan, recipe, {}, key, normalization,
                                        split.train, split.held_out, nullptr));
    comparison.kernels.Add(percentage(ours.validation_correct));
    comparison.libtorch.Add(percentage(theirs.validation_correct));
    comparison.difference.Add(
        percentage(ours.validation_correct - theirs.validation_correct));
  }
  return comparison;
}

// Whether the two are statistically one.
bool Print(const std::string& name, const Comparison& comparison) {
  const double t = WelchT(comparison.kernels, comparison.libtorch);
  std::printf(
      "%-30s kernels %.2f +- %.2f %%  LibTorch %.2f +- %.2f %%  t %.2f  "
      "by pairs %+.2f +- %.2f %%\n",
      name.c_str(), comparison.kernels.mean(),
      comparison.kernels.standard_error(), comparison.libtorch.mean(),
      comparison.libtorch.standard_error(), t, comparison.difference.mean(),
      comparison.difference.standard_error());
  std::fflush(stdout);
  return std::abs(t) <= kGreatestT;
}

absl::StatusOr<bool> CompareFile(const Options& options,
                                 const std::string& file,
                                 const DatasetSplit& split) {
  ARCHPOOL_ASSIGN_OR_RETURN(const TaskFile task, LoadTaskFile(file));
  Recipe recipe = task.spec.recipe;
  recipe.epochs = options.epochs;
  recipe.further_epochs.clear();
  const double images =
      static_cast<double>(split.train.count() * options.epochs);
  const auto is_quick = [&](const LayerPlan& plan) {
    return static_cast<double>(plan.train_ns_per_example) * images <=
           options.seconds * 1e9;
  };
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<DrawnPlan> drawn,
                            DrawPlans(task, file,
                                      {.networks = options.networks,
                                       .seed = options.seed,
                                       .images = split.train.shape,
                                       .accept = is_quick}));
  bool are_one = true;
  for (const DrawnPlan& network : drawn) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        const Comparison comparison,
        CompareTrainings(network.plan, recipe, split, options.first_seed,
                         options.seeds));
    are_one = Print(network.name, comparison) && are_one;
  }
  return are_one;
}

absl::StatusOr<bool> Compare(const Options& options) {
  nn::ConfigureRuntime(1);
  ARCHPOOL_ASSIGN_OR_RETURN(DatasetSplit split,
                            testing::LoadFashionMnist(options.images));
  Shorten(split.train, options.examples);
  Shorten(split.held_out, options.held_out);
  bool are_one = true;
  for (const std::string& file : options.task_files) {
    ARCHPOOL_ASSIGN_OR_RETURN(const bool is_one,
                              CompareFile(options, file, split));
    are_one = are_one && is_one;
  }
  return are_one;
}

int Main(int argc, char** argv) {
  Options options;
  CLI::App app("Compares what the kernels' trainings reach with LibTorch's.");
  app.add_option("--seeds", options.seeds, "trainings of each network")
      ->check(CLI::Range(2, 10'000));
  app.add_option("--first_seed", options.first_seed,
                 "another number for other keys");
  app.add_option("--networks", options.networks, "of each task file");
  app.add_option("--examples", options.examples, "images to train on");
  app.add_option("--held_out", options.held_out, "images to measure on");
  app.add_option("--epochs", options.epochs);
  app.add_option("--seconds", options.seconds,
                 "what one training may cost by the cost table");
  app.add_option("--seed", options.seed, "of the draw of networks");
  app.add_option("--images", options.images, "the folder of Fashion-MNIST");
  app.add_option("task_files", options.task_files);
  CLI11_PARSE(app, argc, argv);
  const absl::StatusOr<bool> are_one = Compare(options);
  if (!are_one.ok()) {
    std::fprintf(stderr, "%s\n", are_one.status().ToString().c_str());
    return 1;
  }
  return *are_one ? 0 : 1;
}

}  // namespace
}  // namespace archpool

int main(int argc, char** argv) { return archpool::Main(argc, argv); }
