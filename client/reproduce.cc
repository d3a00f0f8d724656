// SPDX-License-Identifier: Apache-2.0
#include "client/reproduce.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/reproduction_data.h"
#include "client/text.h"
#include "common/base/status.h"
#include "common/data/read_file.h"
#include "common/export/architecture_json.h"
#include "common/kernels/machine_choice.h"
#include "common/kernels/self_check.h"
#include "common/kernels/training.h"
#include "common/kernels/weights.h"
#include "common/model/arithmetic.h"

namespace archpool {
namespace {

// As the worker's --threads takes them.
constexpr int64_t kReproduceThreadsMax = 1'024;

absl::Status FolderMalformed(absl::string_view path, absl::string_view what) {
  return InvalidArgument(
      "RESULT_FILE_MALFORMED",
      absl::StrCat(path, ": ", what, "; fetch the result again"));
}

// The folder's, of the plan's shapes; what they hold is to be compared, and so
// may be anything.
absl::StatusOr<TensorMap> ReadFolderWeights(const std::string& path,
                                            const LayerPlan& plan) {
  const SafetensorsLimits limits;
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string bytes,
                            ReadFile(path, limits.bytes_max));
  absl::StatusOr<TensorMap> weights = ParseSafetensors(bytes, limits);
  if (!weights.ok()) return FolderMalformed(path, weights.status().message());
  const absl::Status fit = kernels::CheckShapes(plan, *weights);
  if (!fit.ok()) return FolderMalformed(path, fit.message());
  return weights;
}

absl::StatusOr<Reproduction> ReadReproduction(const std::string& path) {
  const absl::StatusOr<std::string> text =
      ReadFile(path, kReproductionBytesMax);
  if (absl::IsNotFound(text.status())) {
    return NotFound(
        "FILE_NOT_FOUND",
        absl::StrCat("there is no ", path,
                     ", which says how the network was trained: name the "
                     "folder of a result, or of one network in its front/; "
                     "where it was saved before its task had ended, or from an "
                     "older pool, save it again with archpool task result"));
  }
  ARCHPOOL_RETURN_IF_ERROR(text.status());
  return ParseReproduction(path, *text);
}

absl::Status CheckArithmetics(const Reproduction& reproduction) {
  for (const ReproducedTraining& one : reproduction.trainings) {
    if (one.arithmetic == kArithmetic) continue;
    return InvalidArgument(
        "ARITHMETIC_REPLACED",
        absl::StrCat("trial-", one.trial_id, " was trained in ",
                     Clean(one.arithmetic), ", and this archpool computes in ",
                     kArithmetic, ": use an archpool of that time"));
  }
  return absl::OkStatus();
}

// How far it is: over itself on a terminal, a line for each training elsewhere.
class ReproductionView {
 public:
  ReproductionView(const Output& output, const Reproduction& reproduction)
      : output_(output), reproduction_(reproduction) {}
  ~ReproductionView() {
    if (output_.is_err_live && training_ >= 0) {
      output_.err << "\r\x1b[K" << std::flush;
    }
  }
  ReproductionView(const ReproductionView&) = delete;
  ReproductionView& operator=(const ReproductionView&) = delete;

  void Show(size_t training, int64_t step, int64_t steps) {
    const int64_t percent = steps == 0 ? 100 : 100 * step / steps;
    const auto number = static_cast<int64_t>(training);
    if (number == training_ && percent == percent_) return;
    const bool is_next = number != training_;
    training_ = number;
    percent_ = percent;
    const ReproducedTraining& one = reproduction_.trainings[training];
    const std::string what = absl::StrCat(
        "  training ", number + 1, " of ", reproduction_.trainings.size(),
        " (trial-", one.trial_id, ", up to rung ", one.rung, ")");
    if (output_.is_err_live) {
      output_.err << "\r" << what << ": " << percent << " %\x1b[K"
                  << std::flush;
    } else if (is_next) {
      output_.err << what << std::endl;
    }
  }

