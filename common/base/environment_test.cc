// SPDX-License-Identifier: Apache-2.0
#include "common/base/environment.h"

#include "gtest/gtest.h"

namespace archpool {
namespace {

TEST(EnvironmentTest, KnowsWhatNumericalLibrariesObey) {
  for (const char* name :
       {"OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS", "OMP_DYNAMIC",
        "OMP_NUM_THREADS", "MKL_CBWR", "ONEDNN_MAX_CPU_ISA",
        "DNNL_DEFAULT_FPMATH_MODE", "ATEN_CPU_CAPABILITY", "GOMP_CPU_AFFINITY",
        "KMP_AFFINITY", "TORCH_ALLOW_TF32"}) {
    EXPECT_TRUE(SteersArithmetic(name)) << name;
  }
  for (const char* name : {"PATH", "HOME", "ARCHPOOL_TOKEN_FILE", "MKL", ""}) {
    EXPECT_FALSE(SteersArithmetic(name)) << name;
  }
}

}  // namespace
}  // namespace archpool
