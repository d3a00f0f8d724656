// SPDX-License-Identifier: Apache-2.0
#include "client/task_file.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/import_reader.h"
#include "client/map_reader.h"
#include "client/space_reader.h"
#include "client/yaml_tree.h"
#include "common/base/status.h"
#include "common/data/read_file.h"
#include "common/model/limits.h"
#include "common/nas/search/search_policy.h"

namespace archpool {
namespace {

absl::Status Invalid(absl::string_view message) {
  return InvalidArgument("TASK_FILE_INVALID", message);
}

class TaskReader {
 public:
  TaskReader(ProblemList& problems, const std::string& file_name,
             const FileTrouble& file_trouble, const FileTrouble& folder_trouble)
      : problems_(problems),
        folder_(std::filesystem::path(file_name).parent_path()),
        file_trouble_(file_trouble),
        folder_trouble_(folder_trouble) {}

  TaskFile Read(const YamlNode& root) {
    MapReader map(
        problems_, &root, "",
        {"name", "dataset", "space", "limits", "recipe", "budget", "reward",
         "search", "partition", "results_visible_to_miners"});
    TaskFile task;
    if (map.Require("name") != nullptr) ReadName(map, task.spec.name);
    const YamlNode* dataset = map.Require("dataset");
    if (dataset != nullptr) ReadDataset(*dataset, task.dataset);
    const YamlNode* space = map.Require("space");
    if (space != nullptr) {
      std::optional<SearchSpace> read = ReadSpace(problems_, *space);
      if (read.has_value()) task.spec.space = *std::move(read);
    }
    ReadLimits(map.Find("limits"), task.spec.limits);
    ReadRecipe(map.Find("recipe"), task.spec.recipe);
    const YamlNode* budget = map.Require("budget");
    if (budget != nullptr) ReadBudget(*budget, task.spec.budget);
    const YamlNode* reward = map.Require("reward");
    if (reward != nullptr) ReadReward(*reward, task.spec.terms);
    ReadSearch(map.Find("search"), task.spec.search);
    ReadPartition(map.Find("partition"), task.spec);
    ReadSight(map, task.spec.results_visible_to_miners);
    if (problems_.count() == 0) {
      // All that is missing is the digest, which the upload will give.
      TaskSpec whole = task.spec;
      whole.dataset = Sha256(absl::string_view("a dataset"));
      const absl::Status status = whole.ValidateNew();
      if (!status.ok()) {
        problems_.Add(root.position, std::string(status.message()));
      }
    }
    return task;
  }

 private:
  void ReadName(MapReader& map, std::string& name) {
    map.ReadText("name", name);
    const bool is_printable = std::all_of(
        name.begin(), name.end(), [](char c) { return c >= ' ' && c <= '~'; });
    if (std::ssize(name) > limits::kTaskNameLength.max || !is_printable) {
      problems_.Add(
          map.Find("name")->position,
          absl::StrCat("name is ", Quoted(name), " (", name.size(),
                       " bytes); it must be 1 to ", limits::kTaskNameLength.max,
                       " printable ASCII characters"));
    }
  }

  void ReadDataset(const YamlNode& node, DatasetSource& source) {
    if (!ImportedWordOf(node).empty()) {
      return ReadImported(
          problems_, node,
          [this](const YamlPosition& position, const std::string& name,
                 const std::string& written, bool is_folder) {
            std::string path;
            CheckPath(position, name, written,
                      is_folder ? folder_trouble_ : file_trouble_, path);
            return path;
          },
          source);
    }
    // What keys there may be follows from the format; where that is none, every
    // format's: which one is meant is the only question.
    const DatasetFormat* const format =
        FindDatasetFormat(FollowPath(node, "format").text);
    std::vector<std::string> keys = {"format", "classes", "validation_count",
                                     "held_out_count", "channels"};
    for (const DatasetFormat& one : DatasetFormats()) {
      if (format != nullptr && format != &one) continue;
      for (const FormatKey& key : one.keys) keys.emplace_back(key.key);
    }
    if (format == nullptr) {
      const std::vector<std::string> imported = ImportedKeys();
      keys.insert(keys.end(), imported.begin(), imported.end());
    }
    MapReader map(problems_, &node, "dataset", keys);
    ReadChannels(map, format, source);
    if (const YamlNode* word = map.Require("format"); word && !format) {
      problems_.Add(word->position,
                    absl::StrCat("dataset.format is ", Quoted(word->text),
                                 "; it must be ", FormatWords()));
    }
    if (format != nullptr) {
      source.format = format->word;
      ReadFiles(map, *format, source);
    }
    map.ReadInteger("held_out_count", limits::kImages, source.held_out_count);
    if (map.Require("classes") != nullptr) {
      map.ReadInteger("classes", limits::kClasses, source.classes);
    }
    if (map.Require("validation_count") != nullptr) {
      map.ReadInteger("validation_count", limits::kImages,
                      source.validation_count);
    }
  }

