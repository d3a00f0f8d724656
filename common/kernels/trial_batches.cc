// SPDX-License-Identifier: Apache-2.0
#include "common/kernels/trial_batches.h"

#include <cstddef>

#include "common/base/counter_rng.h"
#include "common/kernels/streams.h"

namespace archpool::kernels {

TrialBatches::TrialBatches(const Recipe& recipe, uint64_t key,
                           const Schedule& schedule,
                           const Normalization& normalization,
                           const Dataset& data)
    : recipe_(recipe),
      key_(key),
      batch_size_(schedule.batch_size()),
      steps_per_epoch_(schedule.steps_per_epoch()),
      data_(data),
      reader_(data, normalization) {
  batch_.images.resize(
      static_cast<size_t>(batch_size_ * data.shape.elements()));
  batch_.labels.resize(static_cast<size_t>(batch_size_));
  displacements_.resize(static_cast<size_t>(batch_size_));
}

const Batch& TrialBatches::At(int64_t step, Team* team) {
  const int64_t epoch = step / steps_per_epoch_;
  if (epoch != epoch_) {
    const CounterRng rng(key_, StreamOf(Draw::kOrder, epoch));
    order_ = Permutation(rng, static_cast<uint32_t>(data_.count()));
    epoch_ = epoch;
  }
  const int64_t first = (step % steps_per_epoch_) * batch_size_;
  CounterRng moves(key_, StreamOf(Draw::kAugmentation, step));
  for (Displacement& displacement : displacements_) {
    displacement = DrawDisplacement(recipe_, moves);
  }
  const auto read = [&](int64_t from, int64_t end) {
    for (int64_t i = from; i < end; ++i) {
      const int64_t example = order_[static_cast<size_t>(first + i)];
      reader_.Read(example, displacements_[static_cast<size_t>(i)],
                   batch_.images.data() + i * data_.shape.elements());
      batch_.labels[static_cast<size_t>(i)] =
          data_.labels[static_cast<size_t>(example)];
    }
  };
  if (team == nullptr) {
    read(0, batch_size_);
  } else {
    team->RunRanges(batch_size_, read);
  }
  return batch_;
}

}  // namespace archpool::kernels
