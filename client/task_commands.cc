// SPDX-License-Identifier: Apache-2.0
// archpool task ...
#include <CLI/CLI.hpp>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/brought_dataset.h"
#include "client/context.h"
#include "client/import_reader.h"
#include "client/init_command.h"
#include "client/render_task.h"
#include "client/result.h"
#include "client/submit.h"
#include "client/task_file.h"
#include "client/task_schema.h"
#include "client/watch.h"
#include "common/base/durable_file.h"
#include "common/base/status.h"
#include "common/data/dataset_format.h"
#include "common/nas/search/search_policy.h"
#include "common/wire/words.h"

namespace archpool {
namespace {

struct TaskFlags {
  std::string file;
  bool is_waiting = false;
  std::string request_id;
  int64_t task_id = 0;
  int64_t limit = 20;
  std::string directory;
  std::string contact_sheet;  // "": none
  std::string task_file;      // of a result; "": class names are not asked for
};

// A task that failed is a command that failed: scripts look at the exit code.
absl::Status JudgeEnd(const v1::Task& task) {
  if (task.state() != v1::TASK_STATE_FAILED) return absl::OkStatus();
  return MakeError(absl::StatusCode::kAborted, "TASK_FAILED",
                   absl::StrCat("task-", task.task_id(),
                                " ended without an accepted trial; its reward "
                                "was refunded"));
}

absl::Status FollowTask(Context& context, int64_t task_id) {
  ARCHPOOL_ASSIGN_OR_RETURN(const v1::Task task, WatchTask(context, task_id));
  if (context.is_json()) context.Show(ToJson(task), "");
  return JudgeEnd(task);
}

absl::Status SubmitTaskFile(Context& context, const TaskFlags& flags) {
  ARCHPOOL_ASSIGN_OR_RETURN(TaskFile file, LoadTaskFile(flags.file));
  ARCHPOOL_ASSIGN_OR_RETURN(
      const SubmittedTask submitted,
      SubmitTask(context, std::move(file), flags.request_id));
  const int64_t task_id = submitted.task_id;
  const std::string done =
      submitted.is_new
          ? absl::StrCat("task-", task_id, " is submitted.")
          : absl::StrCat("task-", task_id,
                         " was opened from this file before and is active: "
                         "nothing more was opened. A second one takes a "
                         "--request-id of its own.");
  if (flags.is_waiting) {
    if (!context.is_json()) context.Show({}, done + "\n");
    return FollowTask(context, task_id);
  }
  context.Show({{"task_id", task_id}, {"is_new", submitted.is_new}},
               absl::StrCat(done, " Follow it with: archpool task watch ",
                            task_id, "\n"));
  return absl::OkStatus();
}

Json ClassesJson(const DatasetFacts& facts) {
  Json classes = Json::array();
  for (size_t i = 0; i < facts.train_by_class.size(); ++i) {
    Json one = {{"label", i}};
    if (i < facts.class_names.size()) one["name"] = facts.class_names[i];
    one["images"] = facts.train_by_class[i];
    if (i < facts.held_out_by_class.size()) {
      one["held_out_images"] = facts.held_out_by_class[i];
    }
    classes.push_back(std::move(one));
  }
  return classes;
}

absl::Status CheckTaskFile(Context& context, const TaskFlags& flags) {
  ARCHPOOL_ASSIGN_OR_RETURN(TaskFile file, LoadTaskFile(flags.file));
  ARCHPOOL_ASSIGN_OR_RETURN(const ImportedDataset imported,
                            BringDataset(context, file.dataset));
  ARCHPOOL_ASSIGN_OR_RETURN(
      const TaskFacts facts,
      LookAtTask(file, {.draws_sheet = !flags.contact_sheet.empty()}));
  if (!flags.contact_sheet.empty()) {
    ARCHPOOL_RETURN_IF_ERROR(
        WriteFileDurably(flags.contact_sheet, facts.dataset.contact_sheet));
  }
  ShowFacts(context.output(), facts);
  const TensorShape& shape = facts.dataset.shape;
  Json json = {{"name", file.spec.name},
               {"space_size", file.spec.space.size()},
               {"dataset", facts.dataset.Describe()},
               {"shape", {shape.channels, shape.height, shape.width}},
               {"classes", ClassesJson(facts.dataset)},
               {"mean", static_cast<double>(facts.dataset.mean_ppm) / 1e6},
               {"bar", facts.dataset.DescribeBar()},
               {"warnings", facts.dataset.warnings},
               {"architectures", facts.space.Describe()},
               {"reward", FormatCoins(file.spec.terms.reward)}};
  if (!flags.contact_sheet.empty()) {
    json["contact_sheet"] = flags.contact_sheet;
  }
  context.Show(json,
               absl::StrCat(flags.file, " is a task: ", Clean(file.spec.name),
                            ", ", FormatCount(file.spec.space.size()),
                            file.spec.space.size() == 1 ? " architecture, "
                                                        : " architectures, ",
                            FormatCoins(file.spec.terms.reward), " coins.\n"));
  return absl::OkStatus();
}

absl::Status ListTasks(Context& context, int64_t limit) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<v1::TaskSummary> tasks,
                            client->ListTasks(limit));
  context.Show(ListToJson(tasks),
               RenderTaskList(tasks, absl::Now(), context.terminal()));
  return absl::OkStatus();
}

