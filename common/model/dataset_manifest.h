// SPDX-License-Identifier: Apache-2.0
// What the pool knows of a dataset, whose images it does not read. Value type;
// thread-compatible.
#ifndef ARCHPOOL_COMMON_MODEL_DATASET_MANIFEST_H_
#define ARCHPOOL_COMMON_MODEL_DATASET_MANIFEST_H_

#include <cstdint>

#include "common/crypto/sha256.h"
#include "common/nas/layer.h"

namespace archpool {

// The public description of a dataset: what workers need, and nothing of the
// held-out split but its size.
struct DatasetManifest {
  TensorShape shape;
  int64_t classes = 0;
  int64_t train_count = 0;
  int64_t validation_count = 0;
  int64_t held_out_count = 0;
  Digest train;       // of EncodeDataset(train split)
  Digest validation;  // of EncodeDataset(validation split)
  // Mean and deviation of the train split's pixels over all channels, in
  // millionths of the full range: the normalisation before the first layer.
  int64_t mean_ppm = 0;
  int64_t deviation_ppm = 0;

  // The dataset's id: the hash of the canonical encoding
  // ("archpool/dataset/v1").
  Digest Id() const;
  friend bool operator==(const DatasetManifest&,
                         const DatasetManifest&) = default;
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_MODEL_DATASET_MANIFEST_H_
