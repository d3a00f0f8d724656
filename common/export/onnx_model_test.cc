// SPDX-License-Identifier: Apache-2.0
// What other programs make of the file is tested with them
// (tests/integration/result_runtimes_test.py).
#include "common/export/onnx_model.h"

#include <cstring>
#include <set>
#include <string>

#include "archpool/onnx/v1/model.pb.h"
#include "common/base/status.h"
#include "common/kernels/weights.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/plan_builder.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;

ExportedNetwork Sample() {
  testing::PlanBuilder builder({3, 8, 6}, 5);
  const int stem = builder.Block(4, 3, 1, LayerKind::kHardswish);
  builder.Block(4, 3, 1, LayerKind::kSilu, /*groups=*/4);
  builder.Add(stem);
  builder.Pool(LayerKind::kMaxPool, 3, 2);
  builder.Pool(LayerKind::kAvgPool, 3, 1);
  builder.GlobalAvgPool();
  builder.Linear();
  return {.plan = builder.plan(),
          .dataset_id = Sha256("dataset"),
          .mean_ppm = 250'000,
          .deviation_ppm = 500'000};
}

onnx::v1::Model ModelOf(const ExportedNetwork& network) {
  const absl::StatusOr<std::string> bytes =
      OnnxModel(network, kernels::InitialWeights(network.plan, 1));
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  onnx::v1::Model model;
  EXPECT_TRUE(model.ParseFromString(bytes.value_or("")));
  return model;
}

float OnlyFloat(const onnx::v1::Tensor& tensor) {
  float value = 0;
  EXPECT_EQ(tensor.raw_data().size(), sizeof(value));
  std::memcpy(&value, tensor.raw_data().data(), sizeof(value));
  return value;
}

TEST(OnnxModelTest, SaysWhatItIsAndWhatItTakes) {
  const onnx::v1::Model model = ModelOf(Sample());
  EXPECT_EQ(model.ir_version(), 7);
  ASSERT_EQ(model.opset_import_size(), 1);
  EXPECT_EQ(model.opset_import(0).version(), kOnnxOpset);
  ASSERT_EQ(model.graph().input_size(), 1);
  const auto& shape = model.graph().input(0).type().tensor_type().shape();
  EXPECT_EQ(shape.dim(0).dim_param(), "batch");
  EXPECT_EQ(shape.dim(1).dim_value(), 3);
  EXPECT_EQ(shape.dim(2).dim_value(), 8);
  EXPECT_EQ(shape.dim(3).dim_value(), 6);
  EXPECT_EQ(
      model.graph().output(0).type().tensor_type().shape().dim(1).dim_value(),
      5);
  EXPECT_EQ(OnlyFloat(model.graph().initializer(0)), 63.75f);
  EXPECT_FLOAT_EQ(OnlyFloat(model.graph().initializer(1)), 1 / 127.5f);
}

// Every name that is read was made before, and none twice.
TEST(OnnxModelTest, NodesComeInAnOrderInWhichTheyCanBeComputed) {
  const onnx::v1::Model model = ModelOf(Sample());
  std::set<std::string> known = {"images"};
  for (const auto& tensor : model.graph().initializer()) {
    EXPECT_TRUE(known.insert(tensor.name()).second) << tensor.name();
    int64_t elements = 1;
    for (const int64_t side : tensor.dims()) elements *= side;
    EXPECT_EQ(tensor.raw_data().size(),
              static_cast<size_t>(elements) * sizeof(float));
  }
  std::set<std::string> operators;
  for (const auto& node : model.graph().node()) {
    operators.insert(node.op_type());
    for (const std::string& input : node.input()) {
      EXPECT_TRUE(known.contains(input)) << input;
    }
    for (const std::string& output : node.output()) {
      EXPECT_TRUE(known.insert(output).second) << output;
    }
  }
  EXPECT_TRUE(known.contains("scores"));
  EXPECT_EQ(operators,
            (std::set<std::string>{"Sub", "Mul", "Conv", "BatchNormalization",
                                   "HardSigmoid", "Sigmoid", "Add", "MaxPool",
                                   "AveragePool", "GlobalAveragePool",
                                   "Flatten", "Gemm"}));
}

TEST(OnnxModelTest, EqualNetworksMakeEqualFiles) {
  const ExportedNetwork network = Sample();
  const TensorMap weights = kernels::InitialWeights(network.plan, 1);
  EXPECT_EQ(OnnxModel(network, weights).value(),
            OnnxModel(network, weights).value());
}

TEST(OnnxModelTest, WeightsOfAnotherNetworkAreNamed) {
  const ExportedNetwork network = Sample();
  TensorMap weights = kernels::InitialWeights(network.plan, 1);
  weights["layers.0.weight"].values.pop_back();
  const auto cut = OnnxModel(network, weights);
  EXPECT_EQ(GetReason(cut.status()), "WEIGHTS_MISMATCH");
  EXPECT_THAT(std::string(cut.status().message()),
              HasSubstr("layers.0.weight"));
  weights = kernels::InitialWeights(network.plan, 1);
  weights.erase("layers.1.running_var");
  EXPECT_EQ(GetReason(OnnxModel(network, weights).status()),
            "WEIGHTS_MISMATCH");
}

}  // namespace
}  // namespace archpool
