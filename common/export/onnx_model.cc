// SPDX-License-Identifier: Apache-2.0
#include "common/export/onnx_model.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "archpool/onnx/v1/model.pb.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/nas/network_constants.h"

namespace archpool {
namespace {

namespace format = onnx::v1;

constexpr int64_t kIrVersion = 7;  // of operator set 13's time
constexpr int32_t kFloat32 = 1;
constexpr char kInput[] = "images";
constexpr char kOutput[] = "scores";

void AddFloats(absl::Span<const int64_t> shape, absl::string_view name,
               absl::Span<const float> values, format::Graph& graph) {
  format::Tensor& tensor = *graph.add_initializer();
  for (const int64_t side : shape) tensor.add_dims(side);
  tensor.set_data_type(kFloat32);
  tensor.set_name(std::string(name));
  // Little-endian, as this program's machines are (common/data/safetensors.h).
  tensor.set_raw_data(values.data(), values.size() * sizeof(float));
}

void SetInt(absl::string_view name, int64_t value, format::Node& node) {
  format::Attribute& attribute = *node.add_attribute();
  attribute.set_name(std::string(name));
  attribute.set_type(format::Attribute::TYPE_INT);
  attribute.set_i(value);
}

void SetFloat(absl::string_view name, double value, format::Node& node) {
  format::Attribute& attribute = *node.add_attribute();
  attribute.set_name(std::string(name));
  attribute.set_type(format::Attribute::TYPE_FLOAT);
  attribute.set_f(static_cast<float>(value));
}

void SetInts(absl::string_view name, absl::Span<const int64_t> values,
             format::Node& node) {
  format::Attribute& attribute = *node.add_attribute();
  attribute.set_name(std::string(name));
  attribute.set_type(format::Attribute::TYPE_INTS);
  for (const int64_t value : values) attribute.add_ints(value);
}

// Batches may have any size.
void Describe(const char* name, absl::Span<const int64_t> shape,
              format::ValueInfo& info) {
  info.set_name(name);
  format::TensorType& type = *info.mutable_type()->mutable_tensor_type();
  type.set_elem_type(kFloat32);
  type.mutable_shape()->add_dim()->set_dim_param("batch");
  for (const int64_t side : shape) {
    type.mutable_shape()->add_dim()->set_dim_value(side);
  }
}

// Writes nodes one after another.
class Writer {
 public:
  Writer(const ExportedNetwork& network, const TensorMap& weights,
         format::Graph& graph)
      : network_(network), weights_(weights), graph_(graph) {}

  absl::Status Write() {
    WriteScaling();
    const std::vector<Layer>& layers = network_.plan.layers;
    for (size_t i = 0; i < layers.size(); ++i) {
      ARCHPOOL_RETURN_IF_ERROR(WriteLayer(static_cast<int>(i), layers[i]));
    }
    return absl::OkStatus();
  }

 private:
  // (x - 255 mean) / (255 deviation), as one factor.
  void WriteScaling() {
    const auto mean = static_cast<float>(255 * network_.Mean());
    const auto factor = static_cast<float>(1 / (255 * network_.Deviation()));
    AddFloats({1, 1, 1, 1}, "input_mean", {&mean, 1}, graph_);
    AddFloats({1, 1, 1, 1}, "input_factor", {&factor, 1}, graph_);
    Add("Sub", "centred", {kInput, "input_mean"});
    Add("Mul", "scaled", {"centred", "input_factor"});
  }

  // What layer `index` makes.
  std::string OutputOf(int index) const {
    if (index < 0) return "scaled";
    const bool is_last = index + 1 == std::ssize(network_.plan.layers);
    return is_last ? kOutput : absl::StrCat("layer_", index);
  }

  // A node of one output, which it is named after.
  format::Node& Add(absl::string_view type, absl::string_view output,
                    std::vector<std::string> inputs) {
    format::Node& node = *graph_.add_node();
    node.set_op_type(std::string(type));
    node.set_name(absl::StrCat("make_", output));
    node.add_output(std::string(output));
    for (std::string& input : inputs) node.add_input(std::move(input));
    return node;
  }

  // Puts a layer's tensor in, and answers its name.
  absl::StatusOr<std::string> Weights(int index, const char* tensor,
                                      absl::Span<const int64_t> shape) {
    std::string name = absl::StrCat("layers.", index, ".", tensor);
    const auto it = weights_.find(name);
    int64_t elements = 1;
    for (const int64_t side : shape) elements *= side;
    if (it == weights_.end() || std::ssize(it->second.values) != elements) {
      return InvalidArgument(
          "WEIGHTS_MISMATCH",
          absl::StrCat("the weights have no tensor ", name, " of ", elements,
                       " numbers; they are of another network"));
    }
    AddFloats(shape, name, it->second.values, graph_);
    return name;
  }

  static void SetWindow(const Layer& layer, format::Node& node) {
    const int64_t padding = PaddingOfLayer(layer);
    SetInts("kernel_shape", {layer.kernel, layer.kernel}, node);
    SetInts("strides", {layer.stride, layer.stride}, node);
    SetInts("pads", {padding, padding, padding, padding}, node);
  }

