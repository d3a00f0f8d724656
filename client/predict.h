// SPDX-License-Identifier: Apache-2.0
// archpool predict: what a network of a result says of pictures.
#ifndef ARCHPOOL_CLIENT_PREDICT_H_
#define ARCHPOOL_CLIENT_PREDICT_H_

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "client/context.h"
#include "client/result_folder.h"

namespace archpool {

// What a network says of one picture. Value type.
struct Prediction {
  std::string path;
  int64_t label = 0;                  // the first of the largest
  std::vector<double> probabilities;  // by label; they add up to 1
};

// The softmax of one example's logits, in double. REQUIRES: they are finite.
std::vector<double> ProbabilitiesOf(absl::Span<const float> logits);

// Through the kernels, in which the pool counts: the same answers. In the order
// of `paths`. Errors: ReadPictureAs's, for the first picture that has one;
// FAILED_PRECONDITION (PREDICTION_NOT_FINITE): the network comes to no numbers;
// INVALID_ARGUMENT (PICTURE_CHANNELS): it reads no pictures; CANCELLED
// (STOPPED).
absl::StatusOr<std::vector<Prediction>> PredictPictures(
    const ResultNetwork& result, const std::vector<std::string>& paths,
    const std::stop_token& stop);

struct PredictFlags {
  std::string directory;
  std::vector<std::string> pictures;
  std::string fit;  // "": the dataset's
};
// Shows a line for each picture. Errors as ReadResultFolder and
// PredictPictures.
absl::Status RunPredict(Context& context, const PredictFlags& flags);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_PREDICT_H_
