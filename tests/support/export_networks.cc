// SPDX-License-Identifier: Apache-2.0
// Trains networks drawn from task files' spaces for a moment, on images made
// here, and writes of each what a client gets, and what the kernels answer:
//
//   archpool-export-networks --out DIR [--networks N] [--seed N] [--random N]
//       TASK_FILE…
//
// --random adds networks of every kind of layer, of no task's space.
//
// DIR/0, DIR/1 and so on hold architecture.json, weights.safetensors,
// model.py, model.onnx, held_out.npy (uint8 [count, channels, height, width])
// and expected.json (the network's name, labels, answers and how many are
// correct).
#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/task_file.h"
#include "common/base/counter_rng.h"
#include "common/base/durable_file.h"
#include "common/base/status.h"
#include "common/data/safetensors.h"
#include "common/export/architecture_json.h"
#include "common/export/onnx_model.h"
#include "common/export/torch_module.h"
#include "common/kernels/training.h"
#include "tests/bench/drawn_plans.h"
#include "tests/support/random_plan.h"

namespace archpool {
namespace {

constexpr int64_t kTrainCount = 384;
constexpr int64_t kHeldOutCount = 400;

struct Options {
  std::vector<std::string> task_files;
  std::string out;
  int networks = 2;
  int random = 0;
  uint64_t seed = 1;
};

// Each class is a bright bar at its own height, under noise: hard enough for
// answers to differ, easy enough to be learnt in a moment.
Dataset MakeImages(const TensorShape& shape, int64_t classes, int64_t count,
                   uint64_t seed) {
  Dataset dataset{.shape = shape, .classes = classes};
  CounterRng rng(seed, 0);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t label = i % classes;
    dataset.labels.push_back(static_cast<uint8_t>(label));
    for (int64_t c = 0; c < shape.channels; ++c) {
      for (int64_t y = 0; y < shape.height; ++y) {
        const bool is_bar = y * classes / shape.height == label;
        for (int64_t x = 0; x < shape.width; ++x) {
          dataset.images.push_back(
              static_cast<uint8_t>(rng.Below(160) + (is_bar ? 90 : 0)));
        }
      }
    }
  }
  return dataset;
}

// As numpy.save writes it.
std::string Npy(const Dataset& dataset) {
  std::string text =
      absl::StrCat("{'descr': '|u1', 'fortran_order': False, 'shape': (",
                   dataset.count(), ", ", dataset.shape.channels, ", ",
                   dataset.shape.height, ", ", dataset.shape.width, "), }");
  constexpr size_t kBegin = 10;
  text.append(63 - (kBegin + text.size()) % 64, ' ');
  text += '\n';
  std::string npy("\x93NUMPY\x01\x00", 8);
  npy += static_cast<char>(text.size() % 256);
  npy += static_cast<char>(text.size() / 256);
  npy += text;
  npy.append(dataset.images.begin(), dataset.images.end());
  return npy;
}

// What the kernels answer, example by example.
absl::StatusOr<std::vector<int64_t>> AnswersOf(
    const LayerPlan& plan, const TensorMap& weights,
    const kernels::Normalization& normalization, const Dataset& held_out) {
  std::vector<int64_t> answers;
  const auto classes = static_cast<size_t>(plan.classes);
  ARCHPOOL_RETURN_IF_ERROR(kernels::ComputeLogits(
      plan, weights, normalization, held_out,
      [&](int64_t, absl::Span<const float> logits) {
        for (size_t i = 0; i < logits.size(); i += classes) {
          answers.push_back(kernels::Predict(logits.subspan(i, classes)));
        }
        return true;
      }));
  return answers;
}

absl::Status Export(const DrawnPlan& drawn, const Dataset& train,
                    const Dataset& held_out, const std::string& directory) {
  const PixelStatistics statistics = StatisticsOf(train);
  const kernels::Normalization normalization{
      .mean_ppm = statistics.mean_ppm,
      .deviation_ppm = statistics.deviation_ppm};
  const Recipe recipe{
      .batch_size = 32, .epochs = 2, .learning_rate_ppm = 30'000};
  ARCHPOOL_ASSIGN_OR_RETURN(
      const kernels::TrainedNetwork trained,
      kernels::Train(drawn.plan, recipe, {}, Sha256(drawn.name), normalization,
                     train, held_out, nullptr));
  ARCHPOOL_ASSIGN_OR_RETURN(
      const std::vector<int64_t> answers,
      AnswersOf(drawn.plan, trained.weights, normalization, held_out));
  const ExportedNetwork network{.plan = drawn.plan,
                                .dataset_id = DigestOf(train),
                                .mean_ppm = statistics.mean_ppm,
                                .deviation_ppm = statistics.deviation_ppm};
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string onnx,
                            OnnxModel(network, trained.weights));
  const nlohmann::json expected = {{"name", drawn.name},
                                   {"labels", held_out.labels},
                                   {"answers", answers},
                                   {"correct", trained.validation_correct}};
  ARCHPOOL_RETURN_IF_ERROR(MakeDirectories(directory));
  for (const auto& [name, bytes] :
       {std::pair<const char*, std::string>("architecture.json",
                                            NetworkJson(network).dump(2)),
        std::pair<const char*, std::string>(
            "weights.safetensors",
            WithFormatMetadata(SerializeSafetensors(trained.weights))),
        std::pair<const char*, std::string>("model.py", TorchModule(network)),
        std::pair<const char*, std::string>("model.onnx", onnx),
        std::pair<const char*, std::string>("held_out.npy", Npy(held_out)),
        std::pair<const char*, std::string>("expected.json",
                                            expected.dump())}) {
    ARCHPOOL_RETURN_IF_ERROR(
        WriteFileDurably(absl::StrCat(directory, "/", name), bytes));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<DrawnPlan>> DrawAll(const Options& options) {
  std::vector<DrawnPlan> all;
  for (const std::string& file : options.task_files) {
    ARCHPOOL_ASSIGN_OR_RETURN(const TaskFile task, LoadTaskFile(file));
    ARCHPOOL_ASSIGN_OR_RETURN(std::vector<DrawnPlan> drawn,
                              DrawPlans(task, file,
                                        {.networks = options.networks,
                                         .seed = options.seed,
                                         .accept = [](const LayerPlan& plan) {
                                           return plan.macs < 30'000'000;
                                         }}));
    for (DrawnPlan& one : drawn) all.push_back(std::move(one));
  }
  CounterRng rng(options.seed, 1);
  for (int i = 0; i < options.random; ++i) {
    all.push_back(
        {.name = absl::StrCat("random ", i), .plan = testing::RandomPlan(rng)});
  }
  return all;
}

absl::Status Run(const Options& options) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<DrawnPlan> drawn,
                            DrawAll(options));
  int number = 0;
  for (const DrawnPlan& one : drawn) {
    const TensorShape& shape = one.plan.input_shape;
    ARCHPOOL_RETURN_IF_ERROR(
        Export(one, MakeImages(shape, one.plan.classes, kTrainCount, 1),
               MakeImages(shape, one.plan.classes, kHeldOutCount, 2),
               absl::StrCat(options.out, "/", number++)));
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace archpool

int main(int argc, char** argv) {
  archpool::Options options;
  CLI::App app("Writes networks as clients get them, for a test");
  app.add_option("--out", options.out)->required();
  app.add_option("--networks", options.networks)->check(CLI::Range(1, 100));
  app.add_option("--random", options.random)->check(CLI::Range(0, 1'000));
  app.add_option("--seed", options.seed);
  app.add_option("files", options.task_files)->required();
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = archpool::Run(options);
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return 1;
}
