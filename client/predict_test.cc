// SPDX-License-Identifier: Apache-2.0
#include "client/predict.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "client/cli.h"
#include "client/import/picture.h"
#include "client/json.h"
#include "common/base/status.h"
#include "common/channel/program.h"
#include "common/data/safetensors.h"
#include "common/export/architecture_json.h"
#include "common/kernels/training.h"
#include "common/kernels/weights.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/plan_builder.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;

ExportedNetwork SampleNetwork() {
  testing::PlanBuilder builder({3, 8, 6}, 4);
  builder.Block(8, 3, 1);
  builder.GlobalAvgPool();
  builder.Linear();
  return {.plan = builder.plan(),
          .dataset_id = Sha256("dataset"),
          .mean_ppm = 300'000,
          .deviation_ppm = 200'000};
}

Picture Shaded(int64_t width, int64_t height, int shade) {
  Picture picture{.width = width, .height = height, .channels = 3};
  for (int64_t i = 0; i < width * height * 3; ++i) {
    picture.pixels.push_back(static_cast<uint8_t>((i * shade) % 251));
  }
  return picture;
}

// A folder as `archpool task result` writes it, and the command on it.
class PredictTest : public ::testing::Test {
 protected:
  PredictTest() {
    Write("architecture.json", NetworkJson(network_).dump());
    Write("weights.safetensors",
          WithFormatMetadata(SerializeSafetensors(weights_)));
    Write("a.png", EncodePng(Shaded(6, 8, 7)));
    Write("b.png", EncodePng(Shaded(6, 8, 31)));
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
  int Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"predict", directory_.path()});
    out_.str("");
    err_.str("");
    return RunCli(arguments, Output{.out = out_, .err = err_}, {});
  }

  TemporaryDirectory directory_;
  const ExportedNetwork network_ = SampleNetwork();
  const TensorMap weights_ = kernels::InitialWeights(network_.plan, 5);
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST(ProbabilitiesOfTest, TheyAddUpToOneHoweverLargeLogitsAre) {
  const float logits[] = {3e38f, 1.0f, -3e38f};
  EXPECT_THAT(ProbabilitiesOf(logits), ::testing::ElementsAre(1, 0, 0));
  const float equal[] = {2, 2};
  EXPECT_THAT(ProbabilitiesOf(equal), ::testing::ElementsAre(0.5, 0.5));
}

// The answers are those that the pool would count.
TEST_F(PredictTest, AnswersAsTheKernelsDo) {
  Dataset images{.shape = network_.plan.input_shape, .classes = 4};
  for (const int shade : {7, 31}) {
    const std::vector<uint8_t> pixels = ChannelsFirst(Shaded(6, 8, shade));
    images.images.insert(images.images.end(), pixels.begin(), pixels.end());
    images.labels.push_back(0);
  }
  std::vector<int64_t> answers;
  ASSERT_TRUE(kernels::ComputeLogits(
                  network_.plan, weights_,
                  {.mean_ppm = 300'000, .deviation_ppm = 200'000}, images,
                  [&](int64_t, absl::Span<const float> logits) {
                    for (size_t i = 0; i < logits.size(); i += 4) {
                      answers.push_back(kernels::Predict(logits.subspan(i, 4)));
                    }
                    return true;
                  })
                  .ok());
  ASSERT_EQ(Run({"--json", Path("a.png"), Path("b.png")}), kExitDone)
      << err_.str();
  const Json json = Json::parse(out_.str());
  ASSERT_EQ(json["predictions"].size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    const Json& one = json["predictions"][i];
    EXPECT_EQ(one["label"], answers[i]);
    EXPECT_EQ(one["class"], std::to_string(answers[i]));
    EXPECT_EQ(one["probabilities"].size(), 4u);
  }
}

TEST_F(PredictTest, ClassesHaveTheNamesOfTheirFileAndMoveNoCursor) {
  Write("classes.json",
        R"({"classes": ["ant\u001b[2J", "ant\u001b[2J", "ant\u001b[2J",
            "ant\u001b[2J"], "fit": "stretch"})");
  ASSERT_EQ(Run({Path("a.png")}), kExitDone) << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("ant"));
  EXPECT_EQ(out_.str().find('\x1b'), std::string::npos);
}

// A picture of another size is made to fit, by the rule that is asked for.
TEST_F(PredictTest, PicturesAreResized) {
  Write("wide.png", EncodePng(Shaded(64, 16, 7)));
  for (const char* fit : {"crop", "stretch"}) {
    EXPECT_EQ(Run({"--fit", fit, Path("wide.png")}), kExitDone) << err_.str();
  }
}

TEST_F(PredictTest, WhatIsBrokenIsNamed) {
  struct Damage {
    const char* file;
    std::string bytes;
    const char* said;
  };
  TensorMap endless = weights_;
  endless.at("layers.0.weight").values[0] = INFINITY;
  TensorMap foreign = weights_;
  foreign.erase("layers.0.weight");
  const std::string weights = Read("weights.safetensors");
  const Damage damages[] = {
      {"architecture.json", "", "architecture.json"},
      {"architecture.json", "[]", "not a JSON object"},
      {"weights.safetensors", "", "weights.safetensors"},
      {"weights.safetensors", weights.substr(0, weights.size() - 1),
       "weights.safetensors"},
      {"weights.safetensors", std::string(8, '\xff'), "weights.safetensors"},
      {"weights.safetensors", SerializeSafetensors(endless),
       "weights.safetensors"},
      {"weights.safetensors", SerializeSafetensors(foreign),
       "weights.safetensors"},
      {"classes.json", "{", "classes.json"},
      {"classes.json", R"({"classes": ["a"]})", "4 names"},
      {"classes.json", R"({"classes": [1, 2, 3, 4]})", "no text"},
      {"classes.json",
       R"({"classes": )" + std::string(500'000, '[') +
           std::string(500'000, ']') + "}",
       "4 names"},
      {"classes.json", R"({"classes": ["a", "b", "c", "d"], "fit": 1})", "fit"},
      {"classes.json",
       R"({"classes": ["a", "b", "c", "d"], "background": [1, 2, 999]})",
       "background"},
      {"a.png", "GIF89a", "a.png"},
  };
  for (const Damage& damage : damages) {
    const bool was_there = std::filesystem::exists(Path(damage.file));
    const std::string before = was_there ? Read(damage.file) : "";
    Write(damage.file, damage.bytes);
    EXPECT_EQ(Run({Path("a.png")}), kExitBadInput) << damage.said;
    EXPECT_THAT(err_.str(), HasSubstr(damage.said));
    EXPECT_THAT(err_.str(), HasSubstr(damage.file));
    std::filesystem::remove(Path(damage.file));
    if (was_there) Write(damage.file, before);
  }
  EXPECT_EQ(Run({Path("none.png")}), kExitBadInput);
  EXPECT_THAT(err_.str(), HasSubstr("none.png"));
}

}  // namespace
}  // namespace archpool
