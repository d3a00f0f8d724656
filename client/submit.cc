// SPDX-License-Identifier: Apache-2.0
#include "client/submit.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/brought_dataset.h"
#include "client/doubt.h"
#include "client/task_outlook.h"
#include "client/text.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/channel/retry.h"
#include "common/crypto/sha256.h"
#include "common/wire/dataset_files_wire.h"
#include "common/wire/task_spec_wire.h"

namespace archpool {
namespace {

constexpr size_t kReadBytes = 1 << 20;
constexpr int64_t kTasksLookedAt = 100;

absl::StatusOr<UploadSource> DescribeFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return InvalidArgument("FILE_UNREADABLE",
                           absl::StrCat(path, " cannot be read"));
  }
  UploadSource source{path, Digest(), 0};
  Sha256Stream hash;
  std::vector<char> buffer(kReadBytes);
  while (file.read(buffer.data(), kReadBytes), file.gcount() > 0) {
    hash.Update(
        absl::string_view(buffer.data(), static_cast<size_t>(file.gcount())));
    source.size_bytes += file.gcount();
  }
  source.digest = hash.Finish();
  return source;
}

// Says how far an upload is: over itself on a terminal, once elsewhere.
class UploadProgress {
 public:
  UploadProgress(const Output& output, const std::string& name,
                 const UploadSource& source)
      : output_(output), name_(name), size_bytes_(source.size_bytes) {}

  void Show(int64_t sent_bytes) {
    const int64_t percent =
        size_bytes_ == 0 ? 100 : 100 * sent_bytes / size_bytes_;
    if (!has_started_) is_held_ = sent_bytes >= size_bytes_;
    has_started_ = true;
    if (!output_.is_err_live || percent == percent_shown_) return;
    percent_shown_ = percent;
    output_.err << "\r  " << name_ << ": " << percent << " %\x1b[K"
                << std::flush;
  }

  void Finish() {
    if (output_.is_err_live) output_.err << "\r";
    output_.err << "  " << name_ << ": " << FormatShort(size_bytes_)
                << " bytes, " << (is_held_ ? "the pool had them" : "sent");
    if (output_.is_err_live) output_.err << "\x1b[K";
    output_.err << std::endl;
  }

 private:
  const Output& output_;
  const std::string name_;
  const int64_t size_bytes_;
  int64_t percent_shown_ = -1;
  bool has_started_ = false;
  bool is_held_ = false;
};

// Sends `path` where it is not there yet; answers its digest.
absl::StatusOr<Digest> SendFile(Context& context, PoolClient& client,
                                const std::string& path,
                                const std::string& name) {
  ARCHPOOL_ASSIGN_OR_RETURN(const UploadSource source, DescribeFile(path));
  v1::UploadPurpose purpose;
  purpose.mutable_dataset_file();
  UploadProgress progress(context.output(), name, source);
  ARCHPOOL_RETURN_IF_ERROR(
      RetryWhileTransient(client.patience(), client.stop(), [&] {
        return client.blobs().Upload(
            source, purpose,
            [&progress](int64_t sent_bytes) { progress.Show(sent_bytes); },
            client.stop());
      }));
  progress.Finish();
  return source.digest;
}

// What people know the file by.
std::string ShownName(const DatasetSource& source, const std::string& path) {
  const bool is_made_here = source.names.contains(path);
  return is_made_here ? source.NameOf(path)
                      : std::filesystem::path(path).filename().string();
}

absl::StatusOr<Digest> RegisterDataset(Context& context, PoolClient& client,
                                       const DatasetSource& source) {
  v1::RegisterDatasetRequest request;
  request.set_classes(source.classes);
  request.set_validation_count(source.validation_count);
  request.set_held_out_count(source.held_out_count);
  const DatasetFormat* const format = FindDatasetFormat(source.format);
  ARCHPOOL_CHECK(format != nullptr);
  DatasetDigests digests;
  for (const FormatKey& key : format->keys) {
    const auto found = source.files.find(key.key);
    if (found == source.files.end()) continue;
    for (const std::string& path : found->second) {
      ARCHPOOL_ASSIGN_OR_RETURN(
          digests[key.key].emplace_back(),
          SendFile(context, client, path, ShownName(source, path)));
    }
  }
  wire::SetDatasetFiles(*format, digests, &request);
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::RegisterDatasetResponse response,
      client.Call(client.tasks(), &TaskStub::RegisterDataset, request));
  return Digest::FromBytes(response.dataset_id());
}

// What the dataset will be like, as far as it is known here: the pool cuts it.
v1::DatasetManifest ManifestOf(const DatasetFacts& facts,
                               const Digest& unknown) {
  return wire::ToProto(
      DatasetManifest{.shape = facts.shape,
                      .classes = facts.classes,
                      .train_count = facts.train_count,
                      .validation_count = facts.validation_count,
                      .held_out_count = facts.held_out_count,
                      .train = unknown,
                      .validation = unknown,
                      .deviation_ppm = 1});
}

