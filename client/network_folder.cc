// SPDX-License-Identifier: Apache-2.0
#include "client/network_folder.h"

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "client/text.h"
#include "common/base/durable_file.h"
#include "common/base/status.h"
#include "common/data/safetensors.h"
#include "common/export/architecture_json.h"
#include "common/export/onnx_model.h"
#include "common/export/torch_module.h"
#include "common/wire/search_space_wire.h"
#include "common/wire/task_spec_wire.h"

namespace archpool {
namespace {

Json NamedChoices(const SearchSpace& space, const Architecture& architecture) {
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
  return choices;
}

// What the choices make on the task's dataset.
absl::StatusOr<ExportedNetwork> NetworkOf(const SearchSpace& space,
                                          const Architecture& architecture,
                                          const v1::Task& task,
                                          const v1::Trial& trial) {
  ARCHPOOL_ASSIGN_OR_RETURN(
      const DatasetManifest manifest,
      wire::ManifestFromProto("task.manifest", task.manifest()));
  ExportedNetwork network{.dataset_id = manifest.Id(),
                          .mean_ppm = manifest.mean_ppm,
                          .deviation_ppm = manifest.deviation_ppm};
  ARCHPOOL_ASSIGN_OR_RETURN(network.plan,
                            MakeLayerPlan(space, architecture, manifest.shape,
                                          manifest.classes, PlanLimits{}));
  if (ArchitectureIdOf(network.plan).AsBytes() == trial.architecture_id()) {
    return network;
  }
  return FailedPrecondition(
      "ARCHITECTURE_MISMATCH",
      absl::StrCat("trial-", trial.trial_id(),
                   " makes another network here than at the pool: use an "
                   "archpool of the pool's version"));
}

absl::StatusOr<std::string> OnnxOf(const ExportedNetwork& network,
                                   absl::string_view weights) {
  ARCHPOOL_ASSIGN_OR_RETURN(const TensorMap tensors,
                            ParseSafetensors(weights, SafetensorsLimits{}));
  return OnnxModel(network, tensors);
}

}  // namespace

std::string FileText(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

absl::StatusOr<NetworkFolder> MakeNetworkFolder(const v1::Task& task,
                                                const v1::Trial& trial,
                                                const PictureClasses& classes) {
  ARCHPOOL_ASSIGN_OR_RETURN(
      const SearchSpace space,
      wire::SearchSpaceFromProto("task.spec.space", task.spec().space()));
  ARCHPOOL_ASSIGN_OR_RETURN(
      const Architecture architecture,
      wire::ArchitectureFromProto("trial.choices", space, trial.choices()));
  NetworkFolder folder{.name = absl::StrCat("trial-", trial.trial_id())};
  ARCHPOOL_ASSIGN_OR_RETURN(folder.network,
                            NetworkOf(space, architecture, task, trial));
  folder.network.class_names = classes.names;
  folder.architecture = ToJson(trial);
  folder.architecture["choices"] = NamedChoices(space, architecture);
  folder.architecture["space"] = ToJson(task.spec().space());
  folder.architecture.update(NetworkJson(folder.network));
  if (!classes.names.empty()) folder.classes = ClassNamesJson(task, classes);
  return folder;
}

absl::Status WriteNetworkFolder(const NetworkFolder& folder,
                                absl::string_view weights,
                                const std::string& directory,
                                std::ostream& notes,
                                std::vector<std::string>& written) {
  ARCHPOOL_RETURN_IF_ERROR(MakeDirectories(directory));
  const auto write = [&](const char* name, absl::string_view bytes) {
    written.push_back(absl::StrCat(directory, "/", name));
    return WriteFileDurably(written.back(), bytes);
  };
  ARCHPOOL_RETURN_IF_ERROR(
      write("architecture.json", FileText(folder.architecture)));
  ARCHPOOL_RETURN_IF_ERROR(
      write("weights.safetensors", WithFormatMetadata(weights)));
  if (!folder.classes.is_null()) {
    ARCHPOOL_RETURN_IF_ERROR(write("classes.json", FileText(folder.classes)));
  }
  if (!folder.reproduction.is_null()) {
    ARCHPOOL_RETURN_IF_ERROR(
        write("reproduction.json", FileText(folder.reproduction)));
  }
  ARCHPOOL_RETURN_IF_ERROR(write("model.py", TorchModule(folder.network)));
  const absl::StatusOr<std::string> onnx = OnnxOf(folder.network, weights);
  if (onnx.ok()) return write("model.onnx", *onnx);
  notes << folder.name
        << " has no model.onnx: " << Clean(onnx.status().message())
        << std::endl;
  return absl::OkStatus();
}

}  // namespace archpool
