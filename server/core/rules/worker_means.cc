// SPDX-License-Identifier: Apache-2.0
#include "server/core/rules/worker_means.h"

#include <string>
#include <vector>

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "common/model/task_spec.h"
#include "common/nas/layer_plan.h"
#include "common/nas/training_memory.h"
#include "server/core/rules/network_setup.h"
#include "server/core/rules/policy.h"

namespace archpool {
namespace {

constexpr int64_t kKibi = int64_t{1} << 10;
constexpr int64_t kMebi = int64_t{1} << 20;

// The files of an answer: the weights, and the checkpoint that a segment begins
// with, weights and optimizer.
constexpr int64_t kFilesPerAnswer = 3;
// The bound for a file (WeightsSizeMaxBytes) allows for buffers and headers of
// any network, and so for none on such a line: this is what most take.
constexpr int64_t kFileBytesPerParameter = 4;

// "2.5"; rounded down.
std::string Tenths(int64_t amount, int64_t unit) {
  return absl::StrCat(amount / unit, ".", amount % unit * 10 / unit);
}

int64_t ParametersMax(int64_t upload_bytes_per_second,
                      const PoolPolicy& policy) {
  if (upload_bytes_per_second <= 0 ||
      upload_bytes_per_second >= policy.upload_rate_least) {
    return INT64_MAX;
  }
  return static_cast<int64_t>(absl::int128(upload_bytes_per_second) *
                              absl::ToInt64Milliseconds(policy.upload_term) /
                              1'000 /
                              (kFilesPerAnswer * kFileBytesPerParameter));
}

int64_t MemoryMaxBytes(int64_t memory_bytes, const DatasetManifest& manifest,
                       const PoolPolicy& policy) {
  if (memory_bytes <= 0) return INT64_MAX;
  const int64_t left = MemoryForTraining(manifest, memory_bytes);
  const int64_t of_pool = MemoryForTraining(manifest, policy.memory_max_bytes);
  // What is given out fits into the pool's own bound, where that has one.
  return of_pool > 0 && left >= of_pool ? INT64_MAX : left;
}

int64_t CheckpointsMaxBytes(int64_t checkpoints_bytes,
                            const PoolPolicy& policy) {
  return checkpoints_bytes <= 0 ||
                 checkpoints_bytes >= policy.checkpoints_max_bytes
             ? INT64_MAX
             : checkpoints_bytes;
}

}  // namespace

TrainingSize SizeOf(const LayerPlan& plan, const Recipe& recipe) {
  return {
      .parameters = plan.parameters,
      .memory_bytes = TrainingMemoryMaxBytes(plan, recipe.batch_size),
      .checkpoints_bytes = CheckpointMaxBytes(plan) * (recipe.segments + 1)};
}

TrainingRoom RoomFor(const WorkerMeans& means, const DatasetManifest& manifest,
                     const PoolPolicy& policy) {
  return {
      .parameters_max = ParametersMax(means.upload_bytes_per_second, policy),
      .memory_max_bytes = MemoryMaxBytes(means.memory_bytes, manifest, policy),
      .checkpoints_max_bytes =
          CheckpointsMaxBytes(means.checkpoints_bytes, policy)};
}

std::string PassedOver::Describe(const WorkerMeans& means,
                                 const TrainingRoom& room) const {
  std::vector<std::string> parts;
  if (parameters_ != INT64_MAX) {
    parts.push_back(absl::StrCat(
        "its line sends ", Tenths(means.upload_bytes_per_second, kKibi),
        " KiB/s, enough for networks of ", room.parameters_max,
        " parameters, and the least of these has ", parameters_,
        "; connect it by a faster line"));
  }
  if (checkpoints_bytes_ != INT64_MAX) {
    parts.push_back(absl::StrCat(
        "it keeps checkpoints in ", means.checkpoints_bytes / kMebi,
        " MiB of its disk, and those of the least of these trainings take ",
        (checkpoints_bytes_ + kMebi - 1) / kMebi,
        " MiB; give it more (--checkpoints-mib)"));
  }
  if (memory_bytes_ != INT64_MAX) {
    parts.push_back(absl::StrCat(
        "it has ", means.memory_bytes / kMebi, " MiB of memory, ",
        room.memory_max_bytes / kMebi,
        " MiB of them for a training, and the least of these takes ",
        (memory_bytes_ + kMebi - 1) / kMebi,
        " MiB; give it more (--memory-mib)"));
  }
  return absl::StrJoin(parts, "; ");
}

}  // namespace archpool
