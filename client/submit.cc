#include "client/submit.h"

#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/channel/retry.h"
#include "common/wire/task_spec_wire.h"

namespace archpool {
namespace {

using Stub = v1::TaskService::Stub;

constexpr size_t kReadBytes = 1 << 20;

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
  UploadProgress(const Output& output, const UploadSource& source)
      : output_(output),
        name_(std::filesystem::path(source.path).filename().string()),
        size_bytes_(source.size_bytes) {}

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

// Sends `path` where it is not there yet; answers its digest, for the wire.
absl::StatusOr<std::string> SendFile(Context& context, PoolClient& client,
                                     const std::string& path) {
  ARCHPOOL_ASSIGN_OR_RETURN(const UploadSource source, DescribeFile(path));
  v1::UploadPurpose purpose;
  purpose.mutable_dataset_file();
  UploadProgress progress(context.output(), source);
  ARCHPOOL_RETURN_IF_ERROR(
      RetryWhileTransient(client.patience(), client.stop(), [&] {
        return client.blobs().Upload(
            source, purpose,
            [&progress](int64_t sent_bytes) { progress.Show(sent_bytes); },
            client.stop());
      }));
  progress.Finish();
  return source.digest.AsBytes();
}

absl::StatusOr<Digest> RegisterDataset(Context& context, PoolClient& client,
                                       const DatasetSource& source) {
  v1::RegisterDatasetRequest request;
  request.set_classes(source.classes);
  request.set_validation_count(source.validation_count);
  request.set_held_out_count(source.held_out_count);
  ARCHPOOL_ASSIGN_OR_RETURN(*request.mutable_train_images_digest(),
                            SendFile(context, client, source.train_images));
  ARCHPOOL_ASSIGN_OR_RETURN(*request.mutable_train_labels_digest(),
                            SendFile(context, client, source.train_labels));
  if (!source.held_out_images.empty()) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        *request.mutable_held_out_images_digest(),
        SendFile(context, client, source.held_out_images));
    ARCHPOOL_ASSIGN_OR_RETURN(
        *request.mutable_held_out_labels_digest(),
        SendFile(context, client, source.held_out_labels));
  }
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::RegisterDatasetResponse response,
      client.Call(client.tasks(), &Stub::RegisterDataset, request));
  return Digest::FromBytes(response.dataset_id());
}

}  // namespace

absl::StatusOr<int64_t> SubmitTask(Context& context, TaskFile file,
                                   const std::string& request_id) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  ARCHPOOL_ASSIGN_OR_RETURN(file.spec.dataset,
                            RegisterDataset(context, *client, file.dataset));
  v1::SubmitTaskRequest request;
  *request.mutable_spec() = wire::ToProto(file.spec);
  request.set_request_id(request_id);
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::SubmitTaskResponse response,
      client->Call(client->tasks(), &Stub::SubmitTask, request));
  return response.task_id();
}

}  // namespace archpool
