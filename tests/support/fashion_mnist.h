// SPDX-License-Identifier: Apache-2.0
// Fashion-MNIST as Debian's package dataset-fashion-mnist installs it, split as
// the demo splits it: 55,000 to train, 5,000 to validate, 10,000 held out.
#ifndef ARCHPOOL_TESTS_SUPPORT_FASHION_MNIST_H_
#define ARCHPOOL_TESTS_SUPPORT_FASHION_MNIST_H_

#include <string>

#include "absl/status/statusor.h"
#include "common/base/status.h"
#include "common/crypto/sha256.h"
#include "common/data/idx.h"
#include "common/data/split.h"

namespace archpool::testing {

inline absl::StatusOr<DatasetSplit> LoadFashionMnist(
    const std::string& folder = "/usr/share/datasets/fashion-mnist") {
  const auto load = [&](const std::string& part) {
    return LoadIdx(folder + "/" + part + "-images-idx3-ubyte.gz",
                   folder + "/" + part + "-labels-idx1-ubyte.gz", 10, {});
  };
  ARCHPOOL_ASSIGN_OR_RETURN(const Dataset train, load("train"));
  ARCHPOOL_ASSIGN_OR_RETURN(const Dataset held_out, load("t10k"));
  return SplitDataset(train, held_out, 5'000, 0, Sha256("split"));
}

}  // namespace archpool::testing

#endif  // ARCHPOOL_TESTS_SUPPORT_FASHION_MNIST_H_
