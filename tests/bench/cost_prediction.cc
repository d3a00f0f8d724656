// SPDX-License-Identifier: Apache-2.0
// How good the measure of work is: what trainings of networks drawn from task
// files' spaces take, over what the cost table predicts (measured / predicted),
// on images of noise. One thread, its processor time alone.
//
//   cost_prediction [--simd avx2] [--batch 128,32,8,1] [--networks N]
//                   [--seconds S] [--seed N] [--table VERSION] TASK_FILE…
//
// Prints a JSON line for each training; then a table: for each size of batch,
// of each file and of all, the median, the 5 % and 95 % quantiles, the part of
// the networks within 0.7 and 1.4, the last two and the median again by the
// machine's pace, and what an example takes beside the first batch given, at
// the median. Then, for each size of batch, how pay is skewed between kinds of
// layers (tests/bench/pay_skew.h).
//
// A pace is what the pool itself predicts with: the mean of measured over
// predicted of what the machine trained before. It is measured here with as
// many other networks of all files, in all sizes of batches.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "client/task_file.h"
#include "common/base/status.h"
#include "common/nas/cost_table.h"
#include "tests/bench/drawn_plans.h"
#include "tests/bench/json_line.h"
#include "tests/bench/pay_skew.h"
#include "tests/bench/step_time.h"