absl::Status ShowTask(Context& context, int64_t task_id) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  ARCHPOOL_ASSIGN_OR_RETURN(const v1::Task task, client->GetTask(task_id));
  Json json;
  if (context.is_json()) {
    ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<v1::Trial> trials,
                              client->ListTrials(task_id, 0));
    json = ToJson(task);
    json["trials"] = ListToJson(trials);
  }
  context.Show(json, RenderTask(task, absl::Now(), context.terminal()));
  return absl::OkStatus();
}

absl::Status CancelTask(Context& context, int64_t task_id) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  v1::CancelTaskRequest request;
  request.set_task_id(task_id);
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::CancelTaskResponse response,
      client->Call(client->tasks(), &TaskStub::CancelTask, request));
  const std::string state = wire::WordOf(response.state());
  const bool had_ended = response.state() == v1::TASK_STATE_SUCCEEDED ||
                         response.state() == v1::TASK_STATE_FAILED;
  context.Show(
      {{"task_id", task_id}, {"state", state}},
      absl::StrCat("task-", task_id, had_ended ? " had " : " is ", state,
                   had_ended ? " before; nothing was changed.\n"
                             : ". What was reported is still verified "
                               "and paid; the rest is refunded.\n"));
  return absl::OkStatus();
}

// By the task's file at `path`; "": nothing.
absl::StatusOr<ResultSource> SourceOf(const v1::Task& task,
                                      const std::string& path) {
  ResultSource source;
  if (path.empty()) return source;
  ARCHPOOL_ASSIGN_OR_RETURN(const TaskFile file, LoadTaskFile(path));
  if (file.dataset.pictures.has_value()) {
    ARCHPOOL_ASSIGN_OR_RETURN(source.classes, ClassesOf(task, file, path));
  } else if (file.spec.name != task.spec().name()) {
    return InvalidArgument(
        "TASK_FILE_OTHER",
        absl::StrCat(path, " is of another task than task-", task.task_id(),
                     ": its name is '", file.spec.name, "', and the task's '",
                     task.spec().name(), "'"));
  }
  source.task_file = path;
  return source;
}

absl::Status SaveResult(Context& context, const TaskFlags& flags) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  ARCHPOOL_ASSIGN_OR_RETURN(const v1::Task task,
                            client->GetTask(flags.task_id));
  ARCHPOOL_ASSIGN_OR_RETURN(const ResultSource source,
                            SourceOf(task, flags.task_file));
  ARCHPOOL_ASSIGN_OR_RETURN(
      const std::vector<std::string> written,
      WriteResult(context, task, source, flags.directory));
  std::string page;
  for (const std::string& path : written) absl::StrAppend(&page, path, "\n");
  context.Show({{"task_id", task.task_id()}, {"files", written}}, page);
  return absl::OkStatus();
}

// Adds a subcommand that takes a task's id.
CLI::App* AddForTask(CLI::App& group, const char* name, const char* help,
                     const std::shared_ptr<TaskFlags>& flags) {
  CLI::App* command = group.add_subcommand(name, help);
  command->add_option("id", flags->task_id, "The task's number")
      ->required()
      ->check(CLI::Range(int64_t{1}, INT64_MAX));
  return command;
}

