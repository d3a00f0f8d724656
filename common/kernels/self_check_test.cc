// SPDX-License-Identifier: Apache-2.0
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

// Tests run in the root of the repository.
TEST(SelfCheckTest, ThePageHasTheSameVectors) {
  std::ifstream page("docs/arithmetic.md");
  std::vector<std::string> rows;
  bool is_there = false;
  for (std::string line; std::getline(page, line);) {
    if (absl::StartsWith(line, "## ")) is_there = line == "## Test vectors";
    if (is_there && absl::EndsWith(line, "` |")) rows.push_back(line);
  }
  const std::vector<TestVector> vectors = ComputeTestVectors({});
  ASSERT_EQ(rows.size(), vectors.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_TRUE(absl::StartsWith(
        rows[i], absl::StrCat("| ", i + 1, " | ", vectors[i].name, " | ")))
        << rows[i];
    EXPECT_TRUE(absl::EndsWith(
        rows[i], absl::StrCat(" | `", vectors[i].expected, "` |")))
        << rows[i];
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