  // Only IDX files have their axes in more than one order.
  void ReadChannels(MapReader& map, const DatasetFormat* format,
                    DatasetSource& source) {
    const YamlNode* const node = map.Find("channels");
    if (node == nullptr) return;
    if (format != nullptr && absl::string_view(format->word) != "idx") {
      map.ExpectWord("channels", "first");
      source.is_channels_first = true;
      return;
    }
    std::string word;
    map.ReadText("channels", word);
    source.is_channels_first = word == "first";
    source.is_channels_last = word == "last";
    if (word.empty() || word == "first" || word == "last") return;
    problems_.Add(node->position,
                  absl::StrCat(map.NameOf("channels"), " is ", Quoted(word),
                               "; it must be first or last"));
  }

  // "'idx' or 'cifar10' or 'images' or 'numpy' or 'cifar100'".
  static std::string FormatWords() {
    return absl::StrCat(
        absl::StrJoin(DatasetFormats(), " or ",
                      [](std::string* out, const DatasetFormat& format) {
                        absl::StrAppend(out, Quoted(format.word));
                      }),
        " or ", Quoted(kPicturesWord), " or ", Quoted(kArraysWord), " or ",
        Quoted(kCifar100Word));
  }

  void ReadFiles(MapReader& map, const DatasetFormat& format,
                 DatasetSource& source) {
    std::vector<std::string> held_out_keys;
    bool has_held_out = false;
    for (const FormatKey& key : format.keys) {
      if (!key.is_held_out) continue;
      held_out_keys.emplace_back(key.key);
      has_held_out = has_held_out || map.Find(key.key) != nullptr;
    }
    for (const FormatKey& key : format.keys) {
      if (key.is_held_out && !has_held_out) continue;
      if (key.is_list) {
        ReadPaths(map, key.key, source.files[key.key]);
      } else if (map.Require(key.key) != nullptr) {
        ReadPath(map, key.key, source.files[key.key].emplace_back());
      }
    }
    const YamlNode* count = map.Find("held_out_count");
    if (has_held_out && count != nullptr) {
      problems_.Add(count->position,
                    absl::StrCat("dataset.held_out_count is given beside ",
                                 held_out_keys.front(),
                                 "; the files are the whole held-out split, so "
                                 "leave it out"));
    } else if (!has_held_out && count == nullptr) {
      problems_.Add(map.position(),
                    absl::StrCat("dataset has no held-out images; give ",
                                 absl::StrJoin(held_out_keys, " and "),
                                 ", or held_out_count to draw some from the "
                                 "train images"));
    }
  }

  void ReadPaths(MapReader& map, absl::string_view key,
                 std::vector<std::string>& paths) {
    const YamlNode* const list = map.RequireList(key);
    if (list == nullptr) return;
    if (std::ssize(list->items) > kDatasetFilesMax) {
      problems_.Add(list->position,
                    absl::StrCat(map.NameOf(key), " has ", list->items.size(),
                                 " files; it may have ", kDatasetFilesMax));
      return;
    }
    for (const YamlNode& item : list->items) {
      CheckPath(item.position, map.NameOf(key), item.text, file_trouble_,
                paths.emplace_back());
    }
  }

  void ReadPath(MapReader& map, absl::string_view key, std::string& path) {
    std::string written;
    map.ReadText(key, written);
    if (written.empty()) return;
    CheckPath(map.Find(key)->position, map.NameOf(key), written, file_trouble_,
              path);
  }

