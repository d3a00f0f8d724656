// SPDX-License-Identifier: Apache-2.0
// What a client asks for. Value types; thread-compatible. Validated where they
// come in (common/wire), and by TaskSpec::Validate for what concerns several
// fields at once. What each field may hold stands in common/model/limits.h.
#ifndef ARCHPOOL_COMMON_MODEL_TASK_SPEC_H_
#define ARCHPOOL_COMMON_MODEL_TASK_SPEC_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/base/word_table.h"
#include "common/crypto/sha256.h"
#include "common/model/ids.h"
#include "common/model/limits.h"
#include "common/nas/layer_plan.h"
#include "common/nas/search_space.h"

namespace archpool {

// The training rules the pool fixes. The miner chooses none of it. SGD with
// Nesterov momentum, decoupled from the size of the batch; the learning rate
// rises linearly over warmup_ppm of the steps, then falls to zero along a
// cosine. Rates are integers in millionths so that every machine reads the same
// number. Each field's range stands in common/model/limits.h.
struct Recipe {
  int64_t batch_size = 128;
  int64_t epochs = 1;
  int64_t learning_rate_ppm = 100'000;  // the peak
  int64_t momentum_ppm = 900'000;
  int64_t weight_decay_ppm = 500;
  int64_t label_smoothing_ppm = 0;
  int64_t warmup_ppm = 200'000;
  int64_t shift_pixels_max = 0;  // augmentation: random shift
  bool horizontal_flip = false;  // augmentation: random mirror
  int64_t segments = 16;         // of a trial
  // Multi-fidelity: a network among the best 1/promoted_one_in after `epochs`
  // continues for the first of these numbers of epochs, the best of those for
  // the next, and so on: the rungs of successive halving. Each rung runs the
  // whole schedule over its own epochs (warm restarts; Loshchilov and Hutter,
  // ICLR 2017), so that every rung's result is that of a finished training.
  std::vector<int64_t> further_epochs;
  int64_t promoted_one_in = 3;

  int64_t last_rung() const {
    return static_cast<int64_t>(further_epochs.size());
  }
  // REQUIRES: rung in [0, last_rung()].
  int64_t EpochsOfRung(int64_t rung) const {
    return rung == 0 ? epochs : further_epochs[static_cast<size_t>(rung - 1)];
  }
  // From the start to the end of a rung.
  int64_t EpochsUpToRung(int64_t rung) const {
    int64_t sum = epochs;
    for (int64_t r = 1; r <= rung; ++r) sum += EpochsOfRung(r);
    return sum;
  }

  // INVALID_ARGUMENT (RECIPE_RANGE); the message names the field.
  absl::Status Validate() const;

  friend bool operator==(const Recipe&, const Recipe&) = default;
};

// When the task ends: by work, by count, by time or by a target, whichever
// comes first.
struct Budget {
  WorkUnits work_units = 0;                    // fixes the price of a unit
  int64_t trials_max = 0;                      // 0: no limit
  absl::Duration time_limit = absl::Hours(1);  // from submission
  int64_t target_accuracy_ppm = 0;             // verified, held-out; 0: none

  friend bool operator==(const Budget&, const Budget&) = default;
};

// How the reward is cut. In millionths of the reward.
struct RewardTerms {
  Amount reward = 0;
  int64_t finders_bonus_ppm = 100'000;
  // What earns the bonus (common/model/bonus_region.h): at least this accuracy;
  // 0: whatever is above chance. At most this size; 0: as the search and the
  // limits say.
  int64_t bonus_accuracy_min_ppm = 0;
  int64_t bonus_macs_max = 0;

  friend bool operator==(const RewardTerms&, const RewardTerms&) = default;
};

// How the pool looks for good networks. Candidates are ranked by validation
// accuracy, less what their cost is worth to the client.
struct SearchTerms {
  // As ParseSearchPolicy reads it; empty: the pool's own.
  std::string policy;
  // The accuracy that the client would give for half the multiply-accumulates
  // or half the parameters, in millionths.
  int64_t halved_macs_ppm = 0;
  int64_t halved_parameters_ppm = 0;

  friend bool operator==(const SearchTerms&, const SearchTerms&) = default;
};

// When miners see what others found: the front, with networks, accuracies and
// digests.
enum class ResultSight { kNever, kAfterEnd };
template <>
inline constexpr const char* kWordsOf<ResultSight>[] = {"never", "after_end"};

struct TaskSpec {
  std::string name;  // printable ASCII characters
  Digest dataset;    // digest of the dataset's public manifest; not zero
  SearchSpace space;
  PlanLimits limits;
  Recipe recipe;
  Budget budget;
  RewardTerms terms;
  SearchTerms search;
  // How the space is split at the start, and how long a lease's list is.
  int64_t subspaces = 16;
  int64_t trials_per_lease = 2;
  ResultSight results_visible_to_miners = ResultSight::kNever;

  // INVALID_ARGUMENT: TASK_NAME, DATASET_MISSING, SPACE_EMPTY, LIMITS_RANGE,
  // RECIPE_RANGE, BUDGET_RANGE, REWARD_RANGE (reward, finder's bonus),
  // SEARCH_POLICY, SEARCH_RANGE or SPLIT_RANGE (subspaces, trials_per_lease).
  // The message names the field, its value and what is allowed.
  absl::Status Validate() const;

  // What a task that is submitted today must keep to beyond that; tasks from
  // before may not. INVALID_ARGUMENT: SEARCH_POLICY (exhaustive in a space of
  // more than kExhaustiveSizeMax), RECIPE_RANGE (batches outside
  // limits::kNewBatchSize).
  absl::Status ValidateNew() const;

  friend bool operator==(const TaskSpec&, const TaskSpec&) = default;
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_MODEL_TASK_SPEC_H_