namespace archpool {
namespace {

// Pay that lies so far from what it is for is still called fair.
constexpr double kRatioMin = 0.7;
constexpr double kRatioMax = 1.4;

struct Options {
  std::vector<std::string> task_files;
  std::string simd;
  std::vector<int64_t> batches = {128, 32, 8, 1};
  int networks = 12;
  double seconds = 0.3;
  uint64_t seed = 1;
  int64_t table = kCostTableVersion;
};

// What was found of one network with one size of batch.
struct Found {
  std::string file;
  int64_t batch = 0;
  double beside_first = 0;
  PredictedTraining training;
};

absl::Status MeasureFile(const Options& options, const std::string& file,
                         uint64_t seed, const kernels::Machine& machine,
                         std::vector<Found>& found) {
  ARCHPOOL_ASSIGN_OR_RETURN(const TaskFile task, LoadTaskFile(file));
  ARCHPOOL_ASSIGN_OR_RETURN(
      const std::vector<DrawnPlan> drawn,
      DrawPlans(task, file, {.networks = options.networks, .seed = seed}));
  for (const DrawnPlan& network : drawn) {
    double first = 0;
    for (const int64_t batch : options.batches) {
      const Pricing pricing{.version = options.table, .batch_size = batch};
      ARCHPOOL_ASSIGN_OR_RETURN(
          const LayerPlan plan,
          MakeLayerPlan(task.spec.space, network.architecture,
                        network.plan.input_shape, network.plan.classes,
                        task.spec.limits, pricing));
      ARCHPOOL_ASSIGN_OR_RETURN(
          const double step_ns,
          StepNs(plan, task.spec.recipe, batch, options.seconds, machine));
      const double measured = step_ns / static_cast<double>(batch);
      const auto predicted = static_cast<double>(plan.train_ns_per_example);
      PrintJsonLine(absl::StrCat(network.name, " batch ", batch), measured,
                    "ns/example", predicted);
      if (first == 0) first = measured;
      found.push_back({.file = FileNameOf(file),
                       .batch = batch,
                       .beside_first = measured / first,
                       .training = {.ratio = measured / predicted,
                                    .shares = SharesOf(plan, pricing)}});
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<kernels::Machine> MachineOf(const std::string& simd) {
  kernels::Machine machine;
  if (simd.empty()) return machine;
  for (const kernels::Simd here : kernels::SimdsHere()) {
    machine.simd = here;
    if (simd == kernels::ToString(here)) return machine;
  }
  return InvalidArgument("USAGE", simd + " is not among what this machine has");
}

std::vector<Found> Select(const std::vector<Found>& found, int64_t batch,
                          const std::string& file) {
  std::vector<Found> selected;
  for (const Found& of : found) {
    if (of.batch == batch && (file.empty() || of.file == file)) {
      selected.push_back(of);
    }
  }
  return selected;
}

// The part of the ratios that are fair, each over `pace`.
double PartWithin(const std::vector<double>& ratios, double pace) {
  const auto within =
      std::count_if(ratios.begin(), ratios.end(), [&](double ratio) {
        return ratio / pace >= kRatioMin && ratio / pace <= kRatioMax;
      });
  return static_cast<double>(within) / static_cast<double>(ratios.size());
}

// REQUIRES: found is not empty.
void PrintRatios(const std::vector<Found>& found, const std::string& name,
                 double pace) {
  std::vector<double> ratios;
  std::vector<double> beside_first;
  for (const Found& of : found) {
    ratios.push_back(of.training.ratio);
    beside_first.push_back(of.beside_first);
  }
  const double median = Quantile(ratios, 0.5);
  std::printf("%5lld %-24s %8zu %7.3f %7.3f %7.3f %7.3f %7.3f %7.3f %7.3f\n",
              static_cast<long long>(found[0].batch), name.c_str(),
              found.size(), median, Quantile(ratios, 0.05),
              Quantile(ratios, 0.95), PartWithin(ratios, 1), median / pace,
              PartWithin(ratios, pace), Quantile(beside_first, 0.5));
}

// REQUIRES: found is not empty.
double PaceOf(const std::vector<Found>& found) {
  double sum = 0;
  for (const Found& of : found) sum += of.training.ratio;
  return sum / static_cast<double>(found.size());
}

void PrintTables(const Options& options, const std::vector<Found>& found,
                 double pace) {
  std::map<std::string, int> files;
  for (const Found& of : found) ++files[of.file];
  std::printf("the machine's pace: %.3f\n", pace);
  std::printf("%5s %-24s %8s %7s %7s %7s %7s %7s %7s %7s\n", "batch",
              "networks of", "networks", "median", "5 %", "95 %", "within",
              "by pace", "within", "beside");
  for (const int64_t batch : options.batches) {
    for (const auto& [file, count] : files) {
      PrintRatios(Select(found, batch, file), file, pace);
    }
    PrintRatios(Select(found, batch, ""), "all", pace);
  }
  for (const int64_t batch : options.batches) {
    std::vector<PredictedTraining> trainings;
    for (const Found& of : Select(found, batch, "")) {
      trainings.push_back(of.training);
    }
    std::printf("\nbatches of %lld\n", static_cast<long long>(batch));
    PrintSkew(std::move(trainings));
  }
}

absl::Status Measure(const Options& options) {
  if (options.networks < 1 || options.batches.empty() ||
      *std::min_element(options.batches.begin(), options.batches.end()) < 1) {
    return InvalidArgument("USAGE", "networks and batches must be at least 1");
  }
  if (!IsCostTable(options.table)) {
    return InvalidArgument(
        "USAGE", absl::StrCat("there is no cost table ", options.table));
  }
  ARCHPOOL_ASSIGN_OR_RETURN(const kernels::Machine machine,
                            MachineOf(options.simd));
  std::vector<Found> before;
  std::vector<Found> found;
  for (const std::string& file : options.task_files) {
    ARCHPOOL_RETURN_IF_ERROR(
        MeasureFile(options, file, options.seed + 1, machine, before));
    ARCHPOOL_RETURN_IF_ERROR(
        MeasureFile(options, file, options.seed, machine, found));
  }
  PrintTables(options, found, PaceOf(before));
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  Options options;
  CLI::App app("Compares the predicted time of trainings with the measured.");
  app.add_option("--simd", options.simd, "the instructions, such as avx2");
  app.add_option("--batch", options.batches, "sizes of batches")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--networks", options.networks, "to draw, of each file");
  app.add_option("--seconds", options.seconds, "for each training");
  app.add_option("--seed", options.seed, "of the draw");
  app.add_option("--table", options.table, "the version that predicts");
  app.add_option("task_files", options.task_files)->required();
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = Measure(options);
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}

}  // namespace
}  // namespace archpool

// An exception ends it: nothing is lost with a measurement.
// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char** argv) { return archpool::Main(argc, argv); }
