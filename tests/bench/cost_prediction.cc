// How good the measure of work is: what trainings of networks drawn from task
// files' spaces take, over what the cost table predicts (measured / predicted),
// on images of noise. One thread, its processor time alone.
//
//   cost_prediction [--simd avx2] [--batch 128,32,8,1] [--networks N]
//                   [--seconds S] [--seed N] TASK_FILE…
//
// Prints JSON lines: each network; then, for each size of batch, the median and
// the 5 % and 95 % quantiles; what an example costs beside the first batch
// given; and for each kind of layer, with the first batch,
//   share   its part of the predicted time, in the mean;
//   factor  of its predicted time, so that the sums come nearest to what was
//           measured (least squares, drawn to the median where kinds cannot be
//           told apart): above the median, networks of such layers are paid too
//           little;
//   skew    the mean ratio of the third of networks with the largest share of
//           it over that of the third with the smallest.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "client/task_file.h"
#include "common/base/counter_rng.h"
#include "common/base/status.h"
#include "common/kernels/training.h"
#include "common/nas/cost_table.h"
#include "tests/bench/drawn_plans.h"
#include "tests/bench/json_line.h"

namespace archpool {
namespace {

struct Options {
  std::vector<std::string> task_files;
  std::string simd;
  std::vector<int64_t> batches = {128};
  int networks = 12;
  double seconds = 0.3;
  uint64_t seed = 1;
};

// What was found of one network.
struct Found {
  std::vector<double> ratios;            // by batch
  std::map<std::string, double> shares;  // of the predicted time, by kind
};

double ProcessorNs() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 +
         static_cast<double>(now.tv_nsec);
}

// REQUIRES: values is not empty.
double Quantile(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  const auto last = static_cast<double>(values.size() - 1);
  return values[static_cast<size_t>(std::lround(part * last))];
}

std::string KindOf(const Layer& layer) {
  if (layer.kind != LayerKind::kConv) return ToString(layer.kind);
  if (layer.groups > 1) return "conv_depthwise";
  return layer.kernel == 1 ? "conv_1x1" : "conv";
}

std::map<std::string, double> SharesOf(const LayerPlan& plan) {
  std::map<std::string, double> shares;
  double sum = 0;
  for (const Layer& layer : plan.layers) {
    const auto cost = static_cast<double>(CostOf(layer).train_ps);
    shares[KindOf(layer)] += cost;
    sum += cost;
  }
  for (auto& [kind, share] : shares) share /= sum;
  return shares;
}

// Nanoseconds an example: the median step of a training that is stopped when it
// has gone on for long enough.
absl::StatusOr<double> TrainNs(const LayerPlan& plan, Recipe recipe,
                               int64_t batch, double seconds,
                               const kernels::Machine& machine) {
  constexpr int64_t kWarmUpSteps = 2;
  constexpr size_t kStepsMin = 4;
  const Dataset train = NoiseImages(plan, batch * 16);
  recipe.batch_size = batch;
  recipe.epochs = 1'000'000;  // stopped long before
  recipe.learning_rate_ppm = 1'000;
  recipe.segments = 1;
  std::vector<double> steps;
  const double start = ProcessorNs();
  double last = start;
  const auto watch = [&](const kernels::TrainingProgress& progress) {
    const double now = ProcessorNs();
    if (progress.step > kWarmUpSteps) steps.push_back(now - last);
    last = now;
    return steps.size() < kStepsMin || now - start < seconds * 1e9;
  };
  const absl::Status status =
      kernels::Train(plan, recipe, {}, Sha256("cost_prediction"), {}, train,
                     NoiseImages(plan, 1), watch, nullptr, nullptr, machine)
          .status();
  if (GetReason(status) != "TRAINING_STOPPED") return status;
  return Quantile(std::move(steps), 0.5) / static_cast<double>(batch);
}

absl::Status MeasureFile(const Options& options, const std::string& file,
                         const kernels::Machine& machine,
                         std::vector<Found>& found) {
  ARCHPOOL_ASSIGN_OR_RETURN(const TaskFile task, LoadTaskFile(file));
  const SearchSpace& space = task.spec.space;
  CounterRng rng(options.seed, 0);
  for (int drawn = 0; drawn < options.networks;) {
    const auto rank =
        static_cast<int64_t>(rng.Below64(static_cast<uint64_t>(space.size())));
    const auto plan = MakeLayerPlan(space, space.ArchitectureAt(rank),
                                    ImageShapeOf(file), 10, task.spec.limits);
    if (!plan.ok()) continue;
    ++drawn;
    Found of{.shares = SharesOf(*plan)};
    const auto predicted = static_cast<double>(plan->train_ns_per_example);
    for (const int64_t batch : options.batches) {
      ARCHPOOL_ASSIGN_OR_RETURN(
          const double measured,
          TrainNs(*plan, task.spec.recipe, batch, options.seconds, machine));
      PrintJsonLine(absl::StrCat(file.substr(file.rfind('/') + 1), " ", rank,
                                 " batch ", batch),
                    measured, "ns/example", predicted);
      of.ratios.push_back(measured / predicted);
    }
    found.push_back(std::move(of));
  }
  return absl::OkStatus();
}

// Solves rows · x = right, `right` standing as the last column. REQUIRES: the
// rows are positive definite without it.
std::vector<double> Solve(std::vector<std::vector<double>> rows) {
  const size_t count = rows.size();
  for (size_t pivot = 0; pivot < count; ++pivot) {
    for (size_t row = 0; row < count; ++row) {
      if (row == pivot) continue;
      const double times = rows[row][pivot] / rows[pivot][pivot];
      for (size_t i = pivot; i <= count; ++i) {
        rows[row][i] -= times * rows[pivot][i];
      }
    }
  }
  std::vector<double> x;
  for (size_t i = 0; i < count; ++i) x.push_back(rows[i][count] / rows[i][i]);
  return x;
}

double ShareOf(const Found& found, const std::string& kind) {
  const auto at = found.shares.find(kind);
  return at == found.shares.end() ? 0 : at->second;
}

// The factors that `kinds` have in the ratios of the first batch.
std::vector<double> FactorsOf(const std::vector<Found>& all,
                              const std::vector<std::string>& kinds) {
  // As strong as ten networks of which a kind is a tenth.
  constexpr double kDraw = 0.1;
  const size_t count = kinds.size();
  std::vector<double> ratios;
  for (const Found& found : all) ratios.push_back(found.ratios[0]);
  const double median = Quantile(std::move(ratios), 0.5);
  std::vector<std::vector<double>> rows(count, std::vector<double>(count + 1));
  for (size_t i = 0; i < count; ++i) {
    for (const Found& found : all) {
      const double share = ShareOf(found, kinds[i]);
      for (size_t j = 0; j < count; ++j) {
        rows[i][j] += share * ShareOf(found, kinds[j]);
      }
      rows[i][count] += share * found.ratios[0];
    }
    rows[i][i] += kDraw;
    rows[i][count] += kDraw * median;
  }
  return Solve(std::move(rows));
}

double MeanRatio(const std::vector<Found>& all, size_t first, size_t count) {
  double sum = 0;
  for (size_t i = first; i < first + count; ++i) sum += all[i].ratios[0];
  return sum / static_cast<double>(count);
}

void PrintKinds(std::vector<Found> all) {
  std::vector<std::string> kinds;
  std::map<std::string, double> shares;
  for (const Found& found : all) {
    for (const auto& [kind, share] : found.shares) shares[kind] += share;
  }
  for (const auto& [kind, share] : shares) kinds.push_back(kind);
  const std::vector<double> factors = FactorsOf(all, kinds);
  const size_t third = std::max<size_t>(all.size() / 3, 1);
  for (size_t k = 0; k < kinds.size(); ++k) {
    const std::string& kind = kinds[k];
    std::stable_sort(all.begin(), all.end(),
                     [&](const Found& a, const Found& b) {
                       return ShareOf(a, kind) > ShareOf(b, kind);
                     });
    const double skew =
        MeanRatio(all, 0, third) / MeanRatio(all, all.size() - third, third);
    std::printf(
        "{\"name\": \"kind %s\", \"share\": %.3f, \"factor\": %.3f, "
        "\"skew\": %.3f}\n",
        kind.c_str(), shares[kind] / static_cast<double>(all.size()),
        factors[k], skew);
  }
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

void PrintBatches(const Options& options, const std::vector<Found>& found) {
  for (size_t b = 0; b < options.batches.size(); ++b) {
    const std::string batch = absl::StrCat(" batch ", options.batches[b]);
    std::vector<double> ratios;
    std::vector<double> beside_first;
    for (const Found& of : found) {
      ratios.push_back(of.ratios[b]);
      beside_first.push_back(of.ratios[b] / of.ratios[0]);
    }
    for (const auto& [name, part] :
         {std::pair("quantile_05", 0.05), std::pair("median", 0.5),
          std::pair("quantile_95", 0.95)}) {
      PrintJsonLine(name + batch, Quantile(ratios, part), "ratio", 1);
      PrintJsonLine(absl::StrCat("beside_first_", name, batch),
                    Quantile(beside_first, part), "ratio", 1);
    }
  }
}

absl::Status Measure(const Options& options) {
  if (options.networks < 1 || options.batches.empty() ||
      *std::min_element(options.batches.begin(), options.batches.end()) < 1) {
    return InvalidArgument("USAGE", "networks and batches must be at least 1");
  }
  ARCHPOOL_ASSIGN_OR_RETURN(const kernels::Machine machine,
                            MachineOf(options.simd));
  std::vector<Found> found;
  for (const std::string& file : options.task_files) {
    ARCHPOOL_RETURN_IF_ERROR(MeasureFile(options, file, machine, found));
  }
  PrintBatches(options, found);
  PrintKinds(std::move(found));
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
  app.add_option("task_files", options.task_files)->required();
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = Measure(options);
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}

}  // namespace
}  // namespace archpool

int main(int argc, char** argv) { return archpool::Main(argc, argv); }
