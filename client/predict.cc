// SPDX-License-Identifier: Apache-2.0
#include "client/predict.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/import/imported.h"
#include "client/text.h"
#include "common/base/status.h"
#include "common/kernels/training.h"

namespace archpool {
namespace {

// What is decoded before it is computed.
constexpr int64_t kBatchBytesMax = int64_t{16} << 20;

// The pictures from `first` on that fit a batch, at least one.
absl::StatusOr<Dataset> ReadBatch(const ResultNetwork& result,
                                  const std::vector<std::string>& paths,
                                  size_t first, const std::stop_token& stop) {
  const LayerPlan& plan = result.network.plan;
  Dataset batch{.shape = plan.input_shape, .classes = plan.classes};
  for (size_t i = first; i < paths.size(); ++i) {
    if (stop.stop_requested()) return Stopped();
    ARCHPOOL_ASSIGN_OR_RETURN(
        const std::vector<uint8_t> pixels,
        ReadPictureAs(paths[i], plan.input_shape, result.rules));
    batch.images.insert(batch.images.end(), pixels.begin(), pixels.end());
    batch.labels.push_back(0);
    if (std::ssize(batch.images) + std::ssize(pixels) > kBatchBytesMax) break;
  }
  return batch;
}

std::string NameOfClass(const ResultNetwork& result, int64_t label) {
  const std::vector<std::string>& names = result.network.class_names;
  return names.empty() ? absl::StrCat(label)
                       : names[static_cast<size_t>(label)];
}

// The label with the largest probability but for `label`.
int64_t SecondOf(const Prediction& prediction) {
  int64_t second = prediction.label == 0 ? 1 : 0;
  for (int64_t i = 0; i < std::ssize(prediction.probabilities); ++i) {
    const auto at = static_cast<size_t>(i);
    if (i != prediction.label &&
        prediction.probabilities[at] >
            prediction.probabilities[static_cast<size_t>(second)]) {
      second = i;
    }
  }
  return second;
}

std::string Percent(const Prediction& prediction, int64_t label) {
  return FormatPercent(
      std::llround(1e6 * prediction.probabilities[static_cast<size_t>(label)]));
}

std::string PageOf(const ResultNetwork& result,
                   const std::vector<Prediction>& predictions,
                   const Terminal& terminal) {
  Table table({{.title = "image"},
               {.title = "class"},
               {.title = "probability", .align = Table::Align::kRight},
               {.title = "next"},
               {.title = "probability", .align = Table::Align::kRight}});
  for (const Prediction& one : predictions) {
    const int64_t second = SecondOf(one);
    table.AddRow({Clean(one.path), Clean(NameOfClass(result, one.label)),
                  Percent(one, one.label), Clean(NameOfClass(result, second)),
                  Percent(one, second)});
  }
  return table.Render(terminal, 0);
}

Json PredictionsJson(const ResultNetwork& result,
                     const std::vector<Prediction>& predictions) {
  Json list = Json::array();
  for (const Prediction& one : predictions) {
    list.push_back(
        {{"image", one.path},
         {"label", one.label},
         {"class", NameOfClass(result, one.label)},
         {"probability", one.probabilities[static_cast<size_t>(one.label)]},
         {"probabilities", one.probabilities}});
  }
  return {{"predictions", list}};
}

}  // namespace

std::vector<double> ProbabilitiesOf(absl::Span<const float> logits) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  std::vector<double> probabilities;
  for (const float logit : logits) {
    probabilities.push_back(std::exp(double{logit} - largest));
  }
  const double sum =
      std::accumulate(probabilities.begin(), probabilities.end(), 0.0);
  for (double& probability : probabilities) probability /= sum;
  return probabilities;
}

absl::StatusOr<std::vector<Prediction>> PredictPictures(
    const ResultNetwork& result, const std::vector<std::string>& paths,
    const std::stop_token& stop) {
  const ExportedNetwork& network = result.network;
  const int64_t channels = network.plan.input_shape.channels;
  if (channels != 1 && channels != 3) {
    return InvalidArgument(
        "PICTURE_CHANNELS",
        absl::StrCat("the network reads images of ", channels,
                     " channels, and pictures have 1 or 3; use model.py with "
                     ".npy files"));
  }
  std::vector<Prediction> predictions;
  const auto classes = static_cast<size_t>(network.plan.classes);
  while (predictions.size() < paths.size()) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        const Dataset batch,
        ReadBatch(result, paths, predictions.size(), stop));
    bool is_finite = true;
    ARCHPOOL_RETURN_IF_ERROR(kernels::ComputeLogits(
        network.plan, result.weights,
        {.mean_ppm = network.mean_ppm, .deviation_ppm = network.deviation_ppm},
        batch, [&](int64_t, absl::Span<const float> logits) {
          for (size_t i = 0; is_finite && i < logits.size(); i += classes) {
            const auto one = logits.subspan(i, classes);
            is_finite = std::all_of(one.begin(), one.end(), [](float logit) {
              return std::isfinite(logit);
            });
            if (!is_finite) break;
            predictions.push_back({.path = paths[predictions.size()],
                                   .label = kernels::Predict(one),
                                   .probabilities = ProbabilitiesOf(one)});
          }
          return is_finite;
        }));
    if (!is_finite) break;
  }
  if (predictions.size() == paths.size()) return predictions;
  return FailedPrecondition(
      "PREDICTION_NOT_FINITE",
      absl::StrCat("the network comes to no numbers for ",
                   paths[predictions.size()],
                   ": its training diverged, or its weights were changed"));
}

absl::Status RunPredict(Context& context, const PredictFlags& flags) {
  ARCHPOOL_ASSIGN_OR_RETURN(ResultNetwork result,
                            ReadResultFolder(flags.directory));
  if (!flags.fit.empty()) {
    result.rules.fit =
        flags.fit == "stretch" ? PictureFit::kStretch : PictureFit::kCrop;
  }
  ARCHPOOL_ASSIGN_OR_RETURN(
      const std::vector<Prediction> predictions,
      PredictPictures(result, flags.pictures, context.stop()));
  context.Show(PredictionsJson(result, predictions),
               PageOf(result, predictions, context.terminal()));
  return absl::OkStatus();
}

}  // namespace archpool
