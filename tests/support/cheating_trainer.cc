// SPDX-License-Identifier: Apache-2.0
#include "tests/support/cheating_trainer.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <limits>
#include <map>
#include <utility>

#include "common/base/counter_rng.h"
#include "common/base/status.h"
#include "common/data/checkpoint.h"
#include "common/kernels/schedule.h"
#include "common/kernels/trial.h"

namespace archpool::testing {
namespace {

using Touch = std::function<void(float& value)>;

// Half of the epochs. One epoch cannot be halved: half the examples then.
void Halve(Recipe& recipe, Dataset& train) {
  if (recipe.epochs > 1) {
    recipe.epochs /= 2;
    return;
  }
  train.labels.resize(train.labels.size() / 2);
  train.images.resize(static_cast<size_t>(train.count()) *
                      static_cast<size_t>(train.shape.elements()));
}

void ForEachWeight(Checkpoint& checkpoint, const Touch& touch) {
  for (auto& [name, tensor] : checkpoint.weights) {
    for (float& value : tensor.values) touch(value);
  }
}

void Spoil(Checkpoint& checkpoint) {
  ForEachWeight(checkpoint, [](float& value) {
    value = std::numeric_limits<float>::quiet_NaN();
  });
}

// All but the start, which follows from the key.
void Randomise(std::vector<Checkpoint>& checkpoints, const Digest& key) {
  CounterRng rng(key.Prefix64(), 99);
  for (size_t k = 1; k < checkpoints.size(); ++k) {
    ForEachWeight(checkpoints[k],
                  [&](float& value) { value = rng.NextUnitFloat(); });
  }
}

// Each value between the two ends, in proportion.
void Interpolate(std::vector<Checkpoint>& checkpoints) {
  const Checkpoint start = checkpoints.front();
  const Checkpoint end = checkpoints.back();
  const auto mix = [](TensorMap& to, const TensorMap& a, const TensorMap& b,
                      float share) {
    for (auto& [name, tensor] : to) {
      const std::vector<float>& from = a.at(name).values;
      const std::vector<float>& until = b.at(name).values;
      for (size_t i = 0; i < tensor.values.size(); ++i) {
        tensor.values[i] = from[i] + share * (until[i] - from[i]);
      }
    }
  };
  for (size_t k = 1; k + 1 < checkpoints.size(); ++k) {
    const float share =
        static_cast<float>(k) / static_cast<float>(checkpoints.size() - 1);
    mix(checkpoints[k].weights, start.weights, end.weights, share);
    mix(checkpoints[k].optimizer, start.optimizer, end.optimizer, share);
    checkpoints[k].optimizer.begin()->second.values[0] += 1e-3f;
  }
}

// Over all rungs that are trained.
int64_t StepsOf(const TrainingRequest& request) {
  int64_t steps = 0;
  for (int64_t rung = request.resumed != nullptr ? request.rung : 0;
       rung <= request.rung; ++rung) {
    steps +=
        kernels::Schedule(request.recipe, request.train.count(), rung).steps();
  }
  return steps;
}

// From the first boundary behind `step` on, everything stays as at the last one
// before it, and says why.
void Diverge(std::vector<Checkpoint>& checkpoints,
             const TrainingRequest& request, int64_t step) {
  const int64_t segments = request.recipe.segments;
  const int64_t steps = StepsOf(request);
  size_t last = 0;
  while (std::ssize(checkpoints) > static_cast<int64_t>(last) + 1 &&
         kernels::SegmentBoundary(steps, segments,
                                  static_cast<int64_t>(last) + 1) <= step) {
    ++last;
  }
  checkpoints.resize(last + 1);
  while (std::ssize(checkpoints) <= segments) {
    Checkpoint next = checkpoints[last];
    next.boundary = std::ssize(checkpoints);
    next.optimizer[std::string(kDivergedAtStep)] = DivergenceTensor(step);
    checkpoints.push_back(std::move(next));
  }
}

TrainingRequest WithKey(const TrainingRequest& request, const Digest& key) {
  return {request.plan, request.recipe,   request.rung,  request.resumed,
          key,          request.manifest, request.train, request.validation,
          nullptr,      request.threads};
}

}  // namespace

std::vector<std::string> CheatNames() {
  return {"inflate",        "random_weights",  "fewer_epochs",  "interpolate",
          "splice",         "earlier_weights", "validation",    "other_seed",
          "not_finite",     "smaller_network", "learn_nothing", "diverge",
          "diverge_at_once"};
}

void AddCheatFlags(CLI::App& app, CheatOptions& options) {
  app.add_option("--cheat", options.cheat, "How to cheat")
      ->check(CLI::IsMember(CheatNames()))
      ->capture_default_str();
  app.add_option("--inflate", options.inflation,
                 "Part of the validation split that 'inflate' adds to a claim")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--honest-trials", options.honest_trials,
                 "How many trials to do honestly first")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  app.add_option("--state-arithmetic", options.arithmetic,
                 "The arithmetic to state in place of the true one");
}

