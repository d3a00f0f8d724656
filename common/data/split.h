// SPDX-License-Identifier: Apache-2.0
// Splits a dataset into what is trained on, what miners measure on and what
// only verifiers see.
#ifndef ARCHPOOL_COMMON_DATA_SPLIT_H_
#define ARCHPOOL_COMMON_DATA_SPLIT_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "common/crypto/sha256.h"
#include "common/data/dataset.h"

namespace archpool {

struct DatasetSplit {
  Dataset train;
  Dataset validation;
  Dataset held_out;
  DatasetManifest manifest;
};

// SPLIT_RANGE as SplitDataset says it, of the counts alone. `count` images are
// split.
absl::Status CheckSplitCounts(int64_t count, bool has_held_out,
                              int64_t validation_count, int64_t held_out_count);

// Where `held_out` is given it is the held-out split as it stands, and
// `held_out_count` must be 0; else `held_out_count` images are drawn from
// `dataset`. `validation_count` images are drawn from it in any case, and the
// rest is the train split. The draw is a function of `split_secret` and of the
// counts alone; images keep their order within each split.
//
// INVALID_ARGUMENT: SPLIT_RANGE (a split would be empty, or the counts exceed
// the dataset), SPLIT_MISMATCH (`held_out` has another shape or other classes),
// DATASET_MALFORMED (a dataset breaks its own limits or sizes).
absl::StatusOr<DatasetSplit> SplitDataset(
    const Dataset& dataset, const std::optional<Dataset>& held_out,
    int64_t validation_count, int64_t held_out_count,
    const Digest& split_secret);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_DATA_SPLIT_H_
