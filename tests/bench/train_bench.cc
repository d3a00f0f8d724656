// SPDX-License-Identifier: Apache-2.0
// How fast whole trainings and evaluations are in the kernels, beside the same
// in LibTorch, in turn: the three-layer CNN, or networks drawn from task files'
// spaces, on images of noise. One thread, or as many as --threads says.
//
//   train_bench [--simd avx2] [--threads N] [--seconds S] [--networks N]
//               [--batch N] [TASK_FILE…]

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/task_file.h"
#include "common/base/status.h"
#include "common/kernels/training.h"
#include "common/nn/trial.h"
#include "tests/bench/drawn_plans.h"
#include "tests/bench/noise_images.h"
#include "tests/support/plan_builder.h"

namespace archpool {
namespace {

struct Options {
  std::vector<std::string> task_files;
  std::string simd;
  int threads = 1;
  double seconds = 2;
  int networks = 8;
  int64_t batch = 128;
  uint64_t seed = 1;
  bool alone = false;
};

double Now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Images a second, the best of short rounds in turn.
struct Rates {
  double kernels = 0;
  double libtorch = 0;
};

absl::StatusOr<Rates> Compare(double seconds, bool has_libtorch,
                              int64_t images_a_call,
                              const std::function<absl::Status()>& kernels,
                              const std::function<absl::Status()>& libtorch) {
  Rates rates;
  const double end = Now() + 2 * seconds;
  do {
    for (const bool is_ours : {true, false}) {
      if (!is_ours && !has_libtorch) continue;
      const double start = Now();
      ARCHPOOL_RETURN_IF_ERROR(is_ours ? kernels() : libtorch());
      const double rate = static_cast<double>(images_a_call) / (Now() - start);
      double& best = is_ours ? rates.kernels : rates.libtorch;
      best = std::max(best, rate);
    }
  } while (Now() < end);
  return rates;
}

absl::StatusOr<std::pair<Rates, Rates>> MeasurePlan(const Options& options,
                                                    const LayerPlan& plan) {
  const kernels::Machine machine{
      kernels::ParseSimd(options.simd).value_or(kernels::WidestSimd()),
      options.threads};
  // About half a second a call, so that what a training costs besides its
  // steps hardly counts.
  constexpr double kOperations = 70e9;
  constexpr int64_t kStepsOfEpoch = 16;
  const double operations = 6.0 * static_cast<double>(plan.macs) *
                            static_cast<double>(options.batch * kStepsOfEpoch);
  const Dataset train = NoiseImages(plan, options.batch * kStepsOfEpoch);
  const Dataset validation = NoiseImages(plan, 1);
  const Dataset shown = NoiseImages(plan, 1024);
  Recipe recipe;
  recipe.batch_size = options.batch;
  recipe.segments = 1;
  recipe.epochs = std::max<int64_t>(
      1, static_cast<int64_t>(kOperations / std::max(operations, 1.0)));
  recipe.learning_rate_ppm = 1'000;
  const Digest key = Sha256("bench");
  TensorMap weights;
  ARCHPOOL_ASSIGN_OR_RETURN(
      const Rates trained,
      Compare(
          options.seconds, !options.alone, train.count() * recipe.epochs,
          [&]() -> absl::Status {
            ARCHPOOL_ASSIGN_OR_RETURN(
                const kernels::TrainedNetwork network,
                kernels::Train(plan, recipe, {}, key, {}, train, validation, {},
                               nullptr, nullptr, machine));
            weights = network.weights;
            return absl::OkStatus();
          },
          [&] {
            return nn::Train(plan, recipe, {}, key, {}, train, validation, {})
                .status();
          }));
  ARCHPOOL_ASSIGN_OR_RETURN(
      const Rates evaluated,
      Compare(
          options.seconds / 2, !options.alone, shown.count(),
          [&] {
            return kernels::CountCorrect(plan, weights, {}, shown, nullptr,
                                         machine)
                .status();
          },
          [&] { return nn::CountCorrect(plan, weights, {}, shown).status(); }));
  return std::pair(trained, evaluated);
}

std::string RateText(double kernels, double libtorch) {
  std::string text = absl::StrFormat("%8.0f images/s", kernels);
  if (libtorch > 0) absl::StrAppendFormat(&text, " %5.2fx", kernels / libtorch);
  return text;
}

void Print(const std::string& name, const Rates& trained,
           const Rates& evaluated) {
  std::printf("%-44s train %s   evaluate %s\n", name.c_str(),
              RateText(trained.kernels, trained.libtorch).c_str(),
              RateText(evaluated.kernels, evaluated.libtorch).c_str());
  std::fflush(stdout);
}

absl::Status MeasureFile(const Options& options, const std::string& file,
                         double& logarithms, int& count) {
  ARCHPOOL_ASSIGN_OR_RETURN(const TaskFile task, LoadTaskFile(file));
  ARCHPOOL_ASSIGN_OR_RETURN(
      const std::vector<DrawnPlan> drawn,
      DrawPlans(task, file,
                {.networks = options.networks, .seed = options.seed}));
  for (const DrawnPlan& network : drawn) {
    ARCHPOOL_ASSIGN_OR_RETURN(const auto rates,
                              MeasurePlan(options, network.plan));
    Print(network.name, rates.first, rates.second);
    logarithms += std::log(rates.first.kernels / rates.first.libtorch);
    ++count;
  }
  return absl::OkStatus();
}

absl::Status Measure(const Options& options) {
  nn::ConfigureRuntime(1);
  if (options.task_files.empty()) {
    ARCHPOOL_ASSIGN_OR_RETURN(const auto rates,
                              MeasurePlan(options, testing::ThreeLayerCnn()));
    Print("three-layer CNN", rates.first, rates.second);
    return absl::OkStatus();
  }
  double logarithms = 0;
  int count = 0;
  for (const std::string& file : options.task_files) {
    ARCHPOOL_RETURN_IF_ERROR(MeasureFile(options, file, logarithms, count));
  }
  std::printf("%d trainings, geometric mean %.2fx\n", count,
              std::exp(logarithms / count));
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  Options options;
  CLI::App app("Times trainings in the kernels beside LibTorch.");
  app.add_option("--simd", options.simd);
  app.add_option("--threads", options.threads);
  app.add_option("--seconds", options.seconds);
  app.add_option("--networks", options.networks);
  app.add_option("--batch", options.batch);
  app.add_option("--seed", options.seed);
  app.add_flag("--alone", options.alone, "the kernels, without LibTorch");
  app.add_option("task_files", options.task_files);
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = Measure(options);
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}

}  // namespace
}  // namespace archpool

int main(int argc, char** argv) { return archpool::Main(argc, argv); }