absl::StatusOr<CheatingTrainer::Record> CheatingTrainer::Train(
    const TrainingRequest& request, const StepCallback& on_step) {
  Record record;
  const TrainingRequest whole = WithKey(request, request.trial_key);
  ARCHPOOL_ASSIGN_OR_RETURN(
      const TrainingResult result,
      honest_->Train(whole, on_step, [&](const Checkpoint& checkpoint) {
        record.checkpoints.push_back(checkpoint);
        return absl::OkStatus();
      }));
  record.validation_correct = result.validation_correct;
  record.diverged_at_step = result.diverged_at_step;
  return record;
}

absl::StatusOr<CheatingTrainer::Record> CheatingTrainer::Start(
    const TrainingRequest& request, const StepCallback& on_step) {
  Record record;
  const absl::StatusOr<TrainingResult> stopped =
      honest_->Train(WithKey(request, request.trial_key), on_step,
                     [&](const Checkpoint& checkpoint) {
                       record.checkpoints.push_back(checkpoint);
                       return absl::AbortedError("enough");
                     });
  if (record.checkpoints.empty()) return stopped.status();
  return record;
}

absl::StatusOr<CheatingTrainer::Record> CheatingTrainer::Cheat(
    const TrainingRequest& request, const StepCallback& on_step) {
  const std::string& cheat = options_.cheat;
  if (cheat == "fewer_epochs") {
    Recipe fewer = request.recipe;
    Dataset half = request.train;
    Halve(fewer, half);
    return Train(
        {request.plan, fewer, request.rung, request.resumed, request.trial_key,
         request.manifest, half, request.validation, nullptr},
        on_step);
  }
  if (cheat == "validation") {
    return Train({request.plan, request.recipe, request.rung, request.resumed,
                  request.trial_key, request.manifest, request.validation,
                  request.validation, nullptr},
                 on_step);
  }
  const Digest other = Sha256(request.trial_key.AsBytes());
  if (cheat == "other_seed") return Train(WithKey(request, other), on_step);
  if (cheat == "smaller_network") {
    if (!smallest_ || request.plan.macs < smallest_->macs) {
      smallest_ = request.plan;
    }
    return Train({*smallest_, request.recipe, request.rung, request.resumed,
                  request.trial_key, request.manifest, request.train,
                  request.validation, nullptr},
                 on_step);
  }
  if (cheat == "diverge_at_once") {
    ARCHPOOL_ASSIGN_OR_RETURN(Record record, Start(request, on_step));
    record.diverged_at_step = std::min<int64_t>(1, StepsOf(request) - 1);
    Diverge(record.checkpoints, request, *record.diverged_at_step);
    return record;
  }

  ARCHPOOL_ASSIGN_OR_RETURN(Record record, Train(request, on_step));
  const int64_t count = request.validation.count();
  if (cheat == "inflate") {
    record.validation_correct =
        std::min(count, record.validation_correct +
                            static_cast<int64_t>(options_.inflation *
                                                 static_cast<double>(count)));
  } else if (cheat == "random_weights") {
    Randomise(record.checkpoints, request.trial_key);
    record.validation_correct = count * 4 / 5;
  } else if (cheat == "learn_nothing") {
    Randomise(record.checkpoints, request.trial_key);
    record.validation_correct = count / request.manifest.classes;
  } else if (cheat == "diverge") {
    record.diverged_at_step = StepsOf(request) / 2;
    Diverge(record.checkpoints, request, *record.diverged_at_step);
    record.validation_correct = 0;
  } else if (cheat == "interpolate") {
    Interpolate(record.checkpoints);
  } else if (cheat == "splice") {
    ARCHPOOL_ASSIGN_OR_RETURN(const Record spliced,
                              Train(WithKey(request, other), on_step));
    for (size_t k = 1; k + 1 < record.checkpoints.size(); k += 2) {
      record.checkpoints[k] = spliced.checkpoints[k];
    }
  } else if (cheat == "earlier_weights") {
    if (first_) record = *first_;
    first_ = record;
  } else if (cheat == "not_finite") {
    Spoil(record.checkpoints.back());
  }
  return record;
}

absl::StatusOr<TrainingResult> CheatingTrainer::Train(
    const TrainingRequest& request, const StepCallback& on_step,
    const CheckpointCallback& on_checkpoint) {
  if (trials_++ < options_.honest_trials) {
    return honest_->Train(request, on_step, on_checkpoint);
  }
  ARCHPOOL_ASSIGN_OR_RETURN(const Record record, Cheat(request, on_step));
  for (const Checkpoint& checkpoint : record.checkpoints) {
    ARCHPOOL_RETURN_IF_ERROR(on_checkpoint(checkpoint));
  }
  return TrainingResult{record.checkpoints.back().weights,
                        record.validation_correct, record.diverged_at_step};
}

}  // namespace archpool::testing
