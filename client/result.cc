// SPDX-License-Identifier: Apache-2.0
#include "client/result.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/network_folder.h"
#include "client/render_task.h"
#include "client/reproduction.h"
#include "client/text.h"
#include "common/base/durable_file.h"
#include "common/base/status.h"
#include "common/channel/retry.h"
#include "common/data/read_file.h"
#include "common/wire/request_limits.h"

namespace archpool {
namespace {

constexpr int64_t kJsonBytesMax = int64_t{256} << 20;

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

// It is read from another place later. "" stays "".
std::string AbsolutePath(const std::string& path) {
  if (path.empty()) return path;
  std::error_code error;
  const auto absolute = std::filesystem::absolute(path, error);
  return error ? path : absolute.lexically_normal().string();
}

// How the network was trained. Where the pool does not tell, stderr hears why:
// what was paid for is not kept back.
absl::Status AddReproduction(Context& context, PoolClient& client,
                             const v1::Task& task, const v1::Trial& trial,
                             const std::string& task_file,
                             NetworkFolder& folder) {
  if (!IsEnded(task.state())) return absl::OkStatus();  // WriteResult says so
  v1::GetReproductionRequest request;
  request.set_trial_id(trial.trial_id());
  const absl::StatusOr<v1::GetReproductionResponse> answer =
      client.Call(client.tasks(), &TaskStub::GetReproduction, request);
  absl::Status why = answer.status();
  if (answer.ok()) {
    const absl::StatusOr<Reproduction> made =
        MakeReproduction(task, trial, *answer, AbsolutePath(task_file));
    if (made.ok()) {
      folder.reproduction = ReproductionJson(*made);
      return absl::OkStatus();
    }
    why = made.status();
  } else if (absl::IsUnavailable(why) || client.stop().stop_requested()) {
    return why;
  }
  context.output().err << "trial-" << trial.trial_id()
                       << " has no reproduction.json: " << Clean(why.message())
                       << std::endl;
  return absl::OkStatus();
}

// One network's files, in `directory`.
absl::Status WriteNetwork(Context& context, const v1::Task& task,
                          const v1::Trial& trial, const ResultSource& source,
                          const std::string& directory,
                          std::vector<std::string>& written) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  ARCHPOOL_ASSIGN_OR_RETURN(NetworkFolder folder,
                            MakeNetworkFolder(task, trial, source.classes));
  ARCHPOOL_RETURN_IF_ERROR(
      AddReproduction(context, *client, task, trial, source.task_file, folder));
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string weights,
                            FetchWeights(*client, trial));
  return WriteNetworkFolder(folder, weights, directory, context.output().err,
                            written);
}

// Whether the file is this task's from an earlier time.
bool IsOf(const v1::Task& task, const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path, kJsonBytesMax);
  if (!text.ok()) return false;
  const Json json = Json::parse(*text, nullptr, /*allow_exceptions=*/false);
  return json.is_object() && json.value("task_id", Json()) == task.task_id();
}

// Somebody's own files of the same names stay as they are.
absl::Status CheckReplaces(const v1::Task& task, bool has_classes,
                           const std::string& directory) {
  const std::string architecture = directory + "/architecture.json";
  for (const auto& [name, witness] :
       {std::pair(directory + "/summary.json", directory + "/summary.json"),
        std::pair(directory + "/result.json", directory + "/result.json"),
        std::pair(has_classes ? directory + "/classes.json" : "",
                  directory + "/classes.json"),
        std::pair(architecture, architecture),
        std::pair(directory + "/weights.safetensors", architecture),
        std::pair(directory + "/reproduction.json", architecture),
        std::pair(directory + "/model.py", architecture),
        std::pair(directory + "/model.onnx", architecture)}) {
    std::error_code error;
    if (name.empty() || !std::filesystem::exists(name, error) ||
        IsOf(task, witness))
      continue;
    return AlreadyExists(
        "FILE_EXISTS",
        absl::StrCat(name, " is there and is not of task-", task.task_id(),
                     "; nothing was written. Name another --output"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> WriteResult(
    Context& context, const v1::Task& task, const ResultSource& source,
    const std::string& directory) {
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
  ARCHPOOL_RETURN_IF_ERROR(
      CheckReplaces(task, !source.classes.names.empty(), directory));
  if (!IsEnded(task.state())) {
    context.output().err << "There is no reproduction.json yet: task-"
                         << task.task_id()
                         << " has not ended; save the result again once it has."
                         << std::endl;
  }
  std::vector<std::string> written;
  ARCHPOOL_RETURN_IF_ERROR(
      WriteNetwork(context, task, task.best(), source, directory, written));
  for (const v1::Trial& trial : task.front()) {
    ARCHPOOL_RETURN_IF_ERROR(WriteNetwork(
        context, task, trial, source,
        absl::StrCat(directory, "/front/trial-", trial.trial_id()), written));
  }
  // Last: where it is there, all is there.
  for (const auto& [name, json] :
       {std::pair<const char*, Json>("/result.json", ToJson(task)),
        std::pair<const char*, Json>("/summary.json", SummaryJson(task))}) {
    const std::string path = directory + name;
    ARCHPOOL_RETURN_IF_ERROR(WriteFileDurably(path, FileText(json)));
    written.push_back(path);
  }
  return written;
}

}  // namespace archpool
