// SPDX-License-Identifier: Apache-2.0
// The numbers that a training changes: weights with their velocities and
// gradients, and the running statistics of batch norms. They lie in one array,
// in the order that kernels read them. Not thread-safe.
#ifndef ARCHPOOL_COMMON_KERNELS_INNER_PARAMETERS_H_
#define ARCHPOOL_COMMON_KERNELS_INNER_PARAMETERS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/kernels/inner/memory.h"
#include "common/kernels/inner/passes.h"
#include "common/kernels/inner/team.h"
#include "common/nas/layer.h"

namespace archpool::kernels {

// Files have [output][input][tap], kernels [tap][input][output], with zeros
// behind the outputs. A vector has one input and one tap; a depthwise
// convolution one input; the taps of a linear layer are the pixels it reads.
struct TensorLayout {
  int64_t outputs = 1;
  int64_t inputs = 1;
  int64_t taps = 1;

  int64_t stride() const { return RoundUp(outputs, kWeightStep); }
  int64_t floats() const { return taps * inputs * stride(); }
  int64_t values() const { return taps * inputs * outputs; }
  void FromFile(const float* file, float* to) const;
  void ToFile(const float* from, float* file) const;
};

// "weight", "bias", "running_mean" or "running_var" of a layer, as
// common/kernels/weights.h names them.
struct TensorPlace {
  size_t layer = 0;
  const char* name = "";
  TensorLayout layout;
  int64_t offset = 0;  // in every array
};

class Parameters {
 public:
  explicit Parameters(const std::vector<Layer>& layers);

  // Trained tensors, those that decay first; then the running statistics.
  const std::vector<TensorPlace>& trained() const { return trained_; }
  const std::vector<TensorPlace>& running() const { return running_; }
  // REQUIRES: the layer has such a tensor.
  const TensorPlace& PlaceOf(size_t layer, const char* name) const;

  const float* At(const TensorPlace& place) const {
    return state_.data() + place.offset;
  }
  float* At(const TensorPlace& place) { return state_.data() + place.offset; }
  float* Velocity(const TensorPlace& place) {
    return velocity_.data() + place.offset;
  }
  const float* Velocity(const TensorPlace& place) const {
    return velocity_.data() + place.offset;
  }
  // Written by the backward pass, all of it.
  float* Gradient(const TensorPlace& place) {
    return gradient_.data() + place.offset;
  }
  // Where running statistics are written before the step is taken.
  float* Next(const TensorPlace& place) {
    return next_state_.data() + place.offset;
  }

  struct Rates {
    float rate = 0;
    float momentum = 0;
    float decay = 0;
  };
  // One step from the gradients, and the next running statistics with it.
  // Where a number would not be finite, false, and nothing has changed.
  bool Step(const Rates& rates, bool running_is_finite,
            const KernelTable& kernels, Team& team);

  // As if nothing had been learnt yet.
  void RestVelocity();

  // What one of these takes.
  static int64_t Bytes(const std::vector<Layer>& layers);

 private:
  Parameters() = default;
  // All but the memory.
  void Place(const std::vector<Layer>& layers);
  void Append(std::vector<TensorPlace>& places, size_t layer, const char* name,
              const TensorLayout& layout);

  std::vector<TensorPlace> trained_;
  std::vector<TensorPlace> running_;
  int64_t decaying_ = 0;  // floats
  int64_t trained_floats_ = 0;
  int64_t floats_ = 0;
  AlignedFloats state_;
  AlignedFloats next_state_;
  AlignedFloats velocity_;
  AlignedFloats next_velocity_;
  AlignedFloats gradient_;
};

}  // namespace archpool::kernels

#endif  // ARCHPOOL_COMMON_KERNELS_INNER_PARAMETERS_H_
