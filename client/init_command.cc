// SPDX-License-Identifier: Apache-2.0
#include "client/init_command.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/brought_dataset.h"
#include "client/family.h"
#include "client/found_data.h"
#include "client/map_reader.h"
#include "client/questions.h"
#include "client/submit.h"
#include "client/task_draft.h"
#include "client/task_file.h"
#include "client/term.h"
#include "client/text.h"
#include "common/base/durable_file.h"
#include "common/base/status.h"
#include "common/data/dataset_format.h"
#include "common/data/split.h"
#include "common/model/limits.h"

namespace archpool {
namespace {

constexpr int64_t kPictureSide = 64;
constexpr int64_t kTinyPictureSide = 32;
constexpr char kNoBackground[] = "PICTURE_TRANSPARENT";

bool IsGoal(absl::string_view word) {
  return word == "accuracy" || word == "small" || word == "fast";
}

bool HasGoal(const InitFlags& flags) {
  return !flags.goal.empty() || flags.parameters_max > 0 || flags.macs_max > 0;
}

std::string FamilyWords() {
  return absl::StrJoin(Families(), ", ",
                       [](std::string* out, const FamilyEntry& entry) {
                         absl::StrAppend(out, entry.word);
                       });
}

absl::Status NoAnswer(absl::string_view message) {
  return InvalidArgument("FLAG_RANGE", message);
}

// "~/photos" as a shell would have it, which is not there to do it.
std::string WithHome(const std::string& path) {
  const char* const home = std::getenv("HOME");
  if (home == nullptr || !(path == "~" || absl::StartsWith(path, "~/"))) {
    return path;
  }
  return absl::StrCat(home, path.substr(1));
}

absl::Status TakeGoal(const std::string& answer, InitFlags& flags) {
  if (IsGoal(answer)) {
    flags.goal = answer;
    return absl::OkStatus();
  }
  const std::vector<std::string> words =
      absl::StrSplit(answer, ' ', absl::SkipEmpty());
  const std::optional<int64_t> limit =
      words.size() == 2 ? ParseInteger(words[1]) : std::nullopt;
  if (limit.has_value() && words[0] == "parameters" && *limit >= 1 &&
      *limit <= limits::kParametersMax.max) {
    flags.parameters_max = *limit;
    return absl::OkStatus();
  }
  if (limit.has_value() && words[0] == "macs" && *limit >= 1 &&
      *limit <= limits::kMacsMax.max) {
    flags.macs_max = *limit;
    return absl::OkStatus();
  }
  return NoAnswer(
      "answer accuracy, small or fast, or a limit such as 'parameters 50000' "
      "or 'macs 5000000'");
}

absl::StatusOr<absl::Duration> ReadTime(const std::string& text) {
  return ReadTerm("--time", text, limits::kTimeLimit,
                  "a duration such as 90s, 30m or 2h, up to 366 days");
}

absl::Status TakeAmount(const std::string& answer, InitFlags& flags) {
  const std::optional<int64_t> trials = ParseInteger(answer);
  if (trials.has_value() && *trials >= 1 && *trials <= limits::kTrials.max) {
    flags.trials = *trials;
    return absl::OkStatus();
  }
  if (!trials.has_value() && ReadTime(answer).ok()) {
    flags.time = answer;
    return absl::OkStatus();
  }
  return NoAnswer(
      "answer with a number of trainings, such as 40, or a time, such as 30m");
}

absl::Status CheckFlags(const InitFlags& flags) {
  if (!flags.time.empty())
    ARCHPOOL_RETURN_IF_ERROR(ReadTime(flags.time).status());
  if (!flags.data.empty() && !std::filesystem::exists(flags.data)) {
    return InvalidArgument(
        "FILE_NOT_FOUND",
        absl::StrCat("there is no file or folder ", Quoted(flags.data)));
  }
  return absl::OkStatus();
}

absl::Status NeedNoTerminal(const InitFlags& flags) {
  std::vector<std::string> missing;
  if (flags.data.empty()) missing.emplace_back("--data");
  if (!HasGoal(flags)) {
    missing.emplace_back("--goal (or --parameters-max, --macs-max)");
  }
  if (flags.trials == 0 && flags.time.empty()) {
    missing.emplace_back("--trials (or --time)");
  }
  if (flags.family.empty()) missing.emplace_back("--family");
  if (missing.empty()) return absl::OkStatus();
  return InvalidArgument("FLAGS_MISSING",
                         absl::StrCat("there is no terminal to ask at; give ",
                                      absl::StrJoin(missing, " and ")));
}

absl::Status AskForData(Questions& questions, const FindOptions& options,
                        InitFlags& flags) {
  return questions.Ask(
      "What data? A folder of pictures or data, or a file: .npz, .npy, IDX", "",
      [&](const std::string& answer) {
        const std::string path = WithHome(answer);
        FindOptions own = options;
        own.labels = flags.labels;
        absl::Status status = FindData(path, own).status();
        if (GetReason(status) == "LABELS_UNKNOWN" && flags.labels.empty()) {
          status = questions.Ask("Which file has the labels of these images?",
                                 "", [&](const std::string& labels) {
                                   own.labels = WithHome(labels);
                                   return FindData(path, own).status();
                                 });
          if (status.ok()) flags.labels = own.labels;
        }
        if (status.ok()) flags.data = path;
        // What ended while the labels were asked for does not end twice.
        return GetReason(status) == "ANSWERS_ENDED"
                   ? absl::CancelledError(status.message())
                   : status;
      });
}

absl::Status AskForMissing(Questions& questions, const Output& output,
                           const FindOptions& options, InitFlags& flags) {
  if (flags.data.empty()) {
    const absl::Status status = AskForData(questions, options, flags);
    if (absl::IsCancelled(status) && GetReason(status).empty()) {
      return InvalidArgument("ANSWERS_ENDED", status.message());
    }
    ARCHPOOL_RETURN_IF_ERROR(status);
  }
  if (!HasGoal(flags)) {
    ARCHPOOL_RETURN_IF_ERROR(questions.Ask(
        "What matters? accuracy, small, fast, or a limit: parameters N, macs N",
        "accuracy", [&flags](const std::string& answer) {
          return TakeGoal(answer, flags);
        }));
  }
  if (flags.trials == 0 && flags.time.empty()) {
    ARCHPOOL_RETURN_IF_ERROR(
        questions.Ask("How much? A number of trainings, or a time such as 30m",
                      "40", [&flags](const std::string& answer) {
                        return TakeAmount(answer, flags);
                      }));
  }
  if (!flags.family.empty()) return absl::OkStatus();
  for (const FamilyEntry& entry : Families()) {
    output.err << "  " << entry.word << ": " << entry.about << "\n";
  }
  return questions.Ask(
      "Which family of networks?", "mobile",
      [&flags](const std::string& answer) {
        if (!FindFamily(answer).has_value()) {
          return NoAnswer(absl::StrCat("answer one of ", FamilyWords()));
        }
        flags.family = answer;
        return absl::OkStatus();
      });
}

// A path that the file at `file` can name: relative ones are relative to it.
std::string PathFrom(const std::string& file, const std::string& path) {
  if (path.empty()) return path;
  const std::filesystem::path folder =
      std::filesystem::path(file).parent_path();
  if (folder.empty() || folder == ".") return path;
  return std::filesystem::absolute(path).lexically_normal().string();
}

// The data's name, as far as a task's may hold it.
std::string NameOf(const InitFlags& flags) {
  std::string name = flags.name;
  if (name.empty()) {
    std::filesystem::path path(flags.data);
    if (!path.has_filename()) path = path.parent_path();
    name = path.stem().string();
  }
  std::erase_if(name, [](char c) { return c < ' ' || c > '~'; });
  name.resize(std::min<size_t>(
      name.size(), static_cast<size_t>(limits::kTaskNameLength.max)));
  name = std::string(absl::StripAsciiWhitespace(name));
  return name.empty() || name == "." || name == ".." ? "my task" : name;
}

// What is brought, where transparency is only found behind the pictures that
// were examined.
absl::StatusOr<ImportedDataset> Bring(Context& context, FoundData& found) {
  absl::StatusOr<ImportedDataset> imported =
      BringDataset(context, found.source);
  if (GetReason(imported.status()) != kNoBackground ||
      !found.source.pictures.has_value()) {
    return imported;
  }
  found.source.pictures->background = Rgb{255, 255, 255};
  found.lines.emplace_back("background", "white");
  return BringDataset(context, found.source);
}

absl::StatusOr<ImageFacts> FactsOf(DatasetSource& source) {
  const DatasetFormat* const format = FindDatasetFormat(source.format);
  const int64_t classes =
      source.classes == 0 ? limits::kClasses.max : source.classes;
  ARCHPOOL_ASSIGN_OR_RETURN(
      const Dataset train,
      LoadDatasetFiles(*format, source.files, /*is_held_out=*/false, classes));
  ImageFacts facts{.shape = train.shape,
                   .classes = source.classes,
                   .count = train.count(),
                   .held_out_count = 0};
  int64_t largest =
      train.labels.empty()
          ? 0
          : *std::max_element(train.labels.begin(), train.labels.end());
  if (HasHeldOutFiles(*format, source.files)) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        const Dataset held_out,
        LoadDatasetFiles(*format, source.files, /*is_held_out=*/true, classes));
    facts.held_out_count = held_out.count();
    for (const uint8_t label : held_out.labels) {
      largest = std::max<int64_t>(largest, label);
    }
  }
  if (facts.classes == 0) facts.classes = largest + 1;
  source.classes = facts.classes;
  return facts;
}