  absl::Status WriteConv(int index, const Layer& layer) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        std::string weight, Weights(index, "weight",
                                    {layer.output_shape.channels,
                                     layer.input_shape.channels / layer.groups,
                                     layer.kernel, layer.kernel}));
    format::Node& node = Add("Conv", OutputOf(index),
                             {OutputOf(layer.input), std::move(weight)});
    SetWindow(layer, node);
    SetInt("group", layer.groups, node);
    return absl::OkStatus();
  }

  absl::Status WriteNorm(int index, const Layer& layer) {
    std::vector<std::string> inputs = {OutputOf(layer.input)};
    for (const char* tensor :
         {"weight", "bias", "running_mean", "running_var"}) {
      ARCHPOOL_ASSIGN_OR_RETURN(
          inputs.emplace_back(),
          Weights(index, tensor, {layer.output_shape.channels}));
    }
    SetFloat("epsilon", kBatchNormEpsilon,
             Add("BatchNormalization", OutputOf(index), std::move(inputs)));
    return absl::OkStatus();
  }

  absl::Status WriteLinear(int index, const Layer& layer) {
    const int64_t inputs = layer.input_shape.elements();
    const int64_t outputs = layer.output_shape.channels;
    ARCHPOOL_ASSIGN_OR_RETURN(std::string weight,
                              Weights(index, "weight", {outputs, inputs}));
    ARCHPOOL_ASSIGN_OR_RETURN(std::string bias,
                              Weights(index, "bias", {outputs}));
    const std::string flat = absl::StrCat("flat_", index);
    SetInt("axis", 1, Add("Flatten", flat, {OutputOf(layer.input)}));
    SetInt("transB", 1,
           Add("Gemm", OutputOf(index),
               {flat, std::move(weight), std::move(bias)}));
    return absl::OkStatus();
  }

  // x times a gate, which is between 0 and 1.
  format::Node& WriteGated(int index, const Layer& layer, const char* gate) {
    const std::string opened = absl::StrCat("gate_", index);
    const std::string input = OutputOf(layer.input);
    format::Node& node = Add(gate, opened, {input});
    Add("Mul", OutputOf(index), {input, opened});
    return node;
  }

  absl::Status WriteLayer(int index, const Layer& layer) {
    const std::string input = OutputOf(layer.input);
    const std::string output = OutputOf(index);
    switch (layer.kind) {
      case LayerKind::kConv:
        return WriteConv(index, layer);
      case LayerKind::kBatchNorm:
        return WriteNorm(index, layer);
      case LayerKind::kLinear:
        return WriteLinear(index, layer);
      case LayerKind::kRelu:
        Add("Relu", output, {input});
        return absl::OkStatus();
      case LayerKind::kHardswish: {
        // HardSwish is an operator of its own from operator set 14 on.
        format::Node& gate = WriteGated(index, layer, "HardSigmoid");
        SetFloat("alpha", 1.0 / 6, gate);
        SetFloat("beta", 0.5, gate);
        return absl::OkStatus();
      }
      case LayerKind::kSilu:
        WriteGated(index, layer, "Sigmoid");
        return absl::OkStatus();
      case LayerKind::kMaxPool:
        SetWindow(layer, Add("MaxPool", output, {input}));
        return absl::OkStatus();
      case LayerKind::kAvgPool:
        // Without count_include_pad, padding does not count.
        SetWindow(layer, Add("AveragePool", output, {input}));
        return absl::OkStatus();
      case LayerKind::kAdd:
        Add("Add", output, {input, OutputOf(layer.second_input)});
        return absl::OkStatus();
      case LayerKind::kGlobalAvgPool:
        Add("GlobalAveragePool", output, {input});
        return absl::OkStatus();
    }
    ARCHPOOL_CHECK(false);
  }

  const ExportedNetwork& network_;
  const TensorMap& weights_;
  format::Graph& graph_;
};

void AddProperty(const char* key, const std::string& value,
                 format::Model& model) {
  format::Property& property = *model.add_metadata_props();
  property.set_key(key);
  property.set_value(value);
}

}  // namespace

absl::StatusOr<std::string> OnnxModel(const ExportedNetwork& network,
                                      const TensorMap& weights) {
  const LayerPlan& plan = network.plan;
  format::Model model;
  model.set_ir_version(kIrVersion);
  model.set_producer_name("archpool");
  model.set_doc_string(
      "images: pixels from 0 to 255, not scaled. scores: the largest is the "
      "answer.");
  model.add_opset_import()->set_version(kOnnxOpset);
  AddProperty("architecture_id", ArchitectureIdOf(plan).ToString(), model);
  AddProperty("dataset_id", network.dataset_id.ToString(), model);
  format::Graph& graph = *model.mutable_graph();
  graph.set_name("network");
  const TensorShape& shape = plan.input_shape;
  Describe(kInput, {shape.channels, shape.height, shape.width},
           *graph.add_input());
  Describe(kOutput, {plan.classes}, *graph.add_output());
  ARCHPOOL_RETURN_IF_ERROR(Writer(network, weights, graph).Write());
  std::string bytes;
  ARCHPOOL_CHECK(model.SerializeToString(&bytes));
  return bytes;
}

}  // namespace archpool
