// SPDX-License-Identifier: Apache-2.0
// ParseArchitecture: from a stranger's JSON to a plan that can be computed.
#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/range.h"
#include "common/base/status.h"
#include "common/base/words.h"
#include "common/export/architecture_json.h"
#include "common/model/limits.h"
#include "common/nas/network_constants.h"
#include "common/nas/template_limits.h"

namespace archpool {
namespace {

using Json = nlohmann::ordered_json;

// A number at or below it times another still fits 64 bits.
constexpr int64_t kNumberMax = int64_t{1} << 31;

absl::Status Malformed(absl::string_view name, absl::string_view what) {
  return InvalidArgument(
      "RESULT_FILE_MALFORMED",
      absl::StrCat(name, ": ", what,
                   "; it should be the architecture.json that `archpool task "
                   "result` or `archpool search` wrote: fetch the result "
                   "again"));
}

// One object of the file, whose keys are read one by one.
class Reader {
 public:
  Reader(absl::string_view name, std::string path, const Json& object)
      : name_(name), path_(std::move(path)), object_(object) {}

  absl::Status Error(absl::string_view what) const {
    return Malformed(name_, absl::StrCat(path_, what));
  }

  absl::StatusOr<int64_t> Number(const char* key, int64_t min,
                                 int64_t max) const {
    const auto it = object_.find(key);
    if (it == object_.end() || !it->is_number_integer()) {
      return Error(absl::StrCat(key, " is not a whole number"));
    }
    return Within(key, *it, min, max);
  }

  absl::StatusOr<std::string> Text(const char* key) const {
    const auto it = object_.find(key);
    if (it == object_.end() || !it->is_string()) {
      return Error(absl::StrCat(key, " is not a text"));
    }
    return it->get<std::string>();
  }

  absl::StatusOr<Digest> ReadDigest(const char* key) const {
    ARCHPOOL_ASSIGN_OR_RETURN(const std::string text, Text(key));
    const absl::StatusOr<Digest> digest = Digest::Parse(text);
    if (!digest.ok()) {
      return Error(absl::StrCat(key, " is not 64 hexadecimal digits"));
    }
    return *digest;
  }

  absl::StatusOr<double> Fraction(const char* key, double min,
                                  double max) const {
    const auto it = object_.find(key);
    if (it == object_.end() || !it->is_number()) {
      return Error(absl::StrCat(key, " is not a number"));
    }
    const auto value = it->get<double>();
    if (value >= min && value <= max) return value;
    return Error(absl::StrCat(key, " is not from ", min, " to ", max));
  }

  absl::StatusOr<TensorShape> Shape(const char* key) const {
    const auto it = object_.find(key);
    if (it == object_.end() || !it->is_array() || it->size() != 3) {
      return Error(absl::StrCat(key, " is not [channels, height, width]"));
    }
    std::array<int64_t, 3> sides{};
    for (size_t i = 0; i < sides.size(); ++i) {
      if (!(*it)[i].is_number_integer()) {
        return Error(absl::StrCat(key, " is not of whole numbers"));
      }
      ARCHPOOL_ASSIGN_OR_RETURN(sides[i], Within(key, (*it)[i], 1, kNumberMax));
    }
    return TensorShape{
        .channels = sides[0], .height = sides[1], .width = sides[2]};
  }

 private:
  absl::StatusOr<int64_t> Within(const char* key, const Json& number,
                                 int64_t min, int64_t max) const {
    // Unsigned ones beyond int64_t wrap, so they are checked first.
    const bool is_huge = number.is_number_unsigned() &&
                         number.get<uint64_t>() > static_cast<uint64_t>(max);
    const auto value = is_huge ? int64_t{-1} : number.get<int64_t>();
    if (!is_huge && value >= min && value <= max) return value;
    return Error(absl::StrCat(key, " is not from ", min, " to ", max));
  }

  const absl::string_view name_;
  const std::string path_;
  const Json& object_;
};

bool HasWindow(LayerKind kind) {
  return kind == LayerKind::kConv || kind == LayerKind::kMaxPool ||
         kind == LayerKind::kAvgPool;
}

// What the shape of a layer's output must be, and what it has and does.
// REQUIRES: limits::kKernel and kStride hold.
void Complete(int64_t classes, const TensorShape& written, Layer& layer) {
  const TensorShape& in = layer.input_shape;
  TensorShape& out = layer.output_shape;
  out = in;
  if (HasWindow(layer.kind)) {
    const int64_t grown = 2 * PaddingOfLayer(layer) - layer.kernel;
    out.height = (in.height + grown) / layer.stride + 1;
    out.width = (in.width + grown) / layer.stride + 1;
  }
  switch (layer.kind) {
    case LayerKind::kConv:
      out.channels = written.channels;
      layer.parameters = out.channels * (in.channels / layer.groups) *
                         layer.kernel * layer.kernel;
      layer.macs = layer.parameters * out.height * out.width;
      break;
    case LayerKind::kBatchNorm:
      layer.parameters = 2 * in.channels;
      break;
    case LayerKind::kGlobalAvgPool:
      out.height = out.width = 1;
      break;
    case LayerKind::kLinear:
      out = {.channels = classes, .height = 1, .width = 1};
      layer.macs = in.elements() * classes;
      layer.parameters = layer.macs + classes;
      break;
    default:
      break;
  }
}

class PlanReader {
 public:
  PlanReader(absl::string_view name, const TensorShape& input, int64_t classes)
      : name_(name) {
    plan_.input_shape = input;
    plan_.classes = classes;
    activations_ = input.elements();
  }

