// SPDX-License-Identifier: Apache-2.0
#include "client/reproduction.h"

#include <initializer_list>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/model/limits.h"
#include "common/wire/task_spec_wire.h"

namespace archpool {
namespace {

constexpr char kReproductionFormat[] = "archpool/reproduction";
// A name or a path that is longer is none of ours.
constexpr size_t kArithmeticLengthMax = 100;
constexpr size_t kPathLengthMax = 4'096;

Json RecipeNumbers(const v1::Recipe& recipe) {
  return {{"batch_size", recipe.batch_size()},
          {"epochs", recipe.epochs()},
          {"learning_rate_ppm", recipe.learning_rate_ppm()},
          {"momentum_ppm", recipe.momentum_ppm()},
          {"weight_decay_ppm", recipe.weight_decay_ppm()},
          {"label_smoothing_ppm", recipe.label_smoothing_ppm()},
          {"warmup_ppm", recipe.warmup_ppm()},
          {"shift_pixels_max", recipe.shift_pixels_max()},
          {"horizontal_flip", recipe.horizontal_flip()},
          {"segments", recipe.segments()},
          {"further_epochs", recipe.further_epochs()},
          {"promoted_one_in", recipe.promoted_one_in()}};
}

Json DatasetJson(const Reproduction& reproduction) {
  const DatasetManifest& manifest = reproduction.manifest;
  Json json = {{"dataset_id", manifest.Id().ToString()},
               {"channels", manifest.shape.channels},
               {"height", manifest.shape.height},
               {"width", manifest.shape.width},
               {"classes", manifest.classes},
               {"train_count", manifest.train_count},
               {"validation_count", manifest.validation_count},
               {"held_out_count", manifest.held_out_count},
               {"train_digest", manifest.train.ToString()},
               {"validation_digest", manifest.validation.ToString()},
               {"held_out_digest", reproduction.held_out.ToString()},
               {"mean_ppm", manifest.mean_ppm},
               {"deviation_ppm", manifest.deviation_ppm}};
  if (reproduction.split_key) {
    json["split_key"] = reproduction.split_key->ToString();
  }
  if (!reproduction.task_file.empty()) {
    json["task_file"] = reproduction.task_file;
  }
  return json;
}

absl::Status MalformedBundle(absl::string_view name, absl::string_view what) {
  return InvalidArgument(
      "RESULT_FILE_MALFORMED",
      absl::StrCat(name, ": ", what,
                   "; it should be the reproduction.json that `archpool task "
                   "result` or `archpool search` wrote: fetch the result "
                   "again"));
}

// One object of the file, whose keys are read one by one, in place: a copy of a
// list in a list in a list, and so on, takes as much stack as somebody likes.
class BundleReader {
 public:
  BundleReader(absl::string_view name, std::string path, const Json& object)
      : name_(name), path_(std::move(path)), object_(object) {}

  absl::Status Error(absl::string_view what) const {
    return MalformedBundle(name_, absl::StrCat(path_, what));
  }
  // Null: there is none.
  const Json* Find(const char* key) const {
    const auto found = object_.find(key);
    return found == object_.end() ? nullptr : &*found;
  }

  absl::StatusOr<int64_t> Number(const char* key, int64_t min,
                                 int64_t max) const {
    const Json* const found = Find(key);
    if (found == nullptr) return Error(absl::StrCat(key, " is missing"));
    return NumberIn(key, *found, min, max);
  }
  absl::StatusOr<int64_t> NumberIn(const char* key, const Json& json,
                                   int64_t min, int64_t max) const {
    // Unsigned ones beyond int64_t would wrap.
    const bool is_huge = json.is_number_unsigned() &&
                         json.get<uint64_t>() > static_cast<uint64_t>(max);
    if (json.is_number_integer() && !is_huge) {
      const auto value = json.get<int64_t>();
      if (value >= min && value <= max) return value;
    }
    return Error(
        absl::StrCat(key, " is no whole number from ", min, " to ", max));
  }

  absl::StatusOr<std::string> Text(const char* key, size_t length_max) const {
    const Json* const found = Find(key);
    if (found != nullptr && found->is_string()) {
      const auto& text = found->get_ref<const std::string&>();
      if (text.size() <= length_max) return text;
    }
    return Error(absl::StrCat(key, " is no text of at most ", length_max,
                              " characters"));
  }

  absl::StatusOr<Digest> ReadDigest(const char* key) const {
    const Json* const found = Find(key);
    if (found != nullptr && found->is_string()) {
      const absl::StatusOr<Digest> digest =
          Digest::Parse(found->get_ref<const std::string&>());
      if (digest.ok()) return digest;
    }
    return Error(absl::StrCat(key, " is not 64 hexadecimal digits"));
  }

