// SPDX-License-Identifier: Apache-2.0
// One network of a result as files, for archpool and for programs that know
// nothing of it (docs/networks.md).
#ifndef ARCHPOOL_CLIENT_NETWORK_FOLDER_H_
#define ARCHPOOL_CLIENT_NETWORK_FOLDER_H_

#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "archpool/v1/task.pb.h"
#include "client/brought_dataset.h"
#include "client/json.h"
#include "common/export/exported_network.h"

namespace archpool {

// What is known before the weights are. Value type.
struct NetworkFolder {
  std::string name;         // "trial-7"
  ExportedNetwork network;  // what the choices make on the task's dataset
  Json architecture;        // of architecture.json
  Json classes;             // of classes.json; null: they have no names
  Json reproduction;        // of reproduction.json; null: it is not known
};

// Pure. INVALID_ARGUMENT: the task's space or choices make no network here;
// FAILED_PRECONDITION (ARCHITECTURE_MISMATCH): they make another one than at
// the pool (the versions differ).
absl::StatusOr<NetworkFolder> MakeNetworkFolder(const v1::Task& task,
                                                const v1::Trial& trial,
                                                const PictureClasses& classes);

// Writes into `directory`, made where it is missing, architecture.json,
// weights.safetensors, model.py, model.onnx, classes.json where classes have
// names, and reproduction.json where it is known, and adds their paths to
// `written`. Weights that are of no such network are written anyway, as they
// were verified: what was paid for is not kept back. Then model.onnx is left
// out, and `notes` hears why. Errors as WriteFileDurably and MakeDirectories.
absl::Status WriteNetworkFolder(const NetworkFolder& folder,
                                absl::string_view weights,
                                const std::string& directory,
                                std::ostream& notes,
                                std::vector<std::string>& written);

// A file of JSON, for people and programs.
std::string FileText(const Json& json);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_NETWORK_FOLDER_H_
