// SPDX-License-Identifier: Apache-2.0
// `archpool reproduce` on folders of small networks that are trained here.
#include "client/reproduce.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <stop_token>
#include <string>
#include <vector>

#include "client/cli.h"
#include "client/network_folder.h"
#include "common/base/counter_rng.h"
#include "common/channel/program.h"
#include "common/export/architecture_json.h"
#include "common/kernels/simd.h"
#include "common/kernels/training.h"
#include "common/kernels/weights.h"
#include "common/model/arithmetic.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/plan_builder.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kCount = 160;
constexpr int64_t kSide = 8;
constexpr int64_t kClasses = 4;

constexpr char kTaskYaml[] = R"(name: again
dataset:
  format: idx
  train_images: images.idx
  train_labels: labels.idx
  classes: 4
  validation_count: 32
  held_out_count: 32
space:
  dimensions:
    - {name: width, choices: [8, 10]}
  template:
    kind: chain
    stem: {width: 8, kernel: 3, stride: 1, activation: relu}
    stages:
      - stride: 2
        blocks: [{operation: conv, kernel: 3, width: $width}]
recipe: {epochs: 2, batch_size: 16, segments: 4}
budget: {core_seconds: 1000, trials: 2, time_limit: 30m}
reward: {amount: 10}
)";

std::string Word(uint32_t value) {
  std::string bytes;
  for (const int shift : {24, 16, 8, 0}) {
    bytes.push_back(static_cast<char>(value >> shift));
  }
  return bytes;
}

// Stripes by class, under noise.
Dataset NoisyStripes() {
  Dataset dataset{.shape = {1, kSide, kSide}, .classes = kClasses};
  CounterRng noise(1, 0);
  for (int64_t i = 0; i < kCount; ++i) {
    const int64_t label = i % kClasses;
    for (int64_t pixel = 0; pixel < kSide * kSide; ++pixel) {
      const bool is_bright = (pixel / kSide + pixel % (label + 2)) % 2 == 0;
      dataset.images.push_back(
          static_cast<uint8_t>((is_bright ? 120 : 0) +
                               static_cast<int>(100 * noise.NextUnitFloat())));
    }
    dataset.labels.push_back(static_cast<uint8_t>(label));
  }
  return dataset;
}

ExportedNetwork NetworkOn(const DatasetManifest& manifest) {
  testing::PlanBuilder builder(manifest.shape, manifest.classes);
  builder.Block(8, 3, 1);
  builder.Block(10, 3, 2);
  builder.GlobalAvgPool();
  builder.Linear();
  return {.plan = builder.plan(),
          .dataset_id = manifest.Id(),
          .mean_ppm = manifest.mean_ppm,
          .deviation_ppm = manifest.deviation_ppm};
}

// A folder as `archpool task result` writes it, with its task's file and data
// beside, and the command on it.
class ReproduceTest : public ::testing::Test {
 protected:
  ReproduceTest() {
    const Dataset all = NoisyStripes();
    Write("images.idx", std::string("\0\0\x08\x03", 4) + Word(kCount) +
                            Word(kSide) + Word(kSide) +
                            std::string(all.images.begin(), all.images.end()));
    Write("labels.idx", std::string("\0\0\x08\x01", 4) + Word(kCount) +
                            std::string(all.labels.begin(), all.labels.end()));
    Write("task.yaml", kTaskYaml);
    auto split = SplitDataset(all, std::nullopt, 32, 32, Sha256("split key"));
    EXPECT_THAT(split, IsOk());
    data_ = *std::move(split);
    network_ = NetworkOn(data_.manifest);
    known_.task_id = 1;
    known_.trial_id = 5;
    known_.architecture_id = ArchitectureIdOf(network_.plan);
    known_.recipe = {.batch_size = 16,
                     .epochs = 2,
                     .shift_pixels_max = 1,
                     .horizontal_flip = true,
                     .segments = 4};
    known_.recipe.further_epochs = {1, 2};
    known_.manifest = data_.manifest;
    known_.held_out = DigestOf(data_.held_out);
    known_.split_key = Sha256("split key");
    known_.task_file = Path("task.yaml");
  }

