// SPDX-License-Identifier: Apache-2.0
#include "common/model/dataset_manifest.h"

#include "common/crypto/canonical.h"

namespace archpool {

Digest DatasetManifest::Id() const {
  return CanonicalWriter("archpool/dataset/v1")
      .Int(shape.channels)
      .Int(shape.height)
      .Int(shape.width)
      .Int(classes)
      .Int(train_count)
      .Int(validation_count)
      .Int(held_out_count)
      .Fixed(train)
      .Fixed(validation)
      .Int(mean_ppm)
      .Int(deviation_ppm)
      .Hash();
}

}  // namespace archpool
