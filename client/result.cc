// SPDX-License-Identifier: Apache-2.0
#include "client/result.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/durable_file.h"
#include "common/base/status.h"
#include "common/channel/retry.h"
#include "common/data/read_file.h"
#include "common/data/safetensors.h"
#include "common/nas/layer_plan.h"
#include "common/nas/network_constants.h"
#include "common/wire/request_limits.h"
#include "common/wire/search_space_wire.h"
#include "common/wire/task_spec_wire.h"

namespace archpool {
namespace {

constexpr int64_t kJsonBytesMax = int64_t{256} << 20;

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
    json["padding"] = (layer.kernel - 1) / 2;
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

// Adds what the network becomes on the task's dataset.
absl::Status AddNetwork(const SearchSpace& space,
                        const Architecture& architecture,
                        const v1::DatasetManifest& wire_manifest,
                        const v1::Trial& trial, Json& json) {
  ARCHPOOL_ASSIGN_OR_RETURN(
      const DatasetManifest manifest,
      wire::ManifestFromProto("task.manifest", wire_manifest));
  ARCHPOOL_ASSIGN_OR_RETURN(const LayerPlan plan,
                            MakeLayerPlan(space, architecture, manifest.shape,
                                          manifest.classes, PlanLimits{}));
  if (ArchitectureIdOf(plan).AsBytes() != trial.architecture_id()) {
    return FailedPrecondition(
        "ARCHITECTURE_MISMATCH",
        absl::StrCat("trial-", trial.trial_id(),
                     " makes another network here than at the pool: use an "
                     "archpool of the pool's version"));
  }
  json["input_shape"] = ShapeJson(plan.input_shape);
  json["classes"] = plan.classes;
  json["input_mean"] = static_cast<double>(manifest.mean_ppm) / 1e6;
  json["input_deviation"] = static_cast<double>(manifest.deviation_ppm) / 1e6;
  // With these, the layers and the weights, any program computes the same.
  json["input_scale"] = "pixels / 255, less input_mean, over input_deviation";
  json["batch_norm_epsilon"] = kBatchNormEpsilon;
  json["average_pools_count_padding"] = false;
  json["layers"] = LayersJson(plan);
  return absl::OkStatus();
}

// The bytes are the trial's own: their digest is checked.
absl::StatusOr<std::string> FetchWeights(PoolClient& client,
                                         const v1::Trial& trial) {
  ARCHPOOL_ASSIGN_OR_RETURN(const Digest digest,
                            Digest::FromBytes(trial.weights_digest()));
  std::string bytes;
  ARCHPOOL_RETURN_IF_ERROR(
      RetryWhileTransient(client.patience(), client.stop(), [&] {
        return client.blobs().ReadWeights(
            trial.trial_id(), static_cast<int64_t>(bytes.size()),
            [&bytes](absl::string_view data, int64_t size_bytes) {
              if (size_bytes > limits::kWeightsSizeBytes.max) {
                return InvalidArgument("BLOB_TOO_LARGE",
                                       "the weights are too large");
              }
              bytes.append(data.data(), data.size());
              return absl::OkStatus();
            },
            client.stop());
      }));
  if (Sha256(bytes) == digest) return bytes;
  return MakeError(absl::StatusCode::kDataLoss, "BLOB_DIGEST_MISMATCH",
                   absl::StrCat("the weights of trial-", trial.trial_id(),
                                " are not those that were verified"));
}

std::string Dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

// `stem`.json and the weights.
absl::Status WriteNetwork(PoolClient& client, const v1::Task& task,
                          const v1::Trial& trial, const std::string& json_path,
                          const std::string& weights_path,
                          std::vector<std::string>& written) {
  ARCHPOOL_ASSIGN_OR_RETURN(const Json json, ArchitectureJson(task, trial));
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string weights,
                            FetchWeights(client, trial));
  ARCHPOOL_RETURN_IF_ERROR(WriteFileDurably(json_path, Dump(json)));
  written.push_back(json_path);
  ARCHPOOL_RETURN_IF_ERROR(
      WriteFileDurably(weights_path, WithFormatMetadata(weights)));
  written.push_back(weights_path);
  return absl::OkStatus();
}

// Whether the file is this task's from an earlier time.
bool IsOf(const v1::Task& task, const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path, kJsonBytesMax);
  if (!text.ok()) return false;
  const Json json = Json::parse(*text, nullptr, /*allow_exceptions=*/false);
  return json.is_object() && json.value("task_id", Json()) == task.task_id();
}

