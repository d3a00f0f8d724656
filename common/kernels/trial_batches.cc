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
}

const Batch& TrialBatches::At(int64_t step) {
  const int64_t epoch = step / steps_per_epoch_;
  if (epoch != epoch_) {
    const CounterRng rng(key_, StreamOf(Draw::kOrder, epoch));
    order_ = Permutation(rng, static_cast<uint32_t>(data_.count()));
    epoch_ = epoch;
  }
  const int64_t first = (step % steps_per_epoch_) * batch_size_;
  CounterRng moves(key_, StreamOf(Draw::kAugmentation, step));
  float* out = batch_.images.data();
  for (int64_t i = 0; i < batch_size_; ++i) {
    const int64_t example = order_[static_cast<size_t>(first + i)];
    reader_.Read(example, DrawDisplacement(recipe_, moves), out);
    out += data_.shape.elements();
    batch_.labels[static_cast<size_t>(i)] =
        data_.labels[static_cast<size_t>(example)];
  }
  return batch_;
}

}  // namespace archpool::kernels