  absl::StatusOr<BundleReader> Object(const char* key) const {
    const Json* const found = Find(key);
    if (found == nullptr || !found->is_object()) {
      return Error(absl::StrCat(key, " is not an object"));
    }
    return BundleReader(name_, absl::StrCat(path_, key, "."), *found);
  }

  absl::string_view name() const { return name_; }

 private:
  const absl::string_view name_;
  const std::string path_;
  const Json& object_;
};

template <typename Message>
struct NumberKey {
  const char* key;
  void (Message::*set)(int64_t);
};

// Numbers that are not negative; their own ranges are checked afterwards.
template <typename Message>
absl::Status ReadNumbers(const BundleReader& reader,
                         std::initializer_list<NumberKey<Message>> keys,
                         Message& message) {
  for (const NumberKey<Message>& one : keys) {
    ARCHPOOL_ASSIGN_OR_RETURN(const int64_t value,
                              reader.Number(one.key, 0, INT64_MAX));
    (message.*one.set)(value);
  }
  return absl::OkStatus();
}

absl::StatusOr<Recipe> ReadRecipe(const BundleReader& reader) {
  using R = v1::Recipe;
  R recipe;
  ARCHPOOL_RETURN_IF_ERROR(
      ReadNumbers<R>(reader,
                     {{"batch_size", &R::set_batch_size},
                      {"epochs", &R::set_epochs},
                      {"learning_rate_ppm", &R::set_learning_rate_ppm},
                      {"momentum_ppm", &R::set_momentum_ppm},
                      {"weight_decay_ppm", &R::set_weight_decay_ppm},
                      {"label_smoothing_ppm", &R::set_label_smoothing_ppm},
                      {"warmup_ppm", &R::set_warmup_ppm},
                      {"shift_pixels_max", &R::set_shift_pixels_max},
                      {"segments", &R::set_segments},
                      {"promoted_one_in", &R::set_promoted_one_in}},
                     recipe));
  const Json* const flips = reader.Find("horizontal_flip");
  if (flips == nullptr || !flips->is_boolean()) {
    return reader.Error("horizontal_flip is neither true nor false");
  }
  recipe.set_horizontal_flip(flips->get<bool>());
  const Json* const further = reader.Find("further_epochs");
  if (further == nullptr || !further->is_array() ||
      std::ssize(*further) > limits::kFurtherRungs.max) {
    return reader.Error(absl::StrCat("further_epochs is no list of at most ",
                                     limits::kFurtherRungs.max, " numbers"));
  }
  for (const Json& epochs : *further) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        const int64_t value,
        reader.NumberIn("further_epochs", epochs, 0, INT64_MAX));
    recipe.add_further_epochs(value);
  }
  const absl::StatusOr<Recipe> read = wire::RecipeFromProto(recipe);
  if (!read.ok()) return reader.Error(read.status().message());
  return read;
}

absl::Status ReadDataset(const BundleReader& reader,
                         Reproduction& reproduction) {
  using M = v1::DatasetManifest;
  M manifest;
  ARCHPOOL_RETURN_IF_ERROR(
      ReadNumbers<M>(reader,
                     {{"channels", &M::set_channels},
                      {"height", &M::set_height},
                      {"width", &M::set_width},
                      {"classes", &M::set_classes},
                      {"train_count", &M::set_train_count},
                      {"validation_count", &M::set_validation_count},
                      {"held_out_count", &M::set_held_out_count},
                      {"mean_ppm", &M::set_mean_ppm},
                      {"deviation_ppm", &M::set_deviation_ppm}},
                     manifest));
  ARCHPOOL_ASSIGN_OR_RETURN(const Digest train,
                            reader.ReadDigest("train_digest"));
  manifest.set_train_digest(train.AsBytes());
  ARCHPOOL_ASSIGN_OR_RETURN(const Digest validation,
                            reader.ReadDigest("validation_digest"));
  manifest.set_validation_digest(validation.AsBytes());
  const absl::StatusOr<DatasetManifest> read =
      wire::ManifestFromProto("dataset", manifest);
  if (!read.ok())
    return MalformedBundle(reader.name(), read.status().message());
  reproduction.manifest = *read;
  ARCHPOOL_ASSIGN_OR_RETURN(const Digest id, reader.ReadDigest("dataset_id"));
  if (id != reproduction.manifest.Id()) {
    return reader.Error("dataset_id is not that of its digests and counts");
  }
  ARCHPOOL_ASSIGN_OR_RETURN(reproduction.held_out,
                            reader.ReadDigest("held_out_digest"));
  if (reader.Find("split_key") != nullptr) {
    ARCHPOOL_ASSIGN_OR_RETURN(reproduction.split_key,
                              reader.ReadDigest("split_key"));
  }
  if (reader.Find("task_file") != nullptr) {
    ARCHPOOL_ASSIGN_OR_RETURN(reproduction.task_file,
                              reader.Text("task_file", kPathLengthMax));
  }
  return absl::OkStatus();
}