  absl::StatusOr<LayerPlan> Read(const Json& layers) && {
    if (!layers.is_array() || layers.empty() ||
        std::ssize(layers) > kPlanLayersMax) {
      return Malformed(name_, absl::StrCat("layers is not a list of 1 to ",
                                           kPlanLayersMax, " layers"));
    }
    is_read_.assign(layers.size(), false);
    for (size_t i = 0; i < layers.size(); ++i) {
      const std::string path = absl::StrCat("layers[", i, "].");
      if (!layers[i].is_object()) {
        return Malformed(name_,
                         absl::StrCat("layers[", i, "] is not an object"));
      }
      ARCHPOOL_RETURN_IF_ERROR(ReadLayer(Reader(name_, path, layers[i])));
    }
    // The last one is the answer; what nobody reads would be computed in vain.
    if (plan_.layers.back().kind != LayerKind::kLinear) {
      return Malformed(name_, "the last layer is not of the kind 'linear'");
    }
    const auto unread = std::find(is_read_.begin(), is_read_.end() - 1, false);
    if (unread != is_read_.end() - 1) {
      return Malformed(name_, absl::StrCat("nothing reads layers[",
                                           unread - is_read_.begin(), "]"));
    }
    return std::move(plan_);
  }

 private:
  absl::StatusOr<int> ReadInput(const Reader& reader, const char* key) {
    const auto count = std::ssize(plan_.layers);
    ARCHPOOL_ASSIGN_OR_RETURN(const int64_t input,
                              reader.Number(key, -1, count - 1));
    if (input >= 0) {
      is_read_[static_cast<size_t>(input)] = true;
      if (plan_.layers[static_cast<size_t>(input)].kind == LayerKind::kLinear) {
        return reader.Error(absl::StrCat(key, " is the classifier"));
      }
    }
    return static_cast<int>(input);
  }

  TensorShape OutputOf(int layer) const {
    return layer < 0 ? plan_.input_shape
                     : plan_.layers[static_cast<size_t>(layer)].output_shape;
  }

  absl::Status ReadWindow(const Reader& reader, Layer& layer) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        layer.kernel,
        reader.Number("kernel", limits::kKernel.min, limits::kKernel.max));
    ARCHPOOL_ASSIGN_OR_RETURN(
        layer.stride,
        reader.Number("stride", limits::kStride.min, limits::kStride.max));
    if (layer.kernel % 2 == 0) return reader.Error("kernel is even");
    return absl::OkStatus();
  }

  absl::Status ReadLayer(const Reader& reader) {
    Layer layer;
    ARCHPOOL_ASSIGN_OR_RETURN(const std::string word, reader.Text("kind"));
    const std::optional<LayerKind> kind = FindWord<LayerKind>(word);
    if (!kind) return reader.Error("kind is none of this program's");
    layer.kind = *kind;
    ARCHPOOL_ASSIGN_OR_RETURN(layer.input, ReadInput(reader, "input"));
    layer.input_shape = OutputOf(layer.input);
    if (layer.kind == LayerKind::kAdd) {
      ARCHPOOL_ASSIGN_OR_RETURN(layer.second_input,
                                ReadInput(reader, "second_input"));
      if (OutputOf(layer.second_input) != layer.input_shape) {
        return reader.Error("the inputs differ in shape");
      }
    }
    if (HasWindow(layer.kind)) {
      ARCHPOOL_RETURN_IF_ERROR(ReadWindow(reader, layer));
    }
    ARCHPOOL_ASSIGN_OR_RETURN(const TensorShape written,
                              reader.Shape("output_shape"));
    if (layer.kind == LayerKind::kConv) {
      ARCHPOOL_ASSIGN_OR_RETURN(layer.groups,
                                reader.Number("groups", 1, kNumberMax));
      const bool is_depthwise = layer.groups == layer.input_shape.channels &&
                                layer.groups == written.channels;
      if (layer.groups != 1 && !is_depthwise) {
        return reader.Error("groups is neither 1 nor the channels");
      }
      // So that no product below leaves 64 bits.
      if (written.channels > limits::kWidth.max * limits::kExpansion.max) {
        return reader.Error("output_shape has too many channels");
      }
    }
    Complete(plan_.classes, written, layer);
    if (layer.output_shape != written) {
      return reader.Error(
          "output_shape is not what the layer makes of its input");
    }
    return Append(reader, layer);
  }

