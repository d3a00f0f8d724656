// SPDX-License-Identifier: Apache-2.0
#include "client/result_folder.h"

#include <array>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/json.h"
#include "common/base/status.h"
#include "common/data/read_file.h"
#include "common/export/architecture_json.h"
#include "common/kernels/weights.h"

namespace archpool {
namespace {

constexpr int64_t kClassesBytesMax = int64_t{1} << 20;

absl::Status MalformedFile(absl::string_view name, absl::string_view what) {
  return InvalidArgument(
      "RESULT_FILE_MALFORMED",
      absl::StrCat(name, ": ", what, "; fetch the result again"));
}

absl::StatusOr<TensorMap> ReadWeights(const std::string& path,
                                      const LayerPlan& plan) {
  const SafetensorsLimits limits;
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string bytes,
                            ReadFile(path, limits.bytes_max));
  absl::StatusOr<TensorMap> weights = ParseSafetensors(bytes, limits);
  if (!weights.ok()) return MalformedFile(path, weights.status().message());
  const absl::Status fit = kernels::CheckWeights(plan, *weights);
  if (!fit.ok()) return MalformedFile(path, fit.message());
  return weights;
}

// [red, green, blue].
absl::StatusOr<Rgb> ParseBackground(absl::string_view name, const Json& json) {
  std::array<uint8_t, 3> channels{};
  bool is_good = json.is_array() && json.size() == channels.size();
  for (size_t i = 0; is_good && i < channels.size(); ++i) {
    is_good = json[i].is_number_unsigned() && json[i].get<uint64_t>() <= 255;
    if (is_good) channels[i] = json[i].get<uint8_t>();
  }
  if (!is_good) {
    return MalformedFile(name, "background is not three numbers up to 255");
  }
  return Rgb{.red = channels[0], .green = channels[1], .blue = channels[2]};
}

}  // namespace

absl::Status ParseClasses(absl::string_view name, absl::string_view text,
                          ResultNetwork& result) {
  const Json json = Json::parse(text.begin(), text.end(), nullptr,
                                /*allow_exceptions=*/false);
  if (!json.is_object()) return MalformedFile(name, "is not a JSON object");
  // Looked at in place: a copy of a list in a list in a list, and so on, takes
  // as much stack as somebody likes.
  const auto names = json.find("classes");
  const int64_t wanted = result.network.plan.classes;
  if (names == json.end() || !names->is_array() ||
      std::ssize(*names) != wanted) {
    return MalformedFile(
        name, absl::StrCat("classes is not a list of ", wanted,
                           " names, as many as the network has classes"));
  }
  result.network.class_names.clear();
  for (const Json& one : *names) {
    if (!one.is_string()) return MalformedFile(name, "a class is no text");
    result.network.class_names.push_back(one.get<std::string>());
  }
  const auto fit = json.find("fit");
  const bool is_stretched = fit != json.end() && *fit == Json("stretch");
  if (fit != json.end() && !is_stretched && *fit != Json("crop")) {
    return MalformedFile(name, "fit is neither \"crop\" nor \"stretch\"");
  }
  result.rules.fit = is_stretched ? PictureFit::kStretch : PictureFit::kCrop;
  const auto background = json.find("background");
  if (background != json.end()) {
    ARCHPOOL_ASSIGN_OR_RETURN(result.rules.background,
                              ParseBackground(name, *background));
  }
  return absl::OkStatus();
}

absl::StatusOr<ResultNetwork> ReadResultFolder(const std::string& directory) {
  const std::string architecture = directory + "/architecture.json";
  ResultNetwork result;
  ARCHPOOL_ASSIGN_OR_RETURN(std::string text,
                            ReadFile(architecture, kArchitectureBytesMax));
  ARCHPOOL_ASSIGN_OR_RETURN(result.network,
                            ParseArchitecture(architecture, text));
  ARCHPOOL_ASSIGN_OR_RETURN(
      result.weights,
      ReadWeights(directory + "/weights.safetensors", result.network.plan));
  const std::string classes = directory + "/classes.json";
  std::error_code error;
  if (!std::filesystem::exists(classes, error)) return result;
  ARCHPOOL_ASSIGN_OR_RETURN(text, ReadFile(classes, kClassesBytesMax));
  ARCHPOOL_RETURN_IF_ERROR(ParseClasses(classes, text, result));
  return result;
}

}  // namespace archpool