absl::StatusOr<ReproducedTraining> ReadTraining(const BundleReader& reader,
                                                const Reproduction& of) {
  ReproducedTraining training;
  ARCHPOOL_ASSIGN_OR_RETURN(training.trial_id,
                            reader.Number("trial_id", 1, INT64_MAX));
  ARCHPOOL_ASSIGN_OR_RETURN(training.rung,
                            reader.Number("rung", 0, of.recipe.last_rung()));
  ARCHPOOL_ASSIGN_OR_RETURN(training.trial_key, reader.ReadDigest("trial_key"));
  ARCHPOOL_ASSIGN_OR_RETURN(training.weights,
                            reader.ReadDigest("weights_digest"));
  ARCHPOOL_ASSIGN_OR_RETURN(
      training.correct,
      reader.Number("validation_correct", 0, of.manifest.validation_count));
  ARCHPOOL_ASSIGN_OR_RETURN(training.arithmetic,
                            reader.Text("arithmetic", kArithmeticLengthMax));
  return training;
}

absl::Status ReadTrainings(const BundleReader& reader,
                           Reproduction& reproduction) {
  const Json* const list = reader.Find("trainings");
  const int64_t most = reproduction.recipe.last_rung() + 1;
  if (list == nullptr || !list->is_array() || list->empty() ||
      std::ssize(*list) > most) {
    return reader.Error(absl::StrCat("trainings is no list of 1 to ", most));
  }
  for (size_t i = 0; i < list->size(); ++i) {
    const std::string path = absl::StrCat("trainings[", i, "].");
    if (!(*list)[i].is_object()) {
      return reader.Error(absl::StrCat("trainings[", i, "] is not an object"));
    }
    ARCHPOOL_ASSIGN_OR_RETURN(
        ReproducedTraining training,
        ReadTraining(BundleReader(reader.name(), path, (*list)[i]),
                     reproduction));
    if (i > 0 && training.rung != reproduction.trainings.back().rung + 1) {
      return reader.Error(
          absl::StrCat(path, "rung is not the one above the rung before it"));
    }
    reproduction.trainings.push_back(std::move(training));
  }
  return absl::OkStatus();
}

absl::Status CheckBundleFormat(const BundleReader& reader) {
  const Json* const format = reader.Find("format");
  if (format == nullptr || *format != Json(kReproductionFormat)) {
    return reader.Error(
        absl::StrCat("format is not \"", kReproductionFormat, "\""));
  }
  ARCHPOOL_ASSIGN_OR_RETURN(const int64_t version,
                            reader.Number("format_version", 1, INT64_MAX));
  if (version <= kReproductionFormatVersion) return absl::OkStatus();
  return InvalidArgument(
      "RESULT_FILE_TOO_NEW",
      absl::StrCat(reader.name(), ": has format_version ", version,
                   ", and this archpool reads versions up to ",
                   kReproductionFormatVersion, ": update archpool"));
}

absl::StatusOr<ReproducedTraining> TrainingFrom(
    const v1::GetReproductionResponse::Training& proto) {
  ReproducedTraining training{.trial_id = proto.trial_id(),
                              .rung = proto.rung(),
                              .trial_key = {},
                              .weights = {},
                              .correct = proto.validation_correct(),
                              .arithmetic = proto.arithmetic()};
  ARCHPOOL_ASSIGN_OR_RETURN(training.trial_key,
                            Digest::FromBytes(proto.trial_key()));
  ARCHPOOL_ASSIGN_OR_RETURN(training.weights,
                            Digest::FromBytes(proto.weights_digest()));
  return training;
}

