// SPDX-License-Identifier: Apache-2.0
#include "common/export/architecture_json.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/nas/network_constants.h"

namespace archpool {
namespace {

using Json = nlohmann::ordered_json;

Json ShapeJson(const TensorShape& shape) {
  return Json::array({shape.channels, shape.height, shape.width});
}

Json LayersJson(const LayerPlan& plan) {
  Json layers = Json::array();
  for (size_t i = 0; i < plan.layers.size(); ++i) {
    const Layer& layer = plan.layers[i];
    Json json = {
        {"index", i}, {"kind", ToString(layer.kind)}, {"input", layer.input}};
    if (layer.kind == LayerKind::kAdd) {
      json["second_input"] = layer.second_input;
    }
    // What a layer without tensors names is not in the file.
    json["tensors"] = absl::StrCat("layers.", i);
    json["kernel"] = layer.kernel;
    json["padding"] = PaddingOfLayer(layer);
    json["stride"] = layer.stride;
    json["groups"] = layer.groups;
    json["input_shape"] = ShapeJson(layer.input_shape);
    json["output_shape"] = ShapeJson(layer.output_shape);
    json["parameters"] = layer.parameters;
    json["macs"] = layer.macs;
    layers.push_back(std::move(json));
  }
  return layers;
}

}  // namespace

Json NetworkJson(const ExportedNetwork& network) {
  const LayerPlan& plan = network.plan;
  Json json = {{"format", "archpool/architecture"},
               {"format_version", kArchitectureFormatVersion},
               {"architecture_id", ArchitectureIdOf(plan).ToString()},
               {"dataset_id", network.dataset_id.ToString()}};
  json["input_shape"] = ShapeJson(plan.input_shape);
  json["classes"] = plan.classes;
  json["input_mean"] = network.Mean();
  json["input_deviation"] = network.Deviation();
  // With these, the layers and the weights, any program computes the same.
  json["input_scale"] = "pixels / 255, less input_mean, over input_deviation";
  json["batch_norm_epsilon"] = kBatchNormEpsilon;
  json["average_pools_count_padding"] = false;
  json["parameters"] = plan.parameters;
  json["macs"] = plan.macs;
  json["layers"] = LayersJson(plan);
  return json;
}

}  // namespace archpool