TaskWishes WishesOf(const InitFlags& flags) {
  TaskWishes wishes;
  wishes.name = NameOf(flags);
  wishes.family = FindFamily(flags.family).value_or(Family::kMobile);
  wishes.goal = flags.goal == "small"  ? Goal::kSmall
                : flags.goal == "fast" ? Goal::kFast
                                       : Goal::kAccuracy;
  wishes.limits = {.parameters_max = flags.parameters_max,
                   .macs_max = flags.macs_max};
  wishes.trials = flags.trials;
  if (!flags.time.empty()) {
    wishes.time_limit = ReadTime(flags.time).value_or(absl::Hours(1));
  }
  wishes.cores = std::max<int64_t>(1, std::thread::hardware_concurrency());
  return wishes;
}

// What is written is read and looked at first, as a pool would do it.
absl::StatusOr<TaskFacts> CheckDraft(const TaskDraft& draft,
                                     const std::string& text,
                                     const std::string& file) {
  ARCHPOOL_ASSIGN_OR_RETURN(
      TaskFile task, ParseTaskFile(text, file, TroubleWith, TroubleWithFolder));
  task.dataset = draft.data.source;
  task.dataset.validation_count = draft.validation_count;
  task.dataset.held_out_count = draft.held_out_count;
  return LookAtTask(task);
}