// Somebody's own files of the same names stay as they are.
absl::Status CheckReplaces(const v1::Task& task, const std::string& directory) {
  const std::string architecture = directory + "/architecture.json";
  for (const auto& [name, witness] :
       {std::pair(directory + "/summary.json", directory + "/summary.json"),
        std::pair(directory + "/result.json", directory + "/result.json"),
        std::pair(architecture, architecture),
        std::pair(directory + "/weights.safetensors", architecture)}) {
    std::error_code error;
    if (!std::filesystem::exists(name, error) || IsOf(task, witness)) continue;
    return AlreadyExists(
        "FILE_EXISTS",
        absl::StrCat(name, " is there and is not of task-", task.task_id(),
                     "; nothing was written. Name another --output"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Json> ArchitectureJson(const v1::Task& task,
                                      const v1::Trial& trial) {
  ARCHPOOL_ASSIGN_OR_RETURN(
      const SearchSpace space,
      wire::SearchSpaceFromProto("task.spec.space", task.spec().space()));
  ARCHPOOL_ASSIGN_OR_RETURN(
      const Architecture architecture,
      wire::ArchitectureFromProto("trial.choices", space, trial.choices()));
  Json choices = Json::object();
  for (size_t d = 0; d < space.dimensions().size(); ++d) {
    const ChoiceValue& value = space.ValueOf(architecture, static_cast<int>(d));
    Json& choice = choices[space.dimensions()[d].name];
    if (const auto* number = std::get_if<int64_t>(&value)) {
      choice = *number;
    } else {
      choice = std::get<std::string>(value);
    }
  }
  Json json = ToJson(trial);
  json["choices"] = choices;
  json["space"] = ToJson(task.spec().space());
  ARCHPOOL_RETURN_IF_ERROR(
      AddNetwork(space, architecture, task.manifest(), trial, json));
  return json;
}

absl::StatusOr<std::vector<std::string>> WriteResult(
    Context& context, const v1::Task& task, const std::string& directory) {
  if (!task.has_best()) {
    return FailedPrecondition(
        "NO_RESULT",
        absl::StrCat("task-", task.task_id(),
                     " has no accepted trial: `archpool task show ",
                     task.task_id(), "` says why"));
  }
  if (task.best().choices().empty()) {
    return PermissionDenied(
        "ROLE_NOT_ALLOWED",
        absl::StrCat("the networks of task-", task.task_id(),
                     " are shown to its client; a miner sees what it trained "
                     "itself with `archpool task show ",
                     task.task_id(), "`"));
  }
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  ARCHPOOL_RETURN_IF_ERROR(CheckReplaces(task, directory));
  const std::string front = directory + "/front";
  ARCHPOOL_RETURN_IF_ERROR(MakeDirectories(front));
  std::vector<std::string> written;
  ARCHPOOL_RETURN_IF_ERROR(
      WriteNetwork(*client, task, task.best(), directory + "/architecture.json",
                   directory + "/weights.safetensors", written));
  for (const v1::Trial& trial : task.front()) {
    const std::string stem = absl::StrCat(front, "/trial-", trial.trial_id());
    ARCHPOOL_RETURN_IF_ERROR(WriteNetwork(*client, task, trial, stem + ".json",
                                          stem + ".safetensors", written));
  }
  // Last: where it is there, all is there.
  for (const auto& [name, json] :
       {std::pair<const char*, Json>("/result.json", ToJson(task)),
        std::pair<const char*, Json>("/summary.json", SummaryJson(task))}) {
    const std::string path = directory + name;
    ARCHPOOL_RETURN_IF_ERROR(WriteFileDurably(path, Dump(json)));
    written.push_back(path);
  }
  return written;
}

}  // namespace archpool