  void CheckPath(const YamlPosition& position, const std::string& name,
                 const std::string& written, const FileTrouble& trouble_with,
                 std::string& path) {
    path = (folder_ / written).string();
    const std::string trouble =
        written.empty() ? "it must be a path"
        : written.front() == '~'
            ? absl::StrCat(Quoted(written),
                           " begins with ~, which only a shell "
                           "understands; write the path out")
            : trouble_with(path);
    if (trouble.empty()) return;
    problems_.Add(position, absl::StrCat(name, ": ", trouble));
  }

  void ReadLimits(const YamlNode* node, PlanLimits& limits) {
    MapReader map(problems_, node, "limits", {"parameters", "macs"});
    map.ReadInteger("parameters", {1, limits::kParametersMax.max},
                    limits.parameters_max);
    map.ReadInteger("macs", {1, limits::kMacsMax.max}, limits.macs_max);
  }

  void ReadRecipe(const YamlNode* node, Recipe& recipe) {
    MapReader map(
        problems_, node, "recipe",
        {"batch_size", "epochs", "learning_rate", "momentum", "weight_decay",
         "label_smoothing", "warmup", "shift_pixels_max", "horizontal_flip",
         "segments", "further_epochs", "promoted_one_in"});
    map.ReadInteger("batch_size", limits::kNewBatchSize, recipe.batch_size);
    map.ReadInteger("epochs", limits::kEpochs, recipe.epochs);
    map.ReadMillionths("learning_rate", limits::kLearningRatePpm,
                       recipe.learning_rate_ppm);
    map.ReadMillionths("momentum", limits::kMomentumPpm, recipe.momentum_ppm);
    map.ReadMillionths("weight_decay", limits::kWeightDecayPpm,
                       recipe.weight_decay_ppm);
    map.ReadMillionths("label_smoothing", limits::kLabelSmoothingPpm,
                       recipe.label_smoothing_ppm);
    map.ReadMillionths("warmup", limits::kWarmupPpm, recipe.warmup_ppm);
    map.ReadInteger("shift_pixels_max", limits::kShiftPixels,
                    recipe.shift_pixels_max);
    map.ReadBool("horizontal_flip", recipe.horizontal_flip);
    map.ReadInteger("segments", limits::kSegments, recipe.segments);
    map.ReadIntegers("further_epochs", limits::kEpochs,
                     limits::kFurtherRungs.max, recipe.further_epochs);
    map.ReadInteger("promoted_one_in", limits::kPromotedOneIn,
                    recipe.promoted_one_in);
  }

  void ReadBudget(const YamlNode& node, Budget& budget) {
    MapReader map(problems_, &node, "budget",
                  {"core_seconds", "trials", "time_limit", "target_accuracy"});
    // A work unit is a microsecond of the reference core: a second's millionth.
    if (map.Require("core_seconds") != nullptr) {
      map.ReadMillionths("core_seconds", limits::kWorkUnits, budget.work_units);
    }
    map.ReadInteger("trials", {1, limits::kTrials.max}, budget.trials_max);
    map.ReadTimeSpan("time_limit", limits::kTimeLimit, budget.time_limit);
    map.ReadMillionths("target_accuracy", {1, limits::kTargetAccuracyPpm.max},
                       budget.target_accuracy_ppm);
  }

  void ReadReward(const YamlNode& node, RewardTerms& terms) {
    static_assert(kAmountPerCoin == limits::kPpm.max);
    MapReader map(problems_, &node, "reward",
                  {"amount", "finders_bonus", "bonus_accuracy", "bonus_macs"});
    if (map.Require("amount") != nullptr) {
      map.ReadMillionths("amount", limits::kReward, terms.reward);
    }
    map.ReadMillionths("finders_bonus", limits::kFindersBonusPpm,
                       terms.finders_bonus_ppm);
    map.ReadMillionths("bonus_accuracy", limits::kBonusAccuracyPpm,
                       terms.bonus_accuracy_min_ppm);
    map.ReadInteger("bonus_macs", limits::kBonusMacs, terms.bonus_macs_max);
  }