absl::StatusOr<Reproduction> FromAnswer(
    const v1::Task& task, const v1::Trial& trial,
    const v1::GetReproductionResponse& answer) {
  Reproduction reproduction{.task_id = task.task_id(),
                            .trial_id = trial.trial_id()};
  ARCHPOOL_ASSIGN_OR_RETURN(reproduction.architecture_id,
                            Digest::FromBytes(trial.architecture_id()));
  ARCHPOOL_ASSIGN_OR_RETURN(reproduction.recipe,
                            wire::RecipeFromProto(task.spec().recipe()));
  ARCHPOOL_ASSIGN_OR_RETURN(
      reproduction.manifest,
      wire::ManifestFromProto("task.manifest", task.manifest()));
  ARCHPOOL_ASSIGN_OR_RETURN(reproduction.held_out,
                            Digest::FromBytes(answer.held_out_digest()));
  if (!answer.split_key().empty()) {
    ARCHPOOL_ASSIGN_OR_RETURN(reproduction.split_key,
                              Digest::FromBytes(answer.split_key()));
  }
  for (const auto& proto : answer.trainings()) {
    ARCHPOOL_ASSIGN_OR_RETURN(reproduction.trainings.emplace_back(),
                              TrainingFrom(proto));
  }
  if (answer.has_held_out_correct()) {
    reproduction.held_out_correct = answer.held_out_correct();
  }
  return reproduction;
}

}  // namespace

absl::StatusOr<Reproduction> MakeReproduction(
    const v1::Task& task, const v1::Trial& trial,
    const v1::GetReproductionResponse& answer, const std::string& task_file) {
  absl::StatusOr<Reproduction> made = FromAnswer(task, trial, answer);
  if (made.ok()) {
    made->task_file = task_file;
    // It is written by the rules of the reader, so that it can be read.
    made = ParseReproduction(
        "the answer", ReproductionJson(*made).dump(
                          -1, ' ', false, Json::error_handler_t::replace));
  }
  if (made.ok()) return made;
  return Internal(
      "REPRODUCTION_MALFORMED",
      absl::StrCat("the pool's answer about trial-", trial.trial_id(),
                   " cannot be followed: ", made.status().message()));
}

Json ReproductionJson(const Reproduction& reproduction) {
  Json json = {{"format", kReproductionFormat},
               {"format_version", kReproductionFormatVersion},
               {"task_id", reproduction.task_id},
               {"trial_id", reproduction.trial_id},
               {"architecture_id", reproduction.architecture_id.ToString()},
               {"recipe", RecipeNumbers(wire::ToProto(reproduction.recipe))},
               {"dataset", DatasetJson(reproduction)}};
  Json trainings = Json::array();
  for (const ReproducedTraining& one : reproduction.trainings) {
    trainings.push_back({{"trial_id", one.trial_id},
                         {"rung", one.rung},
                         {"arithmetic", one.arithmetic},
                         {"trial_key", one.trial_key.ToString()},
                         {"weights_digest", one.weights.ToString()},
                         {"validation_correct", one.correct}});
  }
  json["trainings"] = std::move(trainings);
  if (reproduction.held_out_correct) {
    json["held_out_correct"] = *reproduction.held_out_correct;
  }
  return json;
}

absl::StatusOr<Reproduction> ParseReproduction(absl::string_view name,
                                               absl::string_view text) {
  if (std::ssize(text) > kReproductionBytesMax) {
    return MalformedBundle(
        name, absl::StrCat("has more than ", kReproductionBytesMax, " bytes"));
  }
  const Json json = Json::parse(text.begin(), text.end(), nullptr,
                                /*allow_exceptions=*/false);
  if (!json.is_object()) return MalformedBundle(name, "is not a JSON object");
  const BundleReader reader(name, "", json);
  ARCHPOOL_RETURN_IF_ERROR(CheckBundleFormat(reader));
  Reproduction read;
  ARCHPOOL_ASSIGN_OR_RETURN(read.task_id,
                            reader.Number("task_id", 1, INT64_MAX));
  ARCHPOOL_ASSIGN_OR_RETURN(read.trial_id,
                            reader.Number("trial_id", 1, INT64_MAX));
  ARCHPOOL_ASSIGN_OR_RETURN(read.architecture_id,
                            reader.ReadDigest("architecture_id"));
  ARCHPOOL_ASSIGN_OR_RETURN(const BundleReader recipe, reader.Object("recipe"));
  ARCHPOOL_ASSIGN_OR_RETURN(read.recipe, ReadRecipe(recipe));
  ARCHPOOL_ASSIGN_OR_RETURN(const BundleReader dataset,
                            reader.Object("dataset"));
  ARCHPOOL_RETURN_IF_ERROR(ReadDataset(dataset, read));
  ARCHPOOL_RETURN_IF_ERROR(ReadTrainings(reader, read));
  if (reader.Find("held_out_correct") != nullptr) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        read.held_out_correct,
        reader.Number("held_out_correct", 0, read.manifest.held_out_count));
  }
  return read;
}

}  // namespace archpool
