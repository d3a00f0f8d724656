// SPDX-License-Identifier: Apache-2.0
#include "common/kernels/trial.h"

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status.h"

namespace archpool::kernels {

int64_t SegmentBoundary(int64_t steps, int64_t segments, int64_t boundary) {
  ARCHPOOL_CHECK(segments > 0 && boundary >= 0 && boundary <= segments);
  // No overflow: segments is at most 1024, and steps a count of batches.
  return steps * boundary / segments;
}

absl::Status CheckData(const LayerPlan& plan, const Dataset& data) {
  if (data.shape == plan.input_shape && data.classes == plan.classes &&
      data.count() > 0 &&
      static_cast<int64_t>(data.images.size()) ==
          data.count() * data.shape.elements()) {
    return absl::OkStatus();
  }
  return InvalidArgument(
      "DATA_MISMATCH",
      absl::StrCat(
          "the dataset has ", data.count(), " images of ", data.shape.channels,
          "x", data.shape.height, "x", data.shape.width, " in ", data.classes,
          " classes; the plan reads ", plan.input_shape.channels, "x",
          plan.input_shape.height, "x", plan.input_shape.width, " in ",
          plan.classes, " classes; use the dataset that the task names"));
}

}  // namespace archpool::kernels
