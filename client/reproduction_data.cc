// SPDX-License-Identifier: Apache-2.0
#include "client/reproduction_data.h"

#include <optional>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "client/brought_dataset.h"
#include "client/task_file.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/data/dataset_format.h"

namespace archpool {
namespace {

// What differs first between the dataset of the file and that of the training;
// "": nothing.
std::string DifferenceOf(const DatasetSplit& found,
                         const Reproduction& reproduction) {
  const DatasetManifest& here = found.manifest;
  const DatasetManifest& wanted = reproduction.manifest;
  const auto counts = [](const DatasetManifest& of) {
    return absl::StrCat(of.train_count, " + ", of.validation_count, " + ",
                        of.held_out_count, " images of ", of.shape.channels,
                        "x", of.shape.height, "x", of.shape.width, " in ",
                        of.classes, " classes");
  };
  if (counts(here) != counts(wanted)) {
    return absl::StrCat("it has ", counts(here),
                        " (to train on, to validate, held out), and the "
                        "network's has ",
                        counts(wanted));
  }
  for (const auto& [name, one, other] :
       {std::tuple("to train on", here.train, wanted.train),
        std::tuple("to validate", here.validation, wanted.validation),
        std::tuple("held out", DigestOf(found.held_out),
                   reproduction.held_out)}) {
    if (one == other) continue;
    return absl::StrCat("the images or labels ", name, " have the digest ",
                        one.ToString(), ", and the network's ",
                        other.ToString());
  }
  return here.Id() == wanted.Id() ? "" : "its mean or deviation is another";
}

absl::StatusOr<DatasetSplit> CutAgain(const DatasetSource& source,
                                      const Digest& split_key) {
  const DatasetFormat* const format = FindDatasetFormat(source.format);
  ARCHPOOL_CHECK(format != nullptr);
  ARCHPOOL_ASSIGN_OR_RETURN(
      const Dataset train,
      LoadDatasetFiles(*format, source.files, /*is_held_out=*/false,
                       source.classes));
  std::optional<Dataset> held_out;
  if (HasHeldOutFiles(*format, source.files)) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        held_out, LoadDatasetFiles(*format, source.files, /*is_held_out=*/true,
                                   source.classes));
  }
  return SplitDataset(train, held_out, source.validation_count,
                      source.held_out_count, split_key);
}

absl::StatusOr<std::string> ChooseTaskFile(const Reproduction& reproduction,
                                           const std::string& task_file) {
  if (!task_file.empty()) return task_file;
  if (!reproduction.task_file.empty()) return reproduction.task_file;
  return InvalidArgument(
      "TASK_FILE_UNKNOWN",
      "the folder does not say from which task file the network was trained; "
      "name it with --data TASK.yaml");
}

}  // namespace

absl::StatusOr<DatasetSplit> LoadReproductionData(
    Context& context, const Reproduction& reproduction,
    const std::string& task_file) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string path,
                            ChooseTaskFile(reproduction, task_file));
  if (!reproduction.split_key) {
    return InvalidArgument(
        "SPLIT_KEY_MISSING",
        "the pool had not noted how it split this dataset; submit a task on it "
        "once more, which registers it again, and save this result again");
  }
  absl::StatusOr<TaskFile> file = LoadTaskFile(path);
  if (!file.ok() && task_file.empty()) {
    return MakeError(file.status().code(), GetReason(file.status()),
                     absl::StrCat(file.status().message(),
                                  "; where the task's file lies elsewhere by "
                                  "now, name it with --data"));
  }
  ARCHPOOL_RETURN_IF_ERROR(file.status());
  // Its files are there until they are read.
  ARCHPOOL_ASSIGN_OR_RETURN(const ImportedDataset imported,
                            BringDataset(context, file->dataset));
  ARCHPOOL_ASSIGN_OR_RETURN(DatasetSplit split,
                            CutAgain(file->dataset, *reproduction.split_key));
  const std::string difference = DifferenceOf(split, reproduction);
  if (difference.empty()) return split;
  return InvalidArgument(
      "DATASET_DIFFERS",
      absl::StrCat("the dataset of ", path,
                   " is not the one that this network was trained on: ",
                   difference, "; name the task's file with --data"));
}

}  // namespace archpool