void AddSubmit(CLI::App& group, Action& action,
               const std::shared_ptr<TaskFlags>& flags) {
  CLI::App* submit = group.add_subcommand(
      "submit", "Send a task file's dataset and open the task (clients)");
  submit->add_option("file", flags->file, "The task, as YAML")->required();
  submit->add_flag("--wait", flags->is_waiting, "Follow the task to its end");
  submit->add_option(
      "--request-id", flags->request_id,
      "Submitting with the same one again opens nothing more; by "
      "default what is open from the same file is not opened "
      "again");
  submit->footer(
      "The file is checked first; each problem is shown with its line. The "
      "reward is set\naside from your balance, and what is not used comes "
      "back.\nFormats of datasets that a file may name, and the keys of their "
      "files:\n" +
      DescribeDatasetFormats() + DescribeImportedFormats() +
      "Search policies that a file may name:\n  " + SearchPolicyNames() +
      "\nExample:\n  archpool --token-file client.token task submit "
      "fashion-mnist.yaml --wait");
  submit->callback([&action, flags] {
    action = [flags](Context& c) { return SubmitTaskFile(c, *flags); };
  });
  CLI::App* check = group.add_subcommand(
      "check", "Check a task file and its images, without a server or a token");
  check->add_option("file", flags->file, "The task, as YAML")->required();
  check->add_option("--contact-sheet", flags->contact_sheet,
                    "Write a few images of each class into this PNG file");
  check->callback([&action, flags] {
    action = [flags](Context& c) { return CheckTaskFile(c, *flags); };
  });
}

}  // namespace

void AddTaskCommands(CLI::App& app, Action& action) {
  CLI::App* group =
      app.add_subcommand("task", "Searches: submit, follow, and fetch results");
  group->require_subcommand(1);
  const auto flags = std::make_shared<TaskFlags>();
  AddInitCommand(*group, action);
  AddSubmit(*group, action, flags);
  CLI::App* schema = group->add_subcommand(
      "schema", "Print the JSON Schema of task files, for editors");
  schema->footer(
      "An editor that knows YAML schemas completes and checks a task file with "
      "it:\n  archpool task schema >task.schema.json\nand, in the file's first "
      "line:\n  # yaml-language-server: $schema=task.schema.json");
  schema->callback([&action] {
    action = [](Context& c) {
      c.output().out << TaskSchema();
      return absl::OkStatus();
    };
  });

  CLI::App* list = group->add_subcommand("list", "List tasks, newest first");
  list->add_option("--limit", flags->limit, "Maximum number of rows")
      ->check(CLI::Range(int64_t{1}, int64_t{100'000}))
      ->capture_default_str();
  list->callback([&action, flags] {
    action = [flags](Context& c) { return ListTasks(c, flags->limit); };
  });
  AddForTask(*group, "show",
             "Show the best network, the front, and where the reward goes",
             flags)
      ->callback([&action, flags] {
        action = [flags](Context& c) { return ShowTask(c, flags->task_id); };
      });
  AddForTask(*group, "watch",
             "Follow a task to its end: live on a terminal, in lines elsewhere",
             flags)
      ->callback([&action, flags] {
        action = [flags](Context& c) { return FollowTask(c, flags->task_id); };
      });
  AddForTask(*group, "cancel", "End a task; finished work is still paid", flags)
      ->callback([&action, flags] {
        action = [flags](Context& c) { return CancelTask(c, flags->task_id); };
      });
  CLI::App* result = AddForTask(
      *group, "result", "Save the best network and the front as files", flags);
  result
      ->add_option("--output", flags->directory,
                   "Directory for summary.json, result.json, "
                   "architecture.json, weights.safetensors, model.py, "
                   "model.onnx, reproduction.json and front/")
      ->required();
  result->add_option("--task-file", flags->task_file,
                     "The task's file, which archpool reproduce reads the "
                     "images by; where they are a folder of images, the names "
                     "of its classes go to classes.json");
  result->callback([&action, flags] {
    action = [flags](Context& c) { return SaveResult(c, *flags); };
  });
}

}  // namespace archpool