  // Trains trials of these rungs, one going on from the other, and writes what
  // they came to.
  void Train(const std::vector<int64_t>& rungs) {
    known_.trainings.clear();
    TensorMap weights;
    const kernels::Normalization normalization{data_.manifest.mean_ppm,
                                               data_.manifest.deviation_ppm};
    for (const int64_t rung : rungs) {
      const Digest key = Sha256("trial " + std::to_string(rung));
      const auto trained = kernels::Train(
          network_.plan, known_.recipe,
          {.rung = rung, .resumed = weights.empty() ? nullptr : &weights}, key,
          normalization, data_.train, data_.validation, nullptr);
      ASSERT_THAT(trained, IsOk());
      weights = trained->weights;
      known_.trainings.push_back(
          {.trial_id = 3 + rung,
           .rung = rung,
           .trial_key = key,
           .weights = Sha256(SerializeSafetensors(weights)),
           .correct = trained->validation_correct,
           .arithmetic = std::string(kArithmetic)});
    }
    const auto held_out = kernels::CountCorrect(network_.plan, weights,
                                                normalization, data_.held_out);
    ASSERT_THAT(held_out, IsOk());
    known_.held_out_correct = *held_out;
    weights_ = weights;
    Write("architecture.json", NetworkJson(network_).dump());
    Write("weights.safetensors",
          WithFormatMetadata(SerializeSafetensors(weights)));
    WriteKnown();
  }

