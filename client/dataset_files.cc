// SPDX-License-Identifier: Apache-2.0
#include "client/dataset_files.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "client/contact_sheet.h"
#include "client/text.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/data/dataset_format.h"
#include "common/data/dataset_look.h"
#include "common/data/read_file.h"
#include "common/data/split.h"
#include "common/model/chance.h"

namespace archpool {
namespace {

// Public datasets have a few images twice; this part of a held-out split is
// more than a few.
constexpr int64_t kSharedOneIn = 100;
constexpr size_t kClassesShownMax = 24;

// The first file of that side, for messages about all of it.
std::string NameOf(const DatasetFormat& format, const DatasetSource& source,
                   bool is_held_out) {
  for (const FormatKey& key : format.keys) {
    if (key.is_held_out != is_held_out) continue;
    return source.NameOf(source.files.at(key.key).front());
  }
  return "";
}

// The last held-out file, which has the labels where they are a file of their
// own.
std::string NameOfLabels(const DatasetFormat& format,
                         const DatasetSource& source) {
  std::string name;
  for (const FormatKey& key : format.keys) {
    if (!key.is_held_out) continue;
    name = source.NameOf(source.files.at(key.key).front());
  }
  return name;
}

// One side's files, by the names that people know.
absl::StatusOr<Dataset> LoadSide(const DatasetFormat& format,
                                 const DatasetSource& source, bool is_held_out,
                                 SeenFiles& seen) {
  return ReadDatasetFiles(
      format, source.files, is_held_out, source.classes,
      [&source](const FormatKey&, size_t,
                const std::string& path) -> absl::StatusOr<DatasetFile> {
        DatasetFile file{.name = source.NameOf(path), .bytes = ""};
        ARCHPOOL_ASSIGN_OR_RETURN(file.bytes,
                                  ReadFile(path, kDatasetFileSizeMax));
        return file;
      },
      {}, &seen);
}

std::vector<int64_t> CountByLabel(const Dataset& dataset) {
  std::vector<int64_t> counts(static_cast<size_t>(dataset.classes), 0);
  for (const uint8_t label : dataset.labels) ++counts[label];
  return counts;
}

absl::Status CheckChannels(const DatasetSource& source, const std::string& path,
                           const TensorShape& shape) {
  if (source.is_channels_first || !LooksChannelsLast(shape)) {
    return absl::OkStatus();
  }
  return InvalidArgument(
      "CHANNELS_LAST",
      absl::StrCat(path, " reads as ", shape.channels, " channels of ",
                   shape.height, "x", shape.width,
                   " pixels; its channels seem to come last, and the pool "
                   "reads count x channels x height x width: write 'channels: "
                   "last' under 'dataset' to have them turned here, or "
                   "'channels: first' where it is meant so"));
}

absl::Status CheckBatch(const TaskFile& task, int64_t train_count) {
  if (task.spec.recipe.batch_size <= train_count) return absl::OkStatus();
  return InvalidArgument(
      "BATCH_RANGE",
      absl::StrCat("recipe.batch_size is ", task.spec.recipe.batch_size,
                   ", and there are ", train_count,
                   " images to train on; it must not be larger"));
}

}  // namespace

std::string DatasetFacts::Describe() const {
  return absl::StrCat(
      DescribeDataset(shape, classes,
                      train_count + validation_count + held_out_count),
      ": ", train_count, " to train on, ", validation_count, " to validate, ",
      held_out_count, " held out");
}

std::string DatasetFacts::DescribeClasses() const {
  std::string text = "Images by class: ";
  for (size_t i = 0; i < train_by_class.size(); ++i) {
    if (i == kClassesShownMax) {
      absl::StrAppend(&text, " and ", train_by_class.size() - i, " more");
      break;
    }
    absl::StrAppend(&text, i == 0 ? "" : ", ", i,
                    i < class_names.size() ? " " : ": ",
                    i < class_names.size() ? class_names[i] : "",
                    i < class_names.size() ? " " : "", train_by_class[i]);
    if (i < held_out_by_class.size()) {
      absl::StrAppend(&text, " + ", held_out_by_class[i], " held out");
    }
  }
  constexpr int64_t kPpmPerHundredth = 10'000;
  return absl::StrCat(text, ". The mean of all pixels is ",
                      mean_ppm / kPpmPerHundredth, " % of white.");
}

std::string DatasetFacts::DescribeBar() const {
  const int64_t bar_ppm = AccuracyAboveChancePpm(validation_count, classes);
  if (bar_ppm > 1'000'000) {
    return "With so few validation images no accuracy is more than a guess: "
           "nothing can win.";
  }
  return absl::StrCat("A result counts as learnt from ", FormatPercent(bar_ppm),
                      " of the validation images on; below it is paid, and "
                      "never wins.");
}

absl::StatusOr<DatasetFacts> LookAtDataset(const TaskFile& task,
                                           const LookOptions& options) {
  const DatasetSource& source = task.dataset;
  const DatasetFormat* const format = FindDatasetFormat(source.format);
  ARCHPOOL_CHECK(format != nullptr);
  const bool has_held_out = HasHeldOutFiles(*format, source.files);
  SeenFiles seen;
  ARCHPOOL_ASSIGN_OR_RETURN(
      const Dataset train,
      LoadSide(*format, source, /*is_held_out=*/false, seen));
  const std::string train_name = NameOf(*format, source, false);
  ARCHPOOL_RETURN_IF_ERROR(CheckChannels(source, train_name, train.shape));
  ARCHPOOL_RETURN_IF_ERROR(CheckSplitCounts(train.count(), has_held_out,
                                            source.validation_count,
                                            source.held_out_count));
  DatasetFacts facts{.shape = train.shape,
                     .classes = source.classes,
                     .train_count = train.count() - source.validation_count -
                                    source.held_out_count,
                     .validation_count = source.validation_count,
                     .held_out_count = source.held_out_count,
                     .warnings = source.notes,
                     .train_by_class = CountByLabel(train),
                     .class_names = source.class_names,
                     .mean_ppm = StatisticsOf(train).mean_ppm,
                     .contact_sheet = ""};
  for (std::string& warning :
       DatasetWarnings(train, source.validation_count, source.held_out_count)) {
    facts.warnings.push_back(std::move(warning));
  }
  ARCHPOOL_RETURN_IF_ERROR(CheckBatch(task, facts.train_count));
  if (!has_held_out) {
    if (options.draws_sheet) facts.contact_sheet = DrawContactSheet(train, {});
    return facts;
  }
  ARCHPOOL_ASSIGN_OR_RETURN(
      const Dataset held_out,
      LoadSide(*format, source, /*is_held_out=*/true, seen));
  if (held_out.shape != train.shape) {
    return InvalidArgument(
        "SPLIT_MISMATCH",
        absl::StrCat(NameOf(*format, source, true), " has images of ",
                     held_out.shape.channels, "x", held_out.shape.height, "x",
                     held_out.shape.width, ", and ", train_name, " of ",
                     train.shape.channels, "x", train.shape.height, "x",
                     train.shape.width, "; they must be the same"));
  }
  facts.held_out_count = held_out.count();
  facts.held_out_by_class = CountByLabel(held_out);
  if (options.draws_sheet) {
    facts.contact_sheet = DrawContactSheet(train, held_out);
  }
  for (std::string& warning :
       DatasetWarnings(held_out, /*validation_count=*/0, held_out.count())) {
    facts.warnings.push_back(
        absl::StrCat(NameOfLabels(*format, source), ": ", std::move(warning)));
  }
  const int64_t shared = CountShared(train, held_out);
  if (shared > 0 && shared * kSharedOneIn >= held_out.count()) {
    facts.warnings.push_back(
        absl::StrCat(shared, " of the ", held_out.count(), " images of ",
                     NameOf(*format, source, true), " are also among those of ",
                     train_name, ": what is trained on measures nothing"));
  }
  return facts;
}

}  // namespace archpool
