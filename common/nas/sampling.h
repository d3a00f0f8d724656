// SPDX-License-Identifier: Apache-2.0
// Samples architectures to train: possible ones, each network once. Pure: the
// same generator state and the same answers of `is_taken` give the same sample.
#ifndef ARCHPOOL_COMMON_NAS_SAMPLING_H_
#define ARCHPOOL_COMMON_NAS_SAMPLING_H_

#include <cstdint>
#include <optional>
#include <set>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "common/base/counter_rng.h"
#include "common/crypto/sha256.h"
#include "common/nas/layer_plan.h"
#include "common/nas/pricing.h"
#include "common/nas/search_space.h"
#include "common/nas/subspace.h"

namespace archpool {

// What an architecture needs, beside its space, to become a network.
struct NetworkSetup {
  TensorShape input_shape;
  int64_t classes = 0;
  PlanLimits limits;
  // What it is priced by (common/nas/pricing.h).
  int64_t cost_table_version = kCostTableVersion;
  int64_t batch_size = 0;
  // What training it may take, at batches of that size and with as many
  // checkpoints; 0: no limit.
  int64_t checkpoints = 0;
  int64_t memory_max_bytes = 0;
  int64_t checkpoints_max_bytes = 0;
  friend bool operator==(const NetworkSetup&, const NetworkSetup&) = default;
};

// An architecture whose plan is possible, with its plan and id.
struct Candidate {
  Architecture architecture;
  LayerPlan plan;
  Digest id;
  friend bool operator==(const Candidate&, const Candidate&) = default;
};

// What training on an example costs in a plain space, which has no layers.
inline constexpr int64_t kPlainTrainNsPerExample = 1'000;

// Errors as MakeLayerPlan, and TRAINING_TOO_LARGE: over the setup's bytes; in a
// plain space CELL_DISCONNECTED.
absl::StatusOr<Candidate> MakeCandidate(const SearchSpace& space,
                                        const Architecture& architecture,
                                        const NetworkSetup& setup);

inline constexpr int64_t kSampleAttemptsMax = 64;

// The first architecture of `box`, sampled uniformly, whose plan is possible
// and whose id is not taken. A box of at most `attempts_max` architectures is
// gone through in a random order, each once: then nullopt proves that nothing
// is left. In a larger box nullopt says that `attempts_max` samples found
// nothing. REQUIRES: a box of `space`.
std::optional<Candidate> SampleCandidate(
    const SearchSpace& space, const Subspace& box, const NetworkSetup& setup,
    absl::FunctionRef<bool(const Digest&)> is_taken, CounterRng& rng,
    int64_t attempts_max = kSampleAttemptsMax);

std::optional<Candidate> SampleCandidate(
    const SearchSpace& space, const Subspace& box, const NetworkSetup& setup,
    const std::set<Digest>& taken, CounterRng& rng,
    int64_t attempts_max = kSampleAttemptsMax);

// A part of such a search, by whole candidates: of its attempts the first
// `begin` were made before, by the same generator, and found nothing; no more
// than `count` are made now. Answers at which attempt it stopped: at begin +
// count, at the end of the search, or behind the candidate.
struct SampleStep {
  std::optional<Candidate> candidate;
  int64_t end = 0;
  bool is_over = false;  // every attempt of the search was made
};
SampleStep SampleFurther(const SearchSpace& space, const Subspace& box,
                         const NetworkSetup& setup,
                         absl::FunctionRef<bool(const Candidate&)> is_passed,
                         CounterRng& rng, int64_t attempts_max, int64_t begin,
                         int64_t count);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_NAS_SAMPLING_H_