 private:
  const Output& output_;
  const Reproduction& reproduction_;
  int64_t training_ = -1;
  int64_t percent_ = -1;
};

std::string OfImages(int64_t correct, int64_t count) {
  return absl::StrCat(FormatCount(correct), " of ", FormatCount(count));
}

absl::Status WeightsDiffer(absl::string_view what) {
  return MakeError(absl::StatusCode::kAborted, "WEIGHTS_DIFFER", what);
}

absl::Status ClaimDiffers(absl::string_view split, int64_t here, int64_t said,
                          int64_t count, absl::string_view who) {
  return MakeError(
      absl::StatusCode::kAborted, "CLAIM_DIFFERS",
      absl::StrCat("the weights are the same bits, and get ",
                   OfImages(here, count), " ", split, " images right where ",
                   who, " ", FormatCount(said)));
}

// The last training's weights are not those that were committed, or not those
// in the folder.
absl::Status JudgeWeights(const Reproduction& wanted,
                          const Reproduced& reproduced) {
  const size_t done = reproduced.trainings.size();
  const ReproducedTraining& last = wanted.trainings[done - 1];
  const Reproduced::Training& here = reproduced.trainings.back();
  const std::string tensors =
      reproduced.difference
          ? absl::StrCat(
                reproduced.difference->Describe("weights.safetensors",
                                                "the training here"),
                "; tensors that differ: ", reproduced.difference->tensors)
          : "";
  if (here.weights == last.weights) {
    if (!reproduced.difference) return absl::OkStatus();
    return WeightsDiffer(absl::StrCat(
        "the training comes to the weights that were committed, and "
        "weights.safetensors has others: ",
        tensors, ". The file was changed: fetch the result again"));
  }
  const std::string which = absl::StrCat(
      "training trial-", last.trial_id,
      " again comes to other weights (SHA-256 ", here.weights.ToString(),
      ") than were committed (", last.weights.ToString(), ")");
  if (done < wanted.trainings.size()) {
    return WeightsDiffer(
        absl::StrCat(which, ", from which the network was trained on"));
  }
  return WeightsDiffer(
      tensors.empty()
          ? absl::StrCat(which, "; weights.safetensors has those trained here")
          : absl::StrCat(which, ": ", tensors));
}

std::string VerdictPage(const Reproduction& wanted,
                        const Reproduced& reproduced, size_t width) {
  const Reproduced::Training& last = reproduced.trainings.back();
  const DatasetManifest& manifest = wanted.manifest;
  return absl::StrCat(
      "The same bits.\n",
      Wrap(absl::StrCat(
               "trial-", wanted.trial_id, ", trained again from nothing in ",
               kArithmetic, ", has the weights that were committed: SHA-256 ",
               last.weights.ToString(), ". They get ",
               OfImages(last.correct, manifest.validation_count),
               " validation images right, as claimed, and ",
               OfImages(reproduced.held_out_correct, manifest.held_out_count),
               " held-out images, ",
               wanted.held_out_correct ? "as a verifier counted."
                                       : "which no verifier had counted."),
           width, 2));
}

Json VerdictJson(const Reproduction& wanted, const Reproduced& reproduced,
                 const absl::Status& verdict) {
  Json trainings = Json::array();
  for (size_t i = 0; i < reproduced.trainings.size(); ++i) {
    const ReproducedTraining& claimed = wanted.trainings[i];
    const Reproduced::Training& here = reproduced.trainings[i];
    trainings.push_back(
        {{"trial_id", claimed.trial_id},
         {"rung", claimed.rung},
         {"committed_weights_digest", claimed.weights.ToString()},
         {"weights_digest", here.weights.ToString()},
         {"claimed_validation_correct", claimed.correct},
         {"validation_correct", here.correct}});
  }
  Json json = {{"task_id", wanted.task_id},
               {"trial_id", wanted.trial_id},
               {"is_reproduced", verdict.ok()},
               {"reason", GetReason(verdict)},
               {"arithmetic", std::string(kArithmetic)},
               {"trainings", std::move(trainings)}};
  if (reproduced.trainings.size() == wanted.trainings.size()) {
    json["held_out_correct"] = reproduced.held_out_correct;
    json["verified_held_out_correct"] =
        wanted.held_out_correct ? Json(*wanted.held_out_correct) : Json();
  }
  if (const auto& difference = reproduced.difference) {
    json["difference"] = {
        {"tensor", difference->tensor},  {"values", difference->values},
        {"of", difference->of},          {"index", difference->index},
        {"file", difference->first},     {"here", difference->second},
        {"tensors", difference->tensors}};
  }
  return json;
}

absl::StatusOr<kernels::Machine> MachineOf(const ReproduceFlags& flags) {
  int64_t threads = flags.threads;
  if (threads == 0) {
    threads = std::clamp<int64_t>(std::thread::hardware_concurrency(), 1,
                                  kReproduceThreadsMax);
  }
  ARCHPOOL_ASSIGN_OR_RETURN(const kernels::Machine machine,
                            kernels::ChooseMachine(flags.simd, threads));
  ARCHPOOL_RETURN_IF_ERROR(kernels::JudgeVectors(
      kernels::ComputeTestVectors(machine),
      "Nothing that it trains says anything of the network"));
  return machine;
}

}  // namespace

