// SPDX-License-Identifier: Apache-2.0
#include "common/nas/sampling.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/crypto/canonical.h"
#include "common/nas/training_memory.h"

namespace archpool {
namespace {

absl::StatusOr<Candidate> PlainCandidate(const SearchSpace& space,
                                         const Architecture& architecture) {
  if (!space.IsValid(architecture)) {
    return InvalidArgument("ARCHITECTURE_MALFORMED",
                           "the architecture does not fit the space");
  }
  const std::string spelling = space.SpellingOf(architecture);
  if (spelling.empty()) {
    return InvalidArgument("CELL_DISCONNECTED",
                           "nothing flows from the cell's input to its output; "
                           "such a network learns nothing");
  }
  LayerPlan plan;
  plan.train_ns_per_example = kPlainTrainNsPerExample;
  return Candidate{architecture, std::move(plan),
                   Sha256(CanonicalWriter("archpool/plain-architecture/v1")
                              .Bytes(spelling)
                              .encoding())};
}

absl::Status TooLarge(absl::string_view what, int64_t bytes, int64_t max) {
  constexpr int64_t kMebi = int64_t{1} << 20;
  return InvalidArgument(
      "TRAINING_TOO_LARGE",
      absl::StrCat(what, " take ", bytes / kMebi, " MiB, and this pool takes ",
                   max / kMebi, " MiB at most"));
}

absl::Status CheckSizes(const LayerPlan& plan, const NetworkSetup& setup) {
  if (setup.memory_max_bytes > 0) {
    const int64_t bytes = TrainingMemoryMaxBytes(plan, setup.batch_size);
    if (bytes > setup.memory_max_bytes) {
      return TooLarge(
          absl::StrCat("the network and batches of ", setup.batch_size), bytes,
          setup.memory_max_bytes);
    }
  }
  if (setup.checkpoints_max_bytes > 0) {
    const int64_t bytes = CheckpointMaxBytes(plan) * setup.checkpoints;
    if (bytes > setup.checkpoints_max_bytes) {
      return TooLarge(
          absl::StrCat("the ", setup.checkpoints, " checkpoints of a training"),
          bytes, setup.checkpoints_max_bytes);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Candidate> MakeCandidate(const SearchSpace& space,
                                        const Architecture& architecture,
                                        const NetworkSetup& setup) {
  if (space.is_plain()) return PlainCandidate(space, architecture);
  ARCHPOOL_ASSIGN_OR_RETURN(
      LayerPlan plan, MakeLayerPlan(space, architecture, setup.input_shape,
                                    setup.classes, setup.limits,
                                    {.version = setup.cost_table_version,
                                     .batch_size = setup.batch_size}));
  ARCHPOOL_RETURN_IF_ERROR(CheckSizes(plan, setup));
  const Digest id = ArchitectureIdOf(plan);
  return Candidate{architecture, std::move(plan), id};
}

SampleStep SampleFurther(const SearchSpace& space, const Subspace& box,
                         const NetworkSetup& setup,
                         absl::FunctionRef<bool(const Candidate&)> is_passed,
                         CounterRng& rng, int64_t attempts_max, int64_t begin,
                         int64_t count) {
  const int64_t size = box.size();
  // Fisher-Yates, shuffled only as far as it is read.
  std::vector<int64_t> indices;
  if (size <= attempts_max) {
    indices.resize(static_cast<size_t>(size));
    std::iota(indices.begin(), indices.end(), 0);
  }
  const int64_t attempts = std::min(size, attempts_max);
  SampleStep step{.candidate = {}, .end = begin};
  for (int64_t attempt = 0; attempt < attempts && step.end < begin + count;
       ++attempt) {
    const auto below = [&](int64_t limit) {
      return static_cast<int64_t>(rng.Below64(static_cast<uint64_t>(limit)));
    };
    int64_t index = 0;
    if (indices.empty()) {
      index = below(size);
    } else {
      const auto i = static_cast<size_t>(attempt);
      std::swap(indices[i],
                indices[static_cast<size_t>(attempt + below(size - attempt))]);
      index = indices[i];
    }
    if (attempt < begin) continue;
    step.end = attempt + 1;
    absl::StatusOr<Candidate> candidate =
        MakeCandidate(space, box.ArchitectureAt(index), setup);
    if (!candidate.ok() || is_passed(*candidate)) continue;
    step.candidate = *std::move(candidate);
    break;
  }
  step.is_over = step.end >= attempts;
  return step;
}

std::optional<Candidate> SampleCandidate(
    const SearchSpace& space, const Subspace& box, const NetworkSetup& setup,
    absl::FunctionRef<bool(const Digest&)> is_taken, CounterRng& rng,
    int64_t attempts_max) {
  return SampleFurther(
             space, box, setup,
             [&](const Candidate& candidate) { return is_taken(candidate.id); },
             rng, attempts_max, 0, attempts_max)
      .candidate;
}

std::optional<Candidate> SampleCandidate(
    const SearchSpace& space, const Subspace& box, const NetworkSetup& setup,
    const std::set<Digest>& taken, CounterRng& rng, int64_t attempts_max) {
  return SampleCandidate(
      space, box, setup,
      [&taken](const Digest& id) { return taken.count(id) != 0; }, rng,
      attempts_max);
}

}  // namespace archpool
