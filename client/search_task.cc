// SPDX-License-Identifier: Apache-2.0
#include "client/search_task.h"

#include <filesystem>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/brought_dataset.h"
#include "client/doubt.h"
#include "client/render_task.h"
#include "client/result.h"
#include "client/search_pool.h"
#include "client/submit.h"
#include "client/text.h"
#include "client/times.h"
#include "client/watch.h"
#include "common/base/durable_file.h"
#include "common/base/status.h"
#include "common/crypto/sha256.h"
#include "common/data/read_file.h"
#include "common/wire/task_spec_wire.h"

namespace archpool {
namespace {

using search::Folder;
using search::Part;
using search::SearchState;
using search::Step;

constexpr int64_t kStateBytesMax = 64 << 10;
constexpr int64_t kReportBytesMax = int64_t{16} << 20;
constexpr size_t kReportWidth = 80;

absl::Status WriteState(const Folder& folder, const SearchState& state) {
  return WriteFileDurably(folder.StatePath(), search::ToText(state));
}

std::string FilesSentence(const std::string& directory, bool has_result) {
  return absl::StrCat(
      directory, has_result
                     ? " has report.txt, summary.json, audits.json, "
                       "result.json,\narchitecture.json, weights.safetensors, "
                       "model.py, model.onnx,\nreproduction.json and front/.\n"
                     : " has report.txt, summary.json and audits.json.\n");
}

std::string ReportOf(const v1::Task& task, const SearchAudits& audits,
                     const std::string& directory, const Terminal& terminal) {
  return absl::StrCat(RenderTask(task, absl::Now(), terminal), "\n",
                      Wrap(DescribeAudits(audits, task), terminal.width, 0),
                      FilesSentence(directory, task.has_best()));
}

absl::Status EndOf(const SearchState& state, const std::string& directory) {
  if (!state.has_failed) return absl::OkStatus();
  return MakeError(
      absl::StatusCode::kAborted, "TASK_FAILED",
      absl::StrCat("this search found no network that it could recommend: ",
                   directory, "/report.txt says why"));
}

void AddFile(const std::filesystem::path& path, absl::string_view name,
             std::string* text) {
  std::error_code error;
  const uintmax_t size = std::filesystem::file_size(path, error);
  absl::StrAppend(text, "\n", name, " ", error ? 0 : size);
}

// All that lies below it, by name; what cannot be read is said when the task is
// submitted.
void AddFolder(const std::string& path, std::string* text) {
  std::map<std::string, std::filesystem::path> files;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator it(path, error), end;
       !error && it != end; it.increment(error)) {
    files.emplace(it->path().lexically_relative(path).string(), it->path());
  }
  for (const auto& [name, file] : files) AddFile(file, name, text);
}

void AddPictures(const PictureFolder& pictures, std::string* text) {
  absl::StrAppend(text, "\npictures ", pictures.width, " ", pictures.height,
                  " ", static_cast<int>(pictures.fit), " ", pictures.is_gray,
                  " ", pictures.held_out, " ", pictures.held_out_fraction_ppm,
                  " ", pictures.seed);
  if (const std::optional<Rgb>& color = pictures.background) {
    absl::StrAppend(text, " ", int{color->red}, " ", int{color->green}, " ",
                    int{color->blue});
  }
  AddFolder(pictures.path, text);
}

void AddArrays(const ArrayFiles& arrays, std::string* text) {
  absl::StrAppend(text, "\narrays ", static_cast<int>(arrays.channels));
  for (const std::filesystem::path path :
       {arrays.archive, arrays.train_images, arrays.train_labels,
        arrays.held_out_images, arrays.held_out_labels}) {
    AddFile(path, path.filename().string(), text);
  }
}

void AddCifar100(const Cifar100Files& files, std::string* text) {
  absl::StrAppend(text, "\ncifar100 ", files.is_coarse);
  for (const auto* side : {&files.train, &files.held_out}) {
    for (const std::filesystem::path path : *side) {
      AddFile(path, path.filename().string(), text);
    }
    absl::StrAppend(text, "\n");
  }
}

}  // namespace

std::string FingerprintOf(const TaskFile& file) {
  std::string text = wire::ToProto(file.spec).SerializeAsString();
  absl::StrAppend(&text, "\n", file.dataset.format, " ", file.dataset.classes,
                  " ", file.dataset.validation_count, " ",
                  file.dataset.held_out_count);
  if (file.dataset.is_channels_last) absl::StrAppend(&text, " last");
  for (const auto& [key, paths] : file.dataset.files) {
    for (const std::filesystem::path path : paths) {
      AddFile(path, absl::StrCat(key, " ", path.filename().string()), &text);
    }
  }
  if (file.dataset.pictures) AddPictures(*file.dataset.pictures, &text);
  if (file.dataset.arrays) AddArrays(*file.dataset.arrays, &text);
  if (file.dataset.cifar100) AddCifar100(*file.dataset.cifar100, &text);
  return Sha256(text).ToString();
}

absl::StatusOr<std::optional<SearchState>> ReadSearchState(
    const Folder& folder) {
  std::error_code error;
  if (!std::filesystem::exists(folder.StatePath(), error) && !error) {
    return std::nullopt;
  }
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string text,
                            ReadFile(folder.StatePath(), kStateBytesMax));
  return search::ParseSearchState(text, folder.StatePath());
}

