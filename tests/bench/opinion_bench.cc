// SPDX-License-Identifier: Apache-2.0
// What the second opinion costs beside the kernels' evaluation: in float32, in
// double precision, and as a verifier asks for it. The three-layer CNN, or
// networks drawn from task files' spaces, on images of noise, on one thread.
// And what evaluating with it costs beside training on the same examples, as
// the cost table predicts that.
//
//   opinion_bench [--examples N] [--networks N] [TASK_FILE...]
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "client/task_file.h"
#include "common/base/status.h"
#include "common/kernels/training.h"
#include "common/kernels/weights.h"
#include "tests/bench/drawn_plans.h"
#include "tests/bench/noise_images.h"
#include "tests/support/plan_builder.h"
#include "verifier/consultation.h"
#include "verifier/make_second_opinion.h"

namespace archpool {
namespace {

struct Options {
  std::vector<std::string> task_files;
  int64_t examples = 5'000;
  int networks = 4;
};

constexpr int kRounds = 3;

// Of this process: what others do on the machine hardly counts.
double Now() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

// The best of some rounds, in seconds.
absl::StatusOr<double> Time(const std::function<absl::Status()>& work) {
  double best = 1e9;
  for (int round = 0; round < kRounds; ++round) {
    const double start = Now();
    ARCHPOOL_RETURN_IF_ERROR(work());
    best = std::min(best, Now() - start);
  }
  return best;
}

absl::Status MeasurePlan(const Options& options, const std::string& name,
                         const LayerPlan& plan) {
  const Dataset data = NoiseImages(plan, options.examples);
  const TensorMap weights = kernels::InitialWeights(plan, 1);
  DatasetManifest manifest;
  manifest.mean_ppm = 480'000;
  manifest.deviation_ppm = 250'000;
  std::vector<float> logits;
  ARCHPOOL_ASSIGN_OR_RETURN(
      const double kernels_s, Time([&] {
        logits.clear();
        return kernels::ComputeLogits(
            plan, weights, {manifest.mean_ppm, manifest.deviation_ppm}, data,
            [&](int64_t /*first*/, absl::Span<const float> some) {
              logits.insert(logits.end(), some.begin(), some.end());
              return true;
            });
      }));
  const auto libtorch = MakeSecondOpinion(1);
  const auto time = [&](OpinionPrecision precision) {
    return Time([&] {
      return libtorch->ComputeLogits(plan, weights, manifest, data, precision)
          .status();
    });
  };
  ARCHPOOL_ASSIGN_OR_RETURN(const double single_s,
                            time(OpinionPrecision::kFloat32));
  ARCHPOOL_ASSIGN_OR_RETURN(const double double_s,
                            time(OpinionPrecision::kFloat64));
  OpinionComparison asked;
  ARCHPOOL_ASSIGN_OR_RETURN(
      const double asked_s, Time([&]() -> absl::Status {
        Consultation consultation(MakeSecondOpinion(1));
        ARCHPOOL_ASSIGN_OR_RETURN(
            asked, consultation.Ask(plan, weights, manifest, data, logits));
        return absl::OkStatus();
      }));
  std::printf(
      "%-28s %7.0f images/s; float32 %5.2fx, double %6.2fx, as asked %5.2fx "
      "(%d in double)",
      name.c_str(), static_cast<double>(options.examples) / kernels_s,
      single_s / kernels_s, double_s / kernels_s, asked_s / kernels_s,
      static_cast<int>(asked.in_double));
  if (plan.evaluate_ns_per_example > 0) {
    const double training = static_cast<double>(plan.train_ns_per_example) /
                            static_cast<double>(plan.evaluate_ns_per_example);
    std::printf("; of training: %4.2f, all in double %5.2f",
                (1 + asked_s / kernels_s) / training,
                (1 + (single_s + double_s) / kernels_s) / training);
  }
  std::printf("\n");
  std::fflush(stdout);
  return absl::OkStatus();
}

absl::Status Measure(const Options& options) {
  if (options.task_files.empty()) {
    return MeasurePlan(options, "three-layer CNN", testing::ThreeLayerCnn());
  }
  for (const std::string& file : options.task_files) {
    ARCHPOOL_ASSIGN_OR_RETURN(const TaskFile task, LoadTaskFile(file));
    ARCHPOOL_ASSIGN_OR_RETURN(
        const std::vector<DrawnPlan> drawn,
        DrawPlans(task, file, {.networks = options.networks}));
    for (const DrawnPlan& network : drawn) {
      ARCHPOOL_RETURN_IF_ERROR(
          MeasurePlan(options, network.name, network.plan));
    }
  }
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  Options options;
  CLI::App app("Times the second opinion beside the kernels' evaluation.");
  app.add_option("--examples", options.examples);
  app.add_option("--networks", options.networks);
  app.add_option("task_files", options.task_files);
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = Measure(options);
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace archpool

// An exception ends it: nothing is lost with a measurement.
// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char** argv) { return archpool::Main(argc, argv); }
