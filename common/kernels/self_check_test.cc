// SPDX-License-Identifier: Apache-2.0
#include "common/kernels/self_check.h"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/counter_rng.h"
#include "common/base/hex.h"
#include "common/crypto/sha256.h"
#include "common/data/safetensors.h"
#include "common/kernels/inner/test_vectors.h"
#include "common/kernels/reference_network.h"
#include "common/kernels/weights.h"
#include "common/model/arithmetic.h"
#include "common/nas/layer_plan.h"
#include "gtest/gtest.h"

namespace archpool::kernels {
namespace {

TEST(SelfCheckTest, EveryMachineAgrees) {
  for (const Simd simd : SimdsHere()) {
    for (const int threads : {1, 3}) {
      // One number at a time takes long, and threads are the same to it.
      if (simd == Simd::kScalar && threads > 1) continue;
      for (const TestVector& vector : ComputeTestVectors({simd, threads})) {
        EXPECT_TRUE(vector.agrees())
            << vector.name << " is " << vector.digest << " under "
            << ToString(simd) << " with " << threads << " threads";
      }
    }
  }
}

// The page's text again, by loops that share nothing with the kernels.
class VectorByReference {
 public:
  explicit VectorByReference(const VectorNetwork& of)
      : of_(of), rng_(of.key, 0) {
    plan_.input_shape = of.input;
    plan_.layers = of.layers;
    plan_.classes = of.layers.back().output_shape.channels;
  }

  std::string Digest() {
    TensorMap weights = DrawWeights();
    reference::ReferenceNetwork network(plan_, weights);
    for (int step = 0; step < of_.steps; ++step) {
      const std::vector<float> images = DrawImages();
      std::vector<uint8_t> labels(static_cast<size_t>(of_.batch));
      for (uint8_t& label : labels) {
        label = static_cast<uint8_t>(
            rng_.Below(static_cast<uint32_t>(plan_.classes)));
      }
      // Of the weights that the step begins with; it moves nothing.
      reference::ReferenceNetwork before(plan_, network.weights());
      Add(before.Forward(images, of_.batch));
      EXPECT_TRUE(network.Step(images, labels, {0.05f, 0.9f, 0.001f}, 0.125));
    }
    ForEachTrained([&](const std::string& name) {
      Add(network.weights().at(name).values);
    });
    for (size_t i = 0; i < plan_.layers.size(); ++i) {
      if (plan_.layers[i].kind != LayerKind::kBatchNorm) continue;
      for (const char* tensor : {"running_mean", "running_var"}) {
        Add(network.weights().at(NameOf(i, tensor)).values);
      }
    }
    Add(network.Evaluate(DrawImages(), of_.batch));
    return ToHex64();
  }

 private:
  static std::string NameOf(size_t layer, const char* tensor) {
    return TensorName(static_cast<int64_t>(layer), tensor);
  }
  template <typename Visit>
  void ForEachTrained(const Visit& visit) const {
    for (size_t i = 0; i < plan_.layers.size(); ++i) {
      const LayerKind kind = plan_.layers[i].kind;
      if (kind == LayerKind::kConv || kind == LayerKind::kLinear) {
        visit(NameOf(i, "weight"));
      }
    }
    for (size_t i = 0; i < plan_.layers.size(); ++i) {
      const LayerKind kind = plan_.layers[i].kind;
      if (kind == LayerKind::kBatchNorm) visit(NameOf(i, "weight"));
      if (kind == LayerKind::kBatchNorm || kind == LayerKind::kLinear) {
        visit(NameOf(i, "bias"));
      }
    }
  }
  float DrawValue() {
    const float value = static_cast<float>(rng_.Next() >> 8) * 0x1p-23f - 1.0f;
    return rng_.Below(8) == 0 ? 0.0f : value;
  }
  TensorMap DrawWeights() {
    TensorMap weights;
    for (const auto& [name, shape] : TensorShapes(plan_)) {
      int64_t count = 1;
      for (const int64_t size : shape) count *= size;
      const float start = absl::EndsWith(name, "running_var") ? 1.0f : 0.0f;
      weights[name] = {shape,
                       std::vector<float>(static_cast<size_t>(count), start)};
    }
    ForEachTrained([&](const std::string& name) {
      for (float& value : weights[name].values) value = DrawValue();
    });
    return weights;
  }
  std::vector<float> DrawImages() {
    std::vector<float> images(
        static_cast<size_t>(of_.batch * of_.input.elements()));
    for (float& value : images) value = DrawValue();
    return images;
  }
  void Add(const std::vector<float>& values) {
    for (const float value : values) {
      const auto bits = std::bit_cast<uint32_t>(value);
      for (int byte = 0; byte < 4; ++byte) {
        hash_ = (hash_ ^ (bits >> (8 * byte) & 0xff)) * 0x100000001b3;
      }
    }
  }
  std::string ToHex64() const {
    return absl::StrCat(absl::Hex(hash_, absl::kZeroPad16));
  }

  const VectorNetwork of_;
  CounterRng rng_;
  LayerPlan plan_;
  uint64_t hash_ = 0xcbf29ce484222325;
};

TEST(SelfCheckTest, ThePageAndTheKernelsComeToTheSame) {
  const std::vector<VectorNetwork> networks = VectorNetworks();
  const std::vector<TestVector> vectors = ComputeTestVectors({});
  ASSERT_EQ(networks.size(), vectors.size());
  for (size_t i = 0; i < networks.size(); ++i) {
    EXPECT_EQ(VectorByReference(networks[i]).Digest(), vectors[i].expected)
        << networks[i].name;
  }
}

// Tests run in the root of the repository.
TEST(SelfCheckTest, ThePageHasTheSameVectors) {
  std::ifstream page("docs/arithmetic.md");
  std::vector<std::string> rows;
  bool is_there = false;
  for (std::string line; std::getline(page, line);) {
    if (absl::StartsWith(line, "## ")) is_there = line == "## Test vectors";
    if (is_there && absl::EndsWith(line, "` |")) rows.push_back(line);
  }
  const std::vector<TestVector> vectors = ComputeTestVectors({});
  ASSERT_EQ(rows.size(), vectors.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_TRUE(absl::StartsWith(
        rows[i], absl::StrCat("| ", i + 1, " | ", vectors[i].name, " | ")))
        << rows[i];
    EXPECT_TRUE(absl::EndsWith(
        rows[i], absl::StrCat(" | `", vectors[i].expected, "` |")))
        << rows[i];
  }
}

// The name changes where a test vector does: programs of one name agree.
TEST(SelfCheckTest, TheArithmeticIsNamedByItsVectors) {
  std::string lines;
  for (const TestVector& vector : ComputeTestVectors({})) {
    absl::StrAppend(&lines, vector.expected, " ", vector.name, "\n");
  }
  EXPECT_EQ(kArithmetic, absl::StrCat("fp32-fma/1/",
                                      ToHex(Sha256(lines).bytes).substr(0, 8)));
}

}  // namespace
}  // namespace archpool::kernels