  void WriteKnown() {
    Write("reproduction.json", FileText(ReproductionJson(known_)));
  }
  std::string Path(const std::string& name) const {
    return directory_.path() + "/" + name;
  }
  void Write(const std::string& name, const std::string& bytes) const {
    std::ofstream(Path(name), std::ios::binary) << bytes;
  }
  std::string Read(const std::string& name) const {
    std::ifstream file(Path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  int Run(std::vector<std::string> arguments = {},
          const std::stop_token& stop = {}) {
    arguments.insert(arguments.begin(), {"reproduce", directory_.path()});
    out_.str("");
    err_.str("");
    return RunCli(arguments, Output{.out = out_, .err = err_}, stop);
  }

  TemporaryDirectory directory_;
  DatasetSplit data_;
  ExportedNetwork network_;
  Reproduction known_;
  TensorMap weights_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(ReproduceTest, TheSameBitsWithAnyThreadsAndInstructions) {
  Train({0});
  ASSERT_EQ(Run(), kExitDone) << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("The same bits"));
  EXPECT_THAT(out_.str(), HasSubstr("trial-5"));
  EXPECT_THAT(err_.str(), HasSubstr("training 1 of 1"));
  // In plain loops its test vectors alone would take seconds.
  for (const kernels::Simd simd : kernels::SimdsHere()) {
    const bool is_slow = simd == kernels::Simd::kScalar;
    if (is_slow && kernels::SimdsHere().size() > 1) continue;
    const std::vector<std::string> arguments = {
        "--json", "--threads", "3", "--simd", kernels::ToString(simd)};
    ASSERT_EQ(Run(arguments), kExitDone) << err_.str();
    const Json json = Json::parse(out_.str());
    EXPECT_EQ(json["is_reproduced"], true);
    EXPECT_EQ(json["trainings"][0]["weights_digest"],
              known_.trainings[0].weights.ToString());
    EXPECT_EQ(json["held_out_correct"], *known_.held_out_correct);
  }
}

// One that went on twice from its own weights, and one that began at a higher
// rung, rung after rung.
TEST_F(ReproduceTest, TheRungsAreTrainedAsTheyWere) {
  Train({0, 1, 2});
  ASSERT_EQ(Run(), kExitDone) << err_.str();
  EXPECT_THAT(err_.str(), HasSubstr("training 3 of 3"));
  const std::vector<ReproducedTraining> three = known_.trainings;
  Train({2});
  EXPECT_NE(known_.trainings[0].weights, three[2].weights)
      << "another training: the lower rungs have other keys";
  ASSERT_EQ(Run(), kExitDone) << err_.str();
  Train({1, 2});
  ASSERT_EQ(Run(), kExitDone) << err_.str();
}

TEST_F(ReproduceTest, AChangedWeightIsFound) {
  Train({0});
  std::string bytes = Read("weights.safetensors");
  bytes[bytes.size() - 4] = static_cast<char>(bytes[bytes.size() - 4] ^ 1);
  Write("weights.safetensors", bytes);
  EXPECT_EQ(Run(), kExitFailed);
  EXPECT_THAT(err_.str(), HasSubstr("WEIGHTS_DIFFER"));
  EXPECT_THAT(err_.str(), HasSubstr(weights_.rbegin()->first));
  EXPECT_THAT(err_.str(), HasSubstr("tensors that differ: 1"));
  EXPECT_EQ(out_.str(), "");
  EXPECT_EQ(Run({"--json"}), kExitFailed);
  const Json json = Json::parse(out_.str());
  EXPECT_EQ(json["is_reproduced"], false);
  EXPECT_EQ(json["difference"]["tensor"], weights_.rbegin()->first);
  EXPECT_EQ(json["difference"]["values"], 1);
  EXPECT_NE(json["difference"]["file"], json["difference"]["here"]);
}

// Weights of no numbers are compared like any others.
TEST_F(ReproduceTest, WeightsThatAreNoNumbersAreOthers) {
  Train({0});
  TensorMap endless = weights_;
  endless.at("layers.0.weight").values[3] = NAN;
  Write("weights.safetensors", SerializeSafetensors(endless));
  EXPECT_EQ(Run(), kExitFailed);
  EXPECT_THAT(err_.str(), HasSubstr("layers.0.weight: 1 of 72 values"));
}

TEST_F(ReproduceTest, AnotherTrainingComesToOtherWeights) {
  Train({0, 1});
  const Reproduction right = known_;
  known_.trainings[1].trial_key = Sha256("another");
  WriteKnown();
  EXPECT_EQ(Run(), kExitFailed);
  EXPECT_THAT(err_.str(), HasSubstr("WEIGHTS_DIFFER"));
  EXPECT_THAT(err_.str(), HasSubstr("layers.0.weight"));
  // The rung below: what continues from it is not worth training.
  known_ = right;
  known_.trainings[0].weights = Sha256("another");
  WriteKnown();
  EXPECT_EQ(Run(), kExitFailed);
  EXPECT_THAT(err_.str(), HasSubstr("trial-3 again comes to other weights"));
  EXPECT_THAT(err_.str(), ::testing::Not(HasSubstr("training 2 of 2")));
  known_ = right;
  known_.recipe.momentum_ppm += 1;
  WriteKnown();
  EXPECT_EQ(Run(), kExitFailed);
}

TEST_F(ReproduceTest, AFalseClaimIsFound) {
  Train({0});
  const Reproduction right = known_;
  known_.trainings[0].correct += right.trainings[0].correct == 0 ? 1 : -1;
  WriteKnown();
  EXPECT_EQ(Run(), kExitFailed);
  EXPECT_THAT(err_.str(), HasSubstr("CLAIM_DIFFERS"));
  EXPECT_THAT(err_.str(), HasSubstr("validation"));
  known_ = right;
  *known_.held_out_correct += *right.held_out_correct == 0 ? 1 : -1;
  WriteKnown();
  EXPECT_EQ(Run(), kExitFailed);
  EXPECT_THAT(err_.str(), HasSubstr("held-out"));
  known_.held_out_correct.reset();
  WriteKnown();
  EXPECT_EQ(Run(), kExitDone) << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("no verifier had counted"));
}

TEST_F(ReproduceTest, OtherDataIsRefused) {
  Train({0});
  const std::string images = Read("images.idx");
  std::string other = images;
  other[100] = static_cast<char>(other[100] ^ 1);
  Write("images.idx", other);
  EXPECT_EQ(Run(), kExitBadInput);
  EXPECT_THAT(err_.str(), HasSubstr("DATASET_DIFFERS"));
  EXPECT_THAT(err_.str(), HasSubstr("have the digest"));
  Write("images.idx", images);
  std::string text = kTaskYaml;
  text.replace(text.find("count: 32"), 9, "count: 30");
  Write("other.yaml", text);
  EXPECT_EQ(Run({"--data", Path("other.yaml")}), kExitBadInput);
  EXPECT_THAT(err_.str(), HasSubstr("DATASET_DIFFERS"));
  EXPECT_THAT(err_.str(), HasSubstr("30"));
}

// The task's file has moved, or was never known.
TEST_F(ReproduceTest, TheTaskFileCanBeNamed) {
  Train({0});
  std::filesystem::create_directory(Path("moved"));
  for (const char* name : {"task.yaml", "images.idx", "labels.idx"}) {
    std::filesystem::rename(Path(name), Path(std::string("moved/") + name));
  }
  EXPECT_EQ(Run(), kExitBadInput);
  EXPECT_THAT(err_.str(), HasSubstr("--data"));
  EXPECT_EQ(Run({"--data", Path("moved/task.yaml")}), kExitDone) << err_.str();
  known_.task_file.clear();
  WriteKnown();
  EXPECT_EQ(Run(), kExitBadInput);
  EXPECT_THAT(err_.str(), HasSubstr("TASK_FILE_UNKNOWN"));
  known_.split_key.reset();
  WriteKnown();
  EXPECT_EQ(Run({"--data", Path("moved/task.yaml")}), kExitBadInput);
  EXPECT_THAT(err_.str(), HasSubstr("SPLIT_KEY_MISSING"));
}

TEST_F(ReproduceTest, WhatIsNoSuchFolderIsNamed) {
  Train({0});
  const Reproduction right = known_;
  known_.architecture_id = Sha256("another");
  WriteKnown();
  EXPECT_EQ(Run(), kExitBadInput);
  EXPECT_THAT(err_.str(), HasSubstr("another network"));
  known_ = right;
  known_.trainings[0].arithmetic = "fp32-fma/0/\x1b[2J";
  WriteKnown();
  EXPECT_EQ(Run(), kExitBadInput);
  EXPECT_THAT(err_.str(), HasSubstr("ARITHMETIC_REPLACED"));
  EXPECT_EQ(err_.str().find('\x1b'), std::string::npos);
  known_ = right;
  WriteKnown();
  const std::string weights = Read("weights.safetensors");
  Write("weights.safetensors", weights.substr(0, weights.size() - 1));
  EXPECT_EQ(Run(), kExitBadInput);
  EXPECT_THAT(err_.str(), HasSubstr("weights.safetensors"));
  Write("weights.safetensors", weights);
  EXPECT_EQ(Run({"--simd", "mmx"}), kExitBadInput);
  std::filesystem::remove(Path("reproduction.json"));
  EXPECT_EQ(Run(), kExitBadInput);
  EXPECT_THAT(err_.str(), HasSubstr("save it again"));
}

TEST_F(ReproduceTest, StopsWhenItIsAskedTo) {
  Train({0});
  std::stop_source stop;
  stop.request_stop();
  constexpr int kStopped = 130;
  EXPECT_EQ(Run({}, stop.get_token()), kStopped);
  EXPECT_EQ(out_.str(), "");
}

TEST(FindDifferenceTest, NamesTheFirstByLayers) {
  testing::PlanBuilder builder({1, 8, 8}, 4);
  for (int i = 0; i < 4; ++i) builder.Block(8, 3, 1);
  builder.GlobalAvgPool();
  builder.Linear();
  const LayerPlan& plan = builder.plan();
  const TensorMap first = kernels::InitialWeights(plan, 1);
  TensorMap second = first;
  EXPECT_EQ(FindDifference(plan, first, second), std::nullopt);
  second.at("layers.10.weight").values[0] += 1;
  second.at("layers.9.weight").values[5] += 1;
  second.at("layers.9.weight").values[7] += 1;
  auto found = FindDifference(plan, first, second);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->tensor, "layers.9.weight");
  EXPECT_EQ(found->values, 2);
  EXPECT_EQ(found->index, 5);
  EXPECT_EQ(found->tensors, 2);
  // Bits, not values.
  second = first;
  second.at("layers.1.bias").values[2] = -0.0f;
  found = FindDifference(plan, first, second);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->tensor, "layers.1.bias");
  EXPECT_THAT(found->Describe("one", "the other"),
              HasSubstr("1 of 8 values differ, and the first, [2], is 0 in one "
                        "and -0 in the other"));
}

}  // namespace
}  // namespace archpool