  absl::Status Append(const Reader& reader, const Layer& layer) {
    activations_ += layer.output_shape.elements();
    plan_.parameters += layer.parameters;
    plan_.macs += layer.macs;
    if (activations_ > kPlanActivationsMax ||
        plan_.parameters > kPlanParametersMax || plan_.macs > kPlanMacsMax) {
      return reader.Error(
          "with this layer the network is larger than any that is trained");
    }
    plan_.layers.push_back(layer);
    return absl::OkStatus();
  }

  const absl::string_view name_;
  LayerPlan plan_;
  std::vector<bool> is_read_;
  int64_t activations_ = 0;
};

absl::Status CheckFormat(absl::string_view name, const Reader& reader,
                         const Json& json) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string format, reader.Text("format"));
  if (format != "archpool/architecture") {
    return reader.Error("format is not \"archpool/architecture\"");
  }
  ARCHPOOL_ASSIGN_OR_RETURN(const int64_t version,
                            reader.Number("format_version", 1, kNumberMax));
  if (version > kArchitectureFormatVersion) {
    return InvalidArgument(
        "RESULT_FILE_TOO_NEW",
        absl::StrCat(name, ": has format_version ", version,
                     ", and this archpool reads versions up to ",
                     kArchitectureFormatVersion, ": update archpool"));
  }
  // The kernels have these; a file that says otherwise is of other arithmetic.
  ARCHPOOL_ASSIGN_OR_RETURN(const double epsilon,
                            reader.Fraction("batch_norm_epsilon", 0, 1));
  const auto counted = json.find("average_pools_count_padding");
  if (epsilon != kBatchNormEpsilon || counted == json.end() ||
      *counted != Json(false)) {
    return reader.Error(absl::StrCat("batch_norm_epsilon is not ",
                                     kBatchNormEpsilon,
                                     ", or average pools count padding"));
  }
  return absl::OkStatus();
}

int64_t PpmOf(double fraction) { return std::llround(fraction * 1e6); }

}  // namespace

absl::StatusOr<ExportedNetwork> ParseArchitecture(absl::string_view name,
                                                  absl::string_view text) {
  if (std::ssize(text) > kArchitectureBytesMax) {
    return Malformed(
        name, absl::StrCat("has more than ", kArchitectureBytesMax, " bytes"));
  }
  const Json json = Json::parse(text.begin(), text.end(), nullptr,
                                /*allow_exceptions=*/false);
  if (!json.is_object()) return Malformed(name, "is not a JSON object");
  const Reader reader(name, "", json);
  ARCHPOOL_RETURN_IF_ERROR(CheckFormat(name, reader, json));
  ARCHPOOL_ASSIGN_OR_RETURN(const TensorShape input,
                            reader.Shape("input_shape"));
  if (input.channels > limits::kImageChannels.max ||
      std::max(input.height, input.width) > limits::kImageSide.max) {
    return reader.Error(absl::StrCat(
        "input_shape is not of at most ", limits::kImageChannels.max, " x ",
        limits::kImageSide.max, " x ", limits::kImageSide.max));
  }
  ARCHPOOL_ASSIGN_OR_RETURN(
      const int64_t classes,
      reader.Number("classes", limits::kClasses.min, limits::kClasses.max));
  ExportedNetwork network;
  ARCHPOOL_ASSIGN_OR_RETURN(const Digest id,
                            reader.ReadDigest("architecture_id"));
  ARCHPOOL_ASSIGN_OR_RETURN(network.dataset_id,
                            reader.ReadDigest("dataset_id"));
  ARCHPOOL_ASSIGN_OR_RETURN(const double mean,
                            reader.Fraction("input_mean", 0, 1));
  ARCHPOOL_ASSIGN_OR_RETURN(const double deviation,
                            reader.Fraction("input_deviation", 1e-6, 1));
  network.mean_ppm = PpmOf(mean);
  network.deviation_ppm = PpmOf(deviation);
  // Looked at in place: a copy of a list in a list in a list, and so on, takes
  // as much stack as somebody likes.
  const auto layers = json.find("layers");
  if (layers == json.end()) return reader.Error("layers is not there");
  ARCHPOOL_ASSIGN_OR_RETURN(network.plan,
                            PlanReader(name, input, classes).Read(*layers));
  if (ArchitectureIdOf(network.plan) != id) {
    return Malformed(name,
                     "architecture_id is of another network than the layers");
  }
  return network;
}

}  // namespace archpool
