#include "common/kernels/self_check.h"

#include <cstddef>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/hex.h"
#include "common/crypto/sha256.h"
#include "common/model/arithmetic.h"
#include "gtest/gtest.h"

namespace archpool::kernels {
namespace {

TEST(SelfCheckTest, EveryMachineAgrees) {
  for (const Simd simd : SimdsHere()) {
    // One number at a time takes long, and threads are the same to it.
    for (const int threads : {1, simd == Simd::kScalar ? 1 : 3}) {
      for (const TestVector& vector : ComputeTestVectors({simd, threads})) {
        EXPECT_TRUE(vector.agrees())
            << vector.name << " is " << vector.digest << " under "
            << ToString(simd) << " with " << threads << " threads";
      }
    }
  }
}

// The name changes where a test vector does: programs of one name agree.
TEST(SelfCheckTest, TheArithmeticIsNamedByItsVectors) {
  std::string lines;
  for (const TestVector& vector : ComputeTestVectors({})) {
    absl::StrAppend(&lines, vector.expected, " ", vector.name, "\n");
  }
  EXPECT_EQ(kArithmetic, absl::StrCat("fp32-fma/1/",
                                      ToHex(Sha256(lines).bytes).substr(0, 8)));
}

}  // namespace
}  // namespace archpool::kernels
