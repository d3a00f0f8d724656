// SPDX-License-Identifier: Apache-2.0
// Whether trainings become slow where their numbers become tiny: recipes whose
// weight decay kills weights, on images of noise and on black images, from
// which nothing is learned. For each, the median step's processor time at the
// end over that at the start. Fails where it is more than the goal allows.
//
//   denormal_bench [--steps N] [--networks N] [--simd avx2] [TASK_FILE…]

#include <cstdio>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "client/task_file.h"
#include "common/base/status.h"
#include "common/kernels/training.h"
#include "tests/bench/drawn_plans.h"
#include "tests/bench/noise_images.h"
#include "tests/bench/step_time.h"
#include "tests/support/plan_builder.h"

namespace archpool {
namespace {

constexpr double kRatioMax = 1.05;

struct Options {
  std::vector<std::string> task_files;
  std::string simd;
  int64_t steps = 4'000;
  int networks = 2;
  int64_t batch = 8;
  uint64_t seed = 1;
};

// Where nothing is learned, a weight is multiplied by 1 - rate x decay in each
// step: with 0.05 it is denormal after 1,800 steps, and stays so.
struct Decay {
  const char* name;
  int64_t learning_rate_ppm;
  int64_t momentum_ppm;
  int64_t weight_decay_ppm;
};
constexpr Decay kDecays[] = {
    {"usual", 100'000, 900'000, 500},
    {"decay 0.05", 1'000'000, 0, 50'000},
    {"decay 0.05, momentum", 500'000, 900'000, 100'000},
    {"decay 0.5", 1'000'000, 0, 500'000},
};

absl::StatusOr<double> LateOverEarly(const Options& options,
                                     const LayerPlan& plan, const Decay& decay,
                                     Dataset train,
                                     const kernels::Machine& machine) {
  constexpr int64_t kWarmUpSteps = 2;
  const int64_t part = options.steps / 20;
  Recipe recipe;
  recipe.batch_size = options.batch;
  recipe.learning_rate_ppm = decay.learning_rate_ppm;
  recipe.momentum_ppm = decay.momentum_ppm;
  recipe.weight_decay_ppm = decay.weight_decay_ppm;
  recipe.warmup_ppm = 0;
  recipe.segments = 1;
  // Ten times as long as is looked at: the rate has hardly fallen by then.
  recipe.epochs = 10 * options.steps * options.batch / train.count();
  std::vector<double> early;
  std::vector<double> late;
  double last = ThreadNs();
  const auto watch = [&](const kernels::TrainingProgress& progress) {
    const double now = ThreadNs();
    const int64_t step = progress.step - kWarmUpSteps;
    if (step > 0 && step <= part) early.push_back(now - last);
    if (step > options.steps - part) late.push_back(now - last);
    last = now;
    return step < options.steps;
  };
  const absl::Status status =
      kernels::Train(plan, recipe, {}, Sha256("denormal_bench"), {}, train,
                     NoiseImages(plan, 1), watch, nullptr, nullptr, machine)
          .status();
  if (late.empty()) {
    return status.ok() ? Internal("DIVERGED", "the training diverged") : status;
  }
  return Quantile(late, 0.5) / Quantile(early, 0.5);
}

absl::Status MeasurePlan(const Options& options, const std::string& name,
                         const LayerPlan& plan, double& worst) {
  const kernels::Machine machine{
      kernels::ParseSimd(options.simd).value_or(kernels::WidestSimd()), 1};
  for (const bool is_black : {false, true}) {
    for (const Decay& decay : kDecays) {
      Dataset train = NoiseImages(plan, options.batch * 16);
      if (is_black) train.images.assign(train.images.size(), 0);
      const absl::StatusOr<double> ratio =
          LateOverEarly(options, plan, decay, std::move(train), machine);
      if (GetReason(ratio.status()) == "DIVERGED") {
        std::printf("%-40s %-6s %-22s diverged\n", name.c_str(),
                    is_black ? "black" : "noise", decay.name);
        continue;
      }
      ARCHPOOL_RETURN_IF_ERROR(ratio.status());
      std::printf("%-40s %-6s %-22s %5.2f\n", name.c_str(),
                  is_black ? "black" : "noise", decay.name, *ratio);
      std::fflush(stdout);
      worst = std::max(worst, *ratio);
    }
  }
  return absl::OkStatus();
}

absl::Status MeasureFile(const Options& options, const std::string& file,
                         double& worst) {
  ARCHPOOL_ASSIGN_OR_RETURN(const TaskFile task, LoadTaskFile(file));
  ARCHPOOL_ASSIGN_OR_RETURN(
      const std::vector<DrawnPlan> drawn,
      DrawPlans(task, file,
                {.networks = options.networks, .seed = options.seed}));
  for (const DrawnPlan& network : drawn) {
    ARCHPOOL_RETURN_IF_ERROR(
        MeasurePlan(options, network.name, network.plan, worst));
  }
  return absl::OkStatus();
}

absl::StatusOr<double> Measure(const Options& options) {
  double worst = 0;
  std::printf("%-40s %-6s %-22s %s\n", "network", "images", "recipe",
              "last steps over first");
  if (options.task_files.empty()) {
    ARCHPOOL_RETURN_IF_ERROR(MeasurePlan(options, "three-layer CNN",
                                         testing::ThreeLayerCnn(), worst));
  }
  for (const std::string& file : options.task_files) {
    ARCHPOOL_RETURN_IF_ERROR(MeasureFile(options, file, worst));
  }
  return worst;
}

int Main(int argc, char** argv) {
  Options options;
  CLI::App app("Measures whether tiny numbers make trainings slow.");
  app.add_option("--simd", options.simd, "the instructions, such as avx2");
  app.add_option("--steps", options.steps, "of each training");
  app.add_option("--batch", options.batch, "examples of a step");
  app.add_option("--networks", options.networks, "to draw, of each file");
  app.add_option("--seed", options.seed, "of the draw");
  app.add_option("task_files", options.task_files);
  CLI11_PARSE(app, argc, argv);
  const absl::StatusOr<double> worst = Measure(options);
  if (!worst.ok()) {
    std::fprintf(stderr, "%s\n", worst.status().ToString().c_str());
    return 1;
  }
  std::printf("at most %.2f (goal %.2f)\n", *worst, kRatioMax);
  return *worst <= kRatioMax ? 0 : 1;
}

}  // namespace
}  // namespace archpool

// An exception ends it: nothing is lost with a measurement.
// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char** argv) { return archpool::Main(argc, argv); }