absl::Status CheckIsNew(const std::string& file) {
  std::error_code error;
  const auto type = std::filesystem::symlink_status(file, error).type();
  if (type == std::filesystem::file_type::not_found) {
    const std::filesystem::path folder =
        std::filesystem::path(file).parent_path();
    if (folder.empty() || std::filesystem::is_directory(folder, error)) {
      return absl::OkStatus();
    }
    return FailedPrecondition(
        "FILE_UNWRITABLE",
        absl::StrCat("there is no folder ", Quoted(folder.string()),
                     " to write into; make it first"));
  }
  return AlreadyExists(
      "FILE_EXISTS",
      absl::StrCat(file, " exists and is left as it is; name a new file"));
}

}  // namespace

absl::Status InitTask(Context& context, InitFlags flags, int descriptor,
                      bool is_terminal) {
  // Before anything is asked.
  ARCHPOOL_RETURN_IF_ERROR(CheckIsNew(flags.file));
  ARCHPOOL_RETURN_IF_ERROR(CheckFlags(flags));
  FindOptions options{.labels = flags.labels,
                      .picture_side_max = kPictureSide,
                      .stop = context.stop()};
  if (is_terminal) {
    Questions questions(descriptor, context.output().err, context.stop());
    ARCHPOOL_RETURN_IF_ERROR(
        AskForMissing(questions, context.output(), options, flags));
  }
  ARCHPOOL_RETURN_IF_ERROR(NeedNoTerminal(flags));
  const TaskWishes wishes = WishesOf(flags);
  if (wishes.family == Family::kTiny) {
    options.picture_side_max = kTinyPictureSide;
  }
  options.labels = PathFrom(flags.file, flags.labels);
  ARCHPOOL_ASSIGN_OR_RETURN(
      FoundData found, FindData(PathFrom(flags.file, flags.data), options));
  ARCHPOOL_ASSIGN_OR_RETURN(const ImportedDataset imported,
                            Bring(context, found));
  ARCHPOOL_ASSIGN_OR_RETURN(const ImageFacts images, FactsOf(found.source));
  ARCHPOOL_ASSIGN_OR_RETURN(const TaskDraft draft,
                            MakeDraft(wishes, std::move(found), images));
  const std::string text = TextOf(draft);
  ARCHPOOL_ASSIGN_OR_RETURN(const TaskFacts facts,
                            CheckDraft(draft, text, flags.file));
  if (context.stop().stop_requested()) return Stopped();
  ARCHPOOL_RETURN_IF_ERROR(WriteNewFile(flags.file, text));
  ShowFacts(context.output(), facts);
  context.Show({{"file", flags.file},
                {"name", wishes.name},
                {"dataset", facts.dataset.Describe()},
                {"warnings", facts.dataset.warnings}},
               absl::StrCat(flags.file,
                            " is written. Look at it, then: archpool search ",
                            flags.file, "\n"));
  return absl::OkStatus();
}

