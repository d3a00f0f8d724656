// SPDX-License-Identifier: Apache-2.0
#include "common/export/architecture_json.h"

#include <functional>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/counter_rng.h"
#include "common/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/plan_builder.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

// Every kind of layer.
LayerPlan WholePlan() {
  testing::PlanBuilder builder({3, 9, 8}, 4);
  const int stem = builder.Block(6, 3, 1, LayerKind::kHardswish);
  builder.Block(6, 3, 1, LayerKind::kSilu, /*groups=*/6);
  builder.Add(stem);
  builder.Pool(LayerKind::kMaxPool, 3, 2);
  builder.Pool(LayerKind::kAvgPool, 3, 1);
  builder.Block(8, 1, 1);
  builder.GlobalAvgPool();
  builder.Linear();
  return builder.plan();
}

ExportedNetwork Sample() {
  return {.plan = WholePlan(),
          .dataset_id = Sha256("dataset"),
          .mean_ppm = 286'041,
          .deviation_ppm = 353'024};
}

absl::StatusOr<ExportedNetwork> Parse(const Json& json) {
  return ParseArchitecture("a.json", json.dump());
}

TEST(ArchitectureJsonTest, WhatIsWrittenIsReadAgain) {
  const ExportedNetwork network = Sample();
  const Json json = NetworkJson(network);
  EXPECT_EQ(json["format"], "archpool/architecture");
  EXPECT_EQ(json["format_version"], 1);
  EXPECT_EQ(json["architecture_id"], ArchitectureIdOf(network.plan).ToString());
  const auto read = Parse(json);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->plan, network.plan);
  EXPECT_EQ(read->dataset_id, network.dataset_id);
  EXPECT_EQ(read->mean_ppm, network.mean_ppm);
  EXPECT_EQ(read->deviation_ppm, network.deviation_ppm);
}

// Each is one lie in an otherwise whole file.
TEST(ArchitectureJsonTest, ALieIsSaidWithItsFileAndItsPlace) {
  struct Lie {
    const char* said;
    std::function<void(Json&)> tell;
  };
  const Lie lies[] = {
      {"format is not", [](Json& j) { j["format"] = "other"; }},
      {"update archpool", [](Json& j) { j["format_version"] = 2; }},
      {"format_version", [](Json& j) { j["format_version"] = 1.5; }},
      {"classes", [](Json& j) { j["classes"] = 1; }},
      {"classes", [](Json& j) { j["classes"] = UINT64_MAX; }},
      {"classes", [](Json& j) { j["classes"] = INT64_MIN; }},
      {"input_shape",
       [](Json& j) {
         j["input_shape"] = {3, 9};
       }},
      {"input_shape",
       [](Json& j) {
         j["input_shape"] = {65, 9, 8};
       }},
      {"input_shape",
       [](Json& j) {
         j["input_shape"] = {3, 1 << 30, 8};
       }},
      {"input_mean", [](Json& j) { j["input_mean"] = "0"; }},
      {"input_deviation", [](Json& j) { j["input_deviation"] = 0; }},
      {"batch_norm_epsilon", [](Json& j) { j["batch_norm_epsilon"] = 1e-3; }},
      {"average pools",
       [](Json& j) { j["average_pools_count_padding"] = true; }},
      {"dataset_id", [](Json& j) { j["dataset_id"] = "ff"; }},
      {"architecture_id",
       [](Json& j) { j["architecture_id"] = std::string(64, '0'); }},
      {"layers is not", [](Json& j) { j.erase("layers"); }},
      {"layers is not", [](Json& j) { j["layers"] = Json::array(); }},
      {"layers[1]", [](Json& j) { j["layers"][1] = 7; }},
      {"layers[0].kind", [](Json& j) { j["layers"][0]["kind"] = "eval"; }},
      {"layers[0].input", [](Json& j) { j["layers"][0]["input"] = 0; }},
      {"layers[0].kernel", [](Json& j) { j["layers"][0]["kernel"] = 4; }},
      {"layers[0].kernel", [](Json& j) { j["layers"][0]["kernel"] = 13; }},
      {"layers[0].stride", [](Json& j) { j["layers"][0]["stride"] = 0; }},
      {"layers[0].groups", [](Json& j) { j["layers"][0]["groups"] = 2; }},
      {"channels",
       [](Json& j) { j["layers"][0]["output_shape"][0] = 1 << 30; }},
      {"layers[1].output_shape",
       [](Json& j) { j["layers"][1]["output_shape"][1] = 8; }},
      {"layers[6].second_input",
       [](Json& j) { j["layers"][6]["second_input"] = 6; }},
      {"nothing reads layers[6]", [](Json& j) { j["layers"][7]["input"] = 2; }},
      {"the last layer", [](Json& j) { j["layers"].erase(13); }},
  };
  for (const Lie& lie : lies) {
    Json json = NetworkJson(Sample());
    lie.tell(json);
    const auto read = Parse(json);
    ASSERT_FALSE(read.ok()) << lie.said;
    EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(read.status().message()), HasSubstr("a.json: "));
    EXPECT_THAT(std::string(read.status().message()), HasSubstr(lie.said));
  }
}

TEST(ArchitectureJsonTest, ANetworkThatIsTooLargeIsRefused) {
  Json json = NetworkJson(Sample());
  Json& layers = json["layers"];
  const Json conv = layers[0];
  for (int i = 0; i < 1'000; ++i) layers.push_back(conv);
  const auto read = Parse(json);
  ASSERT_FALSE(read.ok());
  EXPECT_THAT(std::string(read.status().message()), HasSubstr("1 to 1000"));
}

// Lists within lists take memory, which is bounded, and no stack.
TEST(ArchitectureJsonTest, NestingWithoutEndIsRefused) {
  constexpr size_t kDepth = 2'000'000;
  const std::string nest =
      std::string(kDepth, '[') + std::string(kDepth, ']') + "}";
  for (const char* key : {"layers", "average_pools_count_padding"}) {
    Json json = NetworkJson(Sample());
    json.erase(key);
    std::string text = json.dump();
    text.pop_back();
    absl::StrAppend(&text, ",\"", key, "\":", nest);
    const auto read = ParseArchitecture("a.json", text);
    EXPECT_EQ(GetReason(read.status()), "RESULT_FILE_MALFORMED") << key;
  }
}

// Whatever a disk or a stranger makes of a file, it is an answer and no crash.
TEST(ArchitectureJsonTest, DamageIsNeverFatal) {
  const std::string whole = NetworkJson(Sample()).dump();
  for (size_t size = 0; size < whole.size(); size += 7) {
    EXPECT_FALSE(ParseArchitecture("a.json", whole.substr(0, size)).ok());
  }
  CounterRng rng(1, 0);
  for (int round = 0; round < 2'000; ++round) {
    std::string damaged = whole;
    damaged[rng.Below(static_cast<uint32_t>(damaged.size()))] =
        static_cast<char>(rng.Below(256));
    const auto read = ParseArchitecture("a.json", damaged);
    if (read.ok()) {
      EXPECT_EQ(ArchitectureIdOf(read->plan), ArchitectureIdOf(WholePlan()));
    }
  }
  EXPECT_FALSE(ParseArchitecture("a.json", std::string(100'000, '[')).ok());
}

}  // namespace
}  // namespace archpool