absl::StatusOr<ReproducibleNetwork> ReadReproducible(
    const std::string& directory) {
  ReproducibleNetwork read;
  const std::string path = directory + "/reproduction.json";
  ARCHPOOL_ASSIGN_OR_RETURN(read.reproduction, ReadReproduction(path));
  const std::string architecture = directory + "/architecture.json";
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string text,
                            ReadFile(architecture, kArchitectureBytesMax));
  ARCHPOOL_ASSIGN_OR_RETURN(read.network,
                            ParseArchitecture(architecture, text));
  if (read.reproduction.architecture_id !=
          ArchitectureIdOf(read.network.plan) ||
      read.reproduction.manifest.Id() != read.network.dataset_id) {
    return FolderMalformed(
        path, "is of another network or dataset than architecture.json");
  }
  ARCHPOOL_ASSIGN_OR_RETURN(
      read.weights,
      ReadFolderWeights(directory + "/weights.safetensors", read.network.plan));
  ARCHPOOL_RETURN_IF_ERROR(CheckArithmetics(read.reproduction));
  return read;
}

absl::StatusOr<Reproduced> Reproduce(const ReproducibleNetwork& of,
                                     const DatasetSplit& data,
                                     const kernels::Machine& machine,
                                     const std::stop_token& stop,
                                     const ReproductionProgress& progress) {
  const LayerPlan& plan = of.network.plan;
  const Reproduction& wanted = of.reproduction;
  const kernels::Normalization normalization{wanted.manifest.mean_ppm,
                                             wanted.manifest.deviation_ppm};
  Reproduced reproduced;
  TensorMap weights;
  for (size_t i = 0; i < wanted.trainings.size(); ++i) {
    const ReproducedTraining& one = wanted.trainings[i];
    ARCHPOOL_ASSIGN_OR_RETURN(
        kernels::TrainedNetwork trained,
        kernels::Train(
            plan, wanted.recipe,
            {.rung = one.rung, .resumed = i == 0 ? nullptr : &weights},
            one.trial_key, normalization, data.train, data.validation,
            [&](const kernels::TrainingProgress& at) {
              progress(i, at.step, at.steps);
              return !stop.stop_requested();
            },
            nullptr, nullptr, machine));
    weights = std::move(trained.weights);
    reproduced.trainings.push_back(
        {.weights = Sha256(SerializeSafetensors(weights)),
         .correct = trained.validation_correct});
    // What was trained on from other weights is another network.
    if (reproduced.trainings.back().weights != one.weights &&
        i + 1 < wanted.trainings.size()) {
      return reproduced;
    }
  }
  reproduced.difference = FindDifference(plan, of.weights, weights);
  ARCHPOOL_ASSIGN_OR_RETURN(
      reproduced.held_out_correct,
      kernels::CountCorrect(
          plan, weights, normalization, data.held_out,
          [&stop] { return !stop.stop_requested(); }, machine));
  return reproduced;
}

absl::Status JudgeReproduced(const Reproduction& wanted,
                             const Reproduced& reproduced) {
  ARCHPOOL_RETURN_IF_ERROR(JudgeWeights(wanted, reproduced));
  const int64_t claimed = wanted.trainings.back().correct;
  const int64_t correct = reproduced.trainings.back().correct;
  if (correct != claimed) {
    return ClaimDiffers("validation", correct, claimed,
                        wanted.manifest.validation_count, "its miner claimed");
  }
  const int64_t held_out = reproduced.held_out_correct;
  if (wanted.held_out_correct && held_out != *wanted.held_out_correct) {
    return ClaimDiffers("held-out", held_out, *wanted.held_out_correct,
                        wanted.manifest.held_out_count, "a verifier counted");
  }
  return absl::OkStatus();
}

absl::Status RunReproduce(Context& context, const ReproduceFlags& flags) {
  ARCHPOOL_ASSIGN_OR_RETURN(const ReproducibleNetwork network,
                            ReadReproducible(flags.directory));
  ARCHPOOL_ASSIGN_OR_RETURN(const kernels::Machine machine, MachineOf(flags));
  const Reproduction& wanted = network.reproduction;
  ARCHPOOL_ASSIGN_OR_RETURN(
      const DatasetSplit data,
      LoadReproductionData(context, wanted, flags.task_file));
  absl::StatusOr<Reproduced> reproduced;
  {
    ReproductionView view(context.output(), wanted);
    reproduced = Reproduce(network, data, machine, context.stop(),
                           [&view](size_t i, int64_t step, int64_t steps) {
                             view.Show(i, step, steps);
                           });
  }
  ARCHPOOL_RETURN_IF_ERROR(reproduced.status());
  const absl::Status verdict = JudgeReproduced(wanted, *reproduced);
  context.Show(VerdictJson(wanted, *reproduced, verdict),
               verdict.ok()
                   ? VerdictPage(wanted, *reproduced, context.terminal().width)
                   : "");
  return verdict;
}

}  // namespace archpool
