// SPDX-License-Identifier: Apache-2.0
// What LibTorch computes in where it is compared with the kernels.
#ifndef ARCHPOOL_COMMON_NN_PRECISION_H_
#define ARCHPOOL_COMMON_NN_PRECISION_H_

namespace archpool::nn {

enum class Precision { kFloat32, kFloat64 };

}  // namespace archpool::nn

#endif  // ARCHPOOL_COMMON_NN_PRECISION_H_
