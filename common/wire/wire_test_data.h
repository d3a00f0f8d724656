// SPDX-License-Identifier: Apache-2.0
// Valid values for the tests of the wire.
#ifndef ARCHPOOL_COMMON_WIRE_WIRE_TEST_DATA_H_
#define ARCHPOOL_COMMON_WIRE_WIRE_TEST_DATA_H_

#include <string>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/base/status.h"
#include "common/crypto/sha256.h"
#include "common/data/dataset.h"
#include "common/model/task_spec.h"
#include "gmock/gmock.h"

namespace archpool::wire {

// The first word of a status or of a StatusOr that is not OK, for matching.
inline std::string ReasonOf(const absl::Status& status) {
  return GetReason(status);
}
template <typename T>
std::string ReasonOf(const absl::StatusOr<T>& result) {
  return GetReason(result.status());
}

// Two stages; words, numbers, constants and references.
inline SearchSpace TestSpace() {
  ChainTemplate chain;
  chain.stem_width = DimensionRef{"stem"};
  chain.stages.resize(2);
  chain.stages[0].blocks.resize(1);
  chain.stages[0].blocks[0].operation = DimensionRef{"operation"};
  chain.stages[0].blocks[0].kernel = DimensionRef{"kernel"};
  chain.stages[1].stride = 2;
  chain.stages[1].blocks.resize(2);
  chain.stages[1].blocks[0].width = int64_t{24};
  chain.stages[1].blocks[1].activation = std::string("silu");
  chain.head_width = int64_t{32};
  std::vector<Dimension> dimensions = {
      {"stem", {int64_t{8}, int64_t{16}}},
      {"operation", {std::string("conv"), std::string("separable")}},
      {"kernel", {int64_t{3}, int64_t{5}, int64_t{7}}}};
  auto space = SearchSpace::Create(std::move(dimensions), std::move(chain));
  ARCHPOOL_CHECK(space.ok());
  return *space;
}

inline DatasetManifest TestManifest() {
  DatasetManifest manifest;
  manifest.shape = {1, 28, 28};
  manifest.classes = 10;
  manifest.train_count = 900;
  manifest.validation_count = 60;
  manifest.held_out_count = 40;
  manifest.train = Sha256("train");
  manifest.validation = Sha256("validation");
  manifest.mean_ppm = 286'000;
  manifest.deviation_ppm = 353'000;
  return manifest;
}

inline TaskSpec TestSpec() {
  TaskSpec spec;
  spec.name = "fashion";
  spec.dataset = TestManifest().Id();
  spec.space = TestSpace();
  spec.limits = {1'000'000, 500'000'000};
  spec.recipe.epochs = 3;
  spec.recipe.horizontal_flip = true;
  spec.budget.work_units = 5'000'000;
  spec.budget.trials_max = 12;
  spec.budget.time_limit = absl::Minutes(30) + absl::Milliseconds(5);
  spec.budget.target_accuracy_ppm = 900'000;
  spec.terms.reward = 7 * kAmountPerCoin;
  spec.subspaces = 4;
  spec.trials_per_lease = 3;
  return spec;
}

}  // namespace archpool::wire

#endif  // ARCHPOOL_COMMON_WIRE_WIRE_TEST_DATA_H_