absl::Status ShowEndedSearch(Context& context, const Folder& folder,
                             const SearchState& state) {
  const std::string directory = folder.ResultPath(state.number);
  ARCHPOOL_ASSIGN_OR_RETURN(
      const std::string report,
      ReadFile(directory + "/report.txt", kReportBytesMax));
  ARCHPOOL_ASSIGN_OR_RETURN(
      const std::string summary,
      ReadFile(directory + "/summary.json", kReportBytesMax));
  context.Show(
      Json::parse(summary, nullptr, /*allow_exceptions=*/false),
      absl::StrCat(report, "This search has ended; --again begins another.\n"));
  return EndOf(state, directory);
}

SearchTask::SearchTask(Context& context, const Folder& folder,
                       const Asked& asked, search::NextStep next,
                       search::Supervisor& supervisor, std::stop_token stop)
    : context_(context),
      folder_(folder),
      file_(asked.file),
      path_(asked.path),
      step_(next.step),
      state_(std::move(next.state)),
      supervisor_(supervisor),
      stop_(std::move(stop)) {}

absl::Status SearchTask::Drive() {
  std::ostream& err = context_.output().err;
  err << "Starting a pool on this machine; its logs are in "
      << folder_.LogsPath() << std::endl;
  supervisor_.Want(Part::kServer);
  ARCHPOOL_ASSIGN_OR_RETURN(const int port, supervisor_.WaitForServer(stop_));
  PoolCaller op(context_, folder_.OperatorTokenPath(), port, stop_);
  ARCHPOOL_RETURN_IF_ERROR(PrepareAccounts(op.context(), folder_, port));
  supervisor_.Want(Part::kVerifier);
  PoolCaller client(context_, folder_.TokenPath(search::kClientName), port,
                    stop_);
  ARCHPOOL_RETURN_IF_ERROR(OpenTask(op.context(), client.context()));
  supervisor_.Want(Part::kWorker);
  err << (step_ == Step::kContinue ? "Continuing: task-" : "Searching: task-")
      << state_.task_id << ". Ctrl-C stops, and the same command continues."
      << std::endl;
  ARCHPOOL_ASSIGN_OR_RETURN(const v1::Task task,
                            WatchTask(client.context(), state_.task_id));
  return WriteEnd(client.context(), task);
}

absl::Status SearchTask::OpenTask(Context& op, Context& client) {
  if (step_ == Step::kBegin) {
    // Before it is known which one is new: what is open is given up.
    if (state_.number > 1) ARCHPOOL_RETURN_IF_ERROR(GiveUpTasks(client));
    ARCHPOOL_RETURN_IF_ERROR(WriteState(folder_, state_));
  }
  if (is_open()) return absl::OkStatus();
  ARCHPOOL_RETURN_IF_ERROR(
      DepositReward(op, file_.spec.terms.reward, state_.RequestId()));
  const absl::StatusOr<SubmittedTask> submitted =
      SubmitTask(client, file_, state_.RequestId());
  // Whether it was opened is no doubt of the person's: the same command finds
  // out, and nobody else can.
  if (SaysDoubt(submitted.status()) && stop_.stop_requested()) {
    return absl::CancelledError("stopped");
  }
  ARCHPOOL_RETURN_IF_ERROR(submitted.status());
  state_.task_id = submitted->task_id;
  return WriteState(folder_, state_);
}

// The names of classes, where the images' folder still has them: results are
// not kept from anybody because it is gone.
PictureClasses SearchTask::FindClasses(const v1::Task& task) const {
  if (!file_.dataset.pictures) return {};
  absl::StatusOr<PictureClasses> classes =
      ClassesOf(task, file_, "the task's file");
  if (classes.ok()) return *std::move(classes);
  context_.output().err << "The results have no names of classes: "
                        << Clean(classes.status().message()) << std::endl;
  return {};
}

// The results, then the note that they are there.
absl::Status SearchTask::WriteEnd(Context& client, const v1::Task& task) {
  const std::string directory = ResultPath();
  ARCHPOOL_RETURN_IF_ERROR(MakeDirectories(directory));
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const pool, client.Client());
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<v1::Trial> trials,
                            pool->ListTrials(state_.task_id, 0));
  audits_ = AuditsOf(trials);
  if (task.has_best()) {
    ARCHPOOL_RETURN_IF_ERROR(
        WriteResult(client, task,
                    {.classes = FindClasses(task), .task_file = path_},
                    directory)
            .status());
  } else {
    const std::string summary =
        SummaryJson(task).dump(2, ' ', false, Json::error_handler_t::replace);
    ARCHPOOL_RETURN_IF_ERROR(
        WriteFileDurably(directory + "/summary.json", summary + "\n"));
  }
  ARCHPOOL_RETURN_IF_ERROR(WriteFileDurably(
      directory + "/audits.json", ToJson(audits_, task).dump(2) + "\n"));
  ARCHPOOL_RETURN_IF_ERROR(WriteFileDurably(
      directory + "/report.txt",
      ReportOf(task, audits_, directory, Terminal{.width = kReportWidth})));
  state_.has_ended = true;
  state_.has_failed = !task.has_best();
  ARCHPOOL_RETURN_IF_ERROR(WriteState(folder_, state_));
  ended_ = task;
  return absl::OkStatus();
}

absl::Status SearchTask::ShowEnd() {
  context_.Show(SummaryJson(*ended_),
                ReportOf(*ended_, audits_, ResultPath(), context_.terminal()));
  return EndOf(state_, ResultPath());
}

}  // namespace archpool
