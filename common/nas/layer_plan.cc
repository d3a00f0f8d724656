// SPDX-License-Identifier: Apache-2.0
#include "common/nas/layer_plan.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/check.h"
#include "common/crypto/canonical.h"

namespace archpool {
namespace {

std::string ShapeText(const TensorShape& shape) {
  return absl::StrCat(shape.channels, "x", shape.height, "x", shape.width);
}

std::string InputText(const Layer& layer) {
  const auto name = [](int index) {
    return index < 0 ? std::string("image") : absl::StrCat(index);
  };
  return layer.kind == LayerKind::kAdd
             ? absl::StrCat(name(layer.input), "+", name(layer.second_input))
             : name(layer.input);
}

}  // namespace

std::string DescribePlan(const LayerPlan& plan) {
  std::string text =
      absl::StrFormat("%5s  %-15s %9s %6s %6s %6s  %-14s %-14s %11s %14s\n",
                      "layer", "kind", "reads", "kernel", "stride", "groups",
                      "input", "output", "parameters", "macs");
  for (size_t i = 0; i < plan.layers.size(); ++i) {
    const Layer& layer = plan.layers[i];
    absl::StrAppendFormat(
        &text, "%5d  %-15s %9s %6d %6d %6d  %-14s %-14s %11d %14d\n", i,
        ToString(layer.kind), InputText(layer), layer.kernel, layer.stride,
        layer.groups, ShapeText(layer.input_shape),
        ShapeText(layer.output_shape), layer.parameters, layer.macs);
  }
  absl::StrAppendFormat(&text,
                        "image %s, %d classes: %d parameters, "
                        "%d multiply-accumulates\n",
                        ShapeText(plan.input_shape), plan.classes,
                        plan.parameters, plan.macs);
  return text;
}

// The shapes in between follow from the input's and from these fields.
Digest ArchitectureIdOf(const LayerPlan& plan) {
  CanonicalWriter writer("archpool/architecture/v1");
  writer.Int(plan.input_shape.channels)
      .Int(plan.input_shape.height)
      .Int(plan.input_shape.width);
  writer.Int(plan.classes);
  writer.Int(static_cast<int64_t>(plan.layers.size()));
  for (const Layer& layer : plan.layers) {
    writer.Bytes(ToString(layer.kind)).Int(layer.input);
    // What a kind does not read is left out: an id costs what it hashes.
    switch (layer.kind) {
      case LayerKind::kConv:
        writer.Int(layer.groups).Int(layer.output_shape.channels);
        [[fallthrough]];
      case LayerKind::kMaxPool:
      case LayerKind::kAvgPool:
        writer.Int(layer.kernel).Int(layer.stride);
        break;
      case LayerKind::kAdd:
        writer.Int(layer.second_input);
        break;
      default:
        break;
    }
  }
  return writer.Hash();
}

}  // namespace archpool
