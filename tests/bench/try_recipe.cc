// SPDX-License-Identifier: Apache-2.0
// Trains architectures drawn from a task file's space under its recipe and
// prints, one JSON line each, what they reach and how long they take: to choose
// a space and a recipe before a task is paid for. How good the work unit is,
// cost_prediction tells.
//
//   try_recipe deploy/examples/fashion-mnist.yaml --count 8 --examples 12800
//
// Options stand in for the file's recipe: --epochs 1 --rate_ppm 200000 …

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "client/task_file.h"
#include "common/base/counter_rng.h"
#include "common/base/status.h"
#include "common/data/dataset_format.h"
#include "common/data/split.h"
#include "common/kernels/training.h"
#include "common/nas/layer_plan.h"

namespace archpool {
namespace {

struct Options {
  std::string task_file;
  int count = 8;
  uint64_t seed = 1;
  int64_t examples = 0;        // 0: all
  std::vector<int64_t> ranks;  // before those drawn
};

absl::StatusOr<DatasetSplit> LoadSplit(const DatasetSource& source,
                                       int64_t examples) {
  if (source.format.empty()) {
    return InvalidArgument(
        "FORMAT_UNKNOWN",
        "name files of a format that the pool takes: "
        "pictures and arrays are made into them by archpool");
  }
  const DatasetFormat& format = *FindDatasetFormat(source.format);
  ARCHPOOL_ASSIGN_OR_RETURN(
      const Dataset train,
      LoadDatasetFiles(format, source.files, false, source.classes));
  std::optional<Dataset> held_out;
  if (HasHeldOutFiles(format, source.files)) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        held_out, LoadDatasetFiles(format, source.files, true, source.classes));
  }
  ARCHPOOL_ASSIGN_OR_RETURN(
      DatasetSplit split,
      SplitDataset(train, held_out, source.validation_count,
                   source.held_out_count, Sha256("try_recipe")));
  if (examples > 0 && examples < split.train.count()) {
    split.train.images.resize(
        static_cast<size_t>(examples * split.train.shape.elements()));
    split.train.labels.resize(static_cast<size_t>(examples));
  }
  return split;
}

// Seconds of the processor's time: what others do on the machine hardly counts.
absl::Status TryOne(const TaskSpec& spec, int64_t rank, const LayerPlan& plan,
                    const DatasetSplit& split) {
  const kernels::Normalization normalization = {split.manifest.mean_ppm,
                                                split.manifest.deviation_ppm};
  const Digest key = Sha256(absl::StrCat("trial ", rank));
  const std::clock_t start = std::clock();
  std::clock_t end = start;
  const auto watch = [&end](const kernels::TrainingProgress&) {
    end = std::clock();
    return true;
  };
  ARCHPOOL_ASSIGN_OR_RETURN(
      const kernels::TrainedNetwork trained,
      kernels::Train(plan, spec.recipe, {}, key, normalization, split.train,
                     split.validation, watch));
  ARCHPOOL_ASSIGN_OR_RETURN(
      const int64_t correct,
      kernels::CountCorrect(plan, trained.weights, normalization,
                            split.held_out));
  const auto part = [](int64_t some, const Dataset& all) {
    return static_cast<double>(some) / static_cast<double>(all.count());
  };
  std::printf(
      "{\"name\": \"trial\", \"value\": %.2f, \"unit\": \"s\", "
      "\"validation\": %.4f, \"held_out\": %.4f, \"parameters\": %lld, "
      "\"macs\": %lld, \"rank\": %lld, \"architecture\": \"%s\"}\n",
      static_cast<double>(end - start) / static_cast<double>(CLOCKS_PER_SEC),
      part(trained.validation_correct, split.validation),
      part(correct, split.held_out), static_cast<long long>(plan.parameters),
      static_cast<long long>(plan.macs), static_cast<long long>(rank),
      spec.space.Describe(spec.space.ArchitectureAt(rank)).c_str());
  std::fflush(stdout);
  return absl::OkStatus();
}

absl::Status TryAll(const TaskFile& task, const Options& options) {
  ARCHPOOL_ASSIGN_OR_RETURN(const DatasetSplit split,
                            LoadSplit(task.dataset, options.examples));
  const TaskSpec& spec = task.spec;
  CounterRng rng(options.seed, 0);
  size_t tried = 0;
  const size_t count =
      options.ranks.size() + static_cast<size_t>(std::max(options.count, 0));
  for (size_t drawn = 0; tried < count; ++drawn) {
    const int64_t rank = drawn < options.ranks.size()
                             ? options.ranks[drawn]
                             : static_cast<int64_t>(rng.Below64(
                                   static_cast<uint64_t>(spec.space.size())));
    if (rank < 0 || rank >= spec.space.size()) {
      return InvalidArgument("RANK_RANGE",
                             absl::StrCat("rank ", rank, " is outside [0, ",
                                          spec.space.size(), ")"));
    }
    const absl::StatusOr<LayerPlan> plan = MakeLayerPlan(
        spec.space, spec.space.ArchitectureAt(rank), split.manifest.shape,
        split.manifest.classes, spec.limits);
    if (!plan.ok() && drawn >= options.ranks.size() && drawn < 1000 * count) {
      continue;
    }
    ARCHPOOL_RETURN_IF_ERROR(plan.status());
    ARCHPOOL_RETURN_IF_ERROR(TryOne(spec, rank, *plan, split));
    ++tried;
  }
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  Options options;
  Recipe given;
  std::vector<std::pair<CLI::Option*, int64_t Recipe::*>> overrides;
  CLI::App app("Trains a sample of a task's space under a recipe");
  app.add_option("task", options.task_file, "the task file")->required();
  app.add_option("--count", options.count, "architectures to draw");
  app.add_option("--seed", options.seed, "of the draw");
  app.add_option("--ranks", options.ranks, "architectures to add, by rank");
  app.add_option("--examples", options.examples, "train on the first so many");
  for (const auto& [name, field] :
       {std::pair("--batch", &Recipe::batch_size),
        std::pair("--epochs", &Recipe::epochs),
        std::pair("--rate_ppm", &Recipe::learning_rate_ppm),
        std::pair("--decay_ppm", &Recipe::weight_decay_ppm),
        std::pair("--smoothing_ppm", &Recipe::label_smoothing_ppm),
        std::pair("--warmup_ppm", &Recipe::warmup_ppm),
        std::pair("--shift", &Recipe::shift_pixels_max)}) {
    overrides.emplace_back(app.add_option(name, given.*field), field);
  }
  const CLI::Option* flip = app.add_option("--flip", given.horizontal_flip);
  CLI11_PARSE(app, argc, argv);
  absl::StatusOr<TaskFile> task = LoadTaskFile(options.task_file);
  absl::Status status = task.status();
  if (status.ok()) {
    Recipe& recipe = task->spec.recipe;
    for (const auto& [option, field] : overrides) {
      if (option->count() > 0) recipe.*field = given.*field;
    }
    if (flip->count() > 0) recipe.horizontal_flip = given.horizontal_flip;
    status = TryAll(*task, options);
  }
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return 1;
}

}  // namespace
}  // namespace archpool

int main(int argc, char** argv) { return archpool::Main(argc, argv); }