void AddInitCommand(CLI::App& group, Action& action) {
  const auto flags = std::make_shared<InitFlags>();
  CLI::App* command = group.add_subcommand(
      "init", "Write a task file: asks four questions, or takes the flags");
  command->add_option("file", flags->file, "The new file, which must not exist")
      ->capture_default_str();
  command->add_option(
      "--data", flags->data,
      "A folder of pictures with a folder for each class, a "
      "folder with the files of\nMNIST, CIFAR-10 or CIFAR-100 or with one "
      ".npz, an .npz, or a file of images\n(.npy or IDX) with its labels "
      "beside it");
  command->add_option("--labels", flags->labels,
                      "The labels of such a file, where their name does not "
                      "tell");
  command->add_option("--goal", flags->goal, "What matters beside accuracy")
      ->check(CLI::IsMember({"accuracy", "small", "fast"}));
  command
      ->add_option("--parameters-max", flags->parameters_max,
                   "No network with more parameters")
      ->check(CLI::Range(int64_t{1}, limits::kParametersMax.max));
  command
      ->add_option("--macs-max", flags->macs_max,
                   "No network with more multiply-accumulates for an image")
      ->check(CLI::Range(int64_t{1}, limits::kMacsMax.max));
  CLI::Option* trials =
      command->add_option("--trials", flags->trials, "How many trainings")
          ->check(CLI::Range(int64_t{1}, limits::kTrials.max));
  command->add_option("--time", flags->time, "How long instead: 90s, 30m, 2h")
      ->excludes(trials);
  std::vector<std::string> words;
  std::string about;
  for (const FamilyEntry& entry : Families()) {
    words.emplace_back(entry.word);
    absl::StrAppend(&about, "  ", entry.word, ": ", entry.about, "\n");
  }
  command->add_option("--family", flags->family, "Which networks, see below")
      ->check(CLI::IsMember(words));
  command->add_option("--name", flags->name,
                      "How the task is listed; by default as the data");
  command->footer(
      "Families of networks:\n" + about +
      "There are no fully connected networks for tables: a task is about "
      "images.\nThe file never replaces another one. What is not given is "
      "asked "
      "for at a terminal.\nExample:\n  archpool task init pets.yaml --data "
      "photos --goal small --trials 40 --family mobile");
  command->callback([&action, flags] {
    action = [flags](Context& c) {
      return InitTask(c, *flags, STDIN_FILENO, isatty(STDIN_FILENO) == 1);
    };
  });
}

}  // namespace archpool
