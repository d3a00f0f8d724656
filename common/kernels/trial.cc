#include "common/kernels/trial.h"

#include "common/base/check.h"

namespace archpool::kernels {

int64_t SegmentBoundary(int64_t steps, int64_t segments, int64_t boundary) {
  ARCHPOOL_CHECK(segments > 0 && boundary >= 0 && boundary <= segments);
  // No overflow: segments is at most 1024, and steps a count of batches.
  return steps * boundary / segments;
}

}  // namespace archpool::kernels