  void ReadPartition(const YamlNode* node, TaskSpec& spec) {
    MapReader map(problems_, node, "partition",
                  {"subspaces", "trials_per_lease"});
    map.ReadInteger("subspaces", limits::kSubspaces, spec.subspaces);
    map.ReadInteger("trials_per_lease", limits::kTrialsPerLease,
                    spec.trials_per_lease);
  }

  void ReadSight(MapReader& map, ResultSight& sight) {
    constexpr absl::string_view kKey = "results_visible_to_miners";
    std::string when;
    map.ReadText(kKey, when);
    if (when.empty()) return;
    if (when == "never") {
      sight = ResultSight::kNever;
    } else if (when == "after the end") {
      sight = ResultSight::kAfterEnd;
    } else {
      problems_.Add(map.Find(kKey)->position,
                    absl::StrCat(kKey, " is ", Quoted(when),
                                 "; it must be 'never' or 'after the end'"));
    }
  }

  void ReadSearch(const YamlNode* node, SearchTerms& search) {
    MapReader map(problems_, node, "search",
                  {"policy", "halved_macs", "halved_parameters"});
    map.ReadText("policy", search.policy);
    const YamlNode* policy = node == nullptr ? nullptr : map.Find("policy");
    if (policy != nullptr && !search.policy.empty()) {
      const absl::Status known = ParseSearchPolicy(search.policy).status();
      if (!known.ok()) problems_.Add(policy->position, known.message());
    }
    map.ReadMillionths("halved_macs", limits::kHalvedPpm,
                       search.halved_macs_ppm);
    map.ReadMillionths("halved_parameters", limits::kHalvedPpm,
                       search.halved_parameters_ppm);
  }

  ProblemList& problems_;
  const std::filesystem::path folder_;
  const FileTrouble& file_trouble_;
  const FileTrouble& folder_trouble_;
};

}  // namespace

absl::StatusOr<TaskFile> ParseTaskFile(absl::string_view text,
                                       const std::string& file_name,
                                       const FileTrouble& file_trouble,
                                       const FileTrouble& folder_trouble) {
  ProblemList problems;
  TaskFile task;
  const std::variant<YamlNode, YamlProblem> yaml = ParseYaml(text);
  if (const auto* problem = std::get_if<YamlProblem>(&yaml)) {
    problems.Add(problem->position, problem->message);
  } else {
    task = TaskReader(problems, file_name, file_trouble, folder_trouble)
               .Read(std::get<YamlNode>(yaml));
  }
  if (problems.count() > 0) return Invalid(problems.Describe(file_name));
  return task;
}

std::string TroubleWith(const std::string& path) {
  std::error_code error;
  switch (std::filesystem::status(path, error).type()) {
    case std::filesystem::file_type::regular:
      return "";
    case std::filesystem::file_type::not_found:
      return absl::StrCat("there is no file ", Quoted(path),
                          "; a path is relative to the task's file");
    case std::filesystem::file_type::directory:
      return absl::StrCat(Quoted(path), " is a directory; name the file in it");
    case std::filesystem::file_type::none:
      return absl::StrCat("cannot look at ", Quoted(path), ": ",
                          error.message());
    default:
      return absl::StrCat(Quoted(path), " is no regular file");
  }
}

std::string TroubleWithFolder(const std::string& path) {
  std::error_code error;
  switch (std::filesystem::status(path, error).type()) {
    case std::filesystem::file_type::directory:
      return "";
    case std::filesystem::file_type::not_found:
      return absl::StrCat("there is no folder ", Quoted(path),
                          "; a path is relative to the task's file");
    case std::filesystem::file_type::none:
      return absl::StrCat("cannot look at ", Quoted(path), ": ",
                          error.message());
    default:
      return absl::StrCat(Quoted(path),
                          " is no folder; name the one that holds the folders "
                          "of the classes");
  }
}

absl::StatusOr<TaskFile> LoadTaskFile(const std::string& path) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string text,
                            ReadFile(path, kYamlBytesMax));
  return ParseTaskFile(text, path, TroubleWith, TroubleWithFolder);
}

}  // namespace archpool