// A pool that is going to refuse the task must not get the files first. What
// may be open already, with its reward set aside, is let through.
absl::Status CheckIsTaken(PoolClient& client, const TaskSpec& spec,
                          const DatasetFacts& facts) {
  const Digest unknown = Sha256("not cut yet");
  v1::CheckTaskRequest request;
  *request.mutable_spec() = wire::ToProto(spec);
  request.mutable_spec()->set_dataset_id(unknown.AsBytes());
  *request.mutable_manifest() = ManifestOf(facts, unknown);
  const absl::Status refusal =
      client.Call(client.tasks(), &TaskStub::CheckTask, request).status();
  if (refusal.ok()) return absl::OkStatus();
  if (absl::IsFailedPrecondition(refusal) ||
      absl::IsResourceExhausted(refusal)) {
    ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<v1::TaskSummary> tasks,
                              client.ListTasks(kTasksLookedAt));
    const bool may_be_open = std::any_of(
        tasks.begin(), tasks.end(), [&spec](const v1::TaskSummary& task) {
          return task.state() == v1::TASK_STATE_ACTIVE &&
                 task.name() == spec.name;
        });
    if (may_be_open) return absl::OkStatus();
  }
  return MakeError(refusal.code(), GetReason(refusal),
                   absl::StrCat(refusal.message(), "; nothing was sent"));
}

// What the file says, and which of the tasks from the same file it is.
std::string RequestIdOf(const TaskSpec& spec, int copy) {
  constexpr size_t kDigits = 40;
  return absl::StrCat("file-",
                      Sha256(wire::ToProto(spec).SerializeAsString())
                          .ToString()
                          .substr(0, kDigits),
                      "-", copy);
}

absl::StatusOr<int64_t> OpenTask(PoolClient& client, const TaskSpec& spec,
                                 const std::string& request_id) {
  v1::SubmitTaskRequest request;
  *request.mutable_spec() = wire::ToProto(spec);
  request.set_request_id(request_id);
  const absl::StatusOr<v1::SubmitTaskResponse> response =
      client.Call(client.tasks(), &TaskStub::SubmitTask, request);
  if (response.ok()) return response->task_id();
  if (!IsInDoubt(response.status())) return response.status();
  return InDoubt(response.status(),
                 absl::StrCat("the task may be open, with its reward set "
                              "aside: archpool task list tells. The same "
                              "command again opens no second one; its request "
                              "id is ",
                              request_id));
}

// Tasks from the same file that are over make room for another.
absl::StatusOr<SubmittedTask> OpenUnlessActive(PoolClient& client,
                                               const TaskSpec& spec) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<v1::TaskSummary> newest,
                            client.ListTasks(1));
  const int64_t newest_id = newest.empty() ? 0 : newest[0].task_id();
  for (int copy = 0;; ++copy) {
    ARCHPOOL_ASSIGN_OR_RETURN(const int64_t task_id,
                              OpenTask(client, spec, RequestIdOf(spec, copy)));
    if (task_id > newest_id) return SubmittedTask{task_id, true};
    ARCHPOOL_ASSIGN_OR_RETURN(const v1::Task task, client.GetTask(task_id));
    if (task.state() == v1::TASK_STATE_ACTIVE) {
      return SubmittedTask{task_id, false};
    }
  }
}

}  // namespace

absl::StatusOr<TaskFacts> LookAtTask(const TaskFile& file,
                                     const LookOptions& options) {
  TaskFacts facts;
  ARCHPOOL_ASSIGN_OR_RETURN(facts.dataset, LookAtDataset(file, options));
  ARCHPOOL_ASSIGN_OR_RETURN(facts.space, LookAtSpace(file.spec, facts.dataset));
  for (std::string& sentence :
       OutlookOf(file.spec, facts.dataset, facts.space)) {
    facts.dataset.warnings.push_back(std::move(sentence));
  }
  return facts;
}

void ShowFacts(const Output& output, const TaskFacts& task) {
  const DatasetFacts& facts = task.dataset;
  output.err << "  " << facts.Describe() << "\n"
             << Wrap(Clean(facts.DescribeClasses()), output.terminal.width, 2)
             << Wrap(facts.DescribeBar(), output.terminal.width, 2)
             << Wrap(Clean(task.space.Describe()), output.terminal.width, 2);
  for (const std::string& warning : facts.warnings) {
    output.err << Wrap(absl::StrCat("Note: ", Clean(warning)),
                       output.terminal.width, 2);
  }
  output.err << std::flush;
}

absl::StatusOr<SubmittedTask> SubmitTask(Context& context, TaskFile file,
                                         const std::string& request_id) {
  // Its files are there until all is sent.
  ARCHPOOL_ASSIGN_OR_RETURN(const ImportedDataset imported,
                            BringDataset(context, file.dataset));
  ARCHPOOL_ASSIGN_OR_RETURN(const TaskFacts facts, LookAtTask(file));
  ShowFacts(context.output(), facts);
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  ARCHPOOL_RETURN_IF_ERROR(CheckIsTaken(*client, file.spec, facts.dataset));
  const absl::StatusOr<Digest> dataset =
      RegisterDataset(context, *client, file.dataset);
  if (!dataset.ok() && client->stop().stop_requested()) {
    return InDoubt(dataset.status(),
                   "stopped before the task was opened: nothing was set aside, "
                   "and the same command continues with what was sent");
  }
  ARCHPOOL_RETURN_IF_ERROR(dataset.status());
  file.spec.dataset = *dataset;
  if (request_id.empty()) return OpenUnlessActive(*client, file.spec);
  ARCHPOOL_ASSIGN_OR_RETURN(const int64_t task_id,
                            OpenTask(*client, file.spec, request_id));
  return SubmittedTask{task_id, true};
}

}  // namespace archpool
