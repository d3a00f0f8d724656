#include "common/nn/probe.h"

#include <utility>

#include "absl/status/statusor.h"
#include "common/base/check.h"
#include "common/base/counter_rng.h"
#include "common/crypto/sha256.h"
#include "common/data/checkpoint.h"
#include "common/data/dataset.h"
#include "common/nas/layer_plan.h"
#include "common/nas/search_space.h"
#include "common/nn/trial.h"

namespace archpool::nn {
namespace {

constexpr char kSeed[] = "archpool/probe/v1";
constexpr TensorShape kShape{.channels = 3, .height = 16, .width = 16};
constexpr int64_t kClasses = 10;
constexpr int64_t kExamples = 128;
constexpr size_t kDigits = 8;

// One of each kernel that libraries choose by instruction set: convolutions
// grouped and not, matrices, poolings, activations.
LayerPlan Plan() {
  const auto block = [](const char* operation, int64_t kernel) {
    return BlockTemplate{.operation = std::string(operation),
                         .kernel = kernel,
                         .width = DimensionRef{"width"},
                         .expansion = int64_t{2},
                         .activation = std::string("hardswish")};
  };
  ChainTemplate chain;
  chain.stages = {
      {.stride = 2, .blocks = {block("conv", 5), block("separable", 3)}},
      {.stride = 2,
       .blocks = {block("bottleneck", 5), block("max_pool", 3),
                  block("residual", 3)}}};
  chain.head_width = int64_t{40};
  chain.head_activation = std::string("silu");
  const auto space =
      SearchSpace::Create({{"width", {int64_t{24}}}}, std::move(chain));
  ARCHPOOL_CHECK(space.ok());
  const auto plan = MakeLayerPlan(*space, space->ArchitectureAt(0), kShape,
                                  kClasses, PlanLimits{});
  ARCHPOOL_CHECK(plan.ok());
  return *plan;
}

Dataset Noise(const Digest& seed) {
  CounterRng rng(seed.Prefix64(), 0);
  Dataset noise{.shape = kShape, .classes = kClasses};
  for (int64_t i = 0; i < kExamples * kShape.elements(); ++i) {
    noise.images.push_back(static_cast<uint8_t>(rng.Below(256)));
  }
  for (int64_t i = 0; i < kExamples; ++i) {
    noise.labels.push_back(static_cast<uint8_t>(rng.Below(kClasses)));
  }
  return noise;
}

}  // namespace

std::string ProbeArithmetic() {
  Recipe recipe;
  recipe.batch_size = 32;
  recipe.segments = 1;
  const Digest seed = Sha256(kSeed);
  const Dataset noise = Noise(seed);
  Digest end;
  const auto trained = Train(
      Plan(), recipe, {}, seed, {.mean_ppm = 500'000, .deviation_ppm = 290'000},
      noise, noise, nullptr, [&end](const Checkpoint& checkpoint) {
        const CheckpointBytes bytes = SerializeCheckpoint(checkpoint);
        end = Sha256(bytes.weights);
        return absl::OkStatus();
      });
  if (!trained.ok()) return "unknown";
  return end.ToString().substr(0, kDigits);
}

}  // namespace archpool::nn
