// SPDX-License-Identifier: Apache-2.0
#include "worker/train/machine_check.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

using kernels::Simd;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const std::vector<kernels::TestVector> kVectors = {
    {.name = "conv forward", .digest = "00", .expected = "00"},
    {.name = "silu forward", .digest = "01", .expected = "02"}};

TEST(MachineCheckTest, TakesTheWidestInstructions) {
  const auto machine = ChooseMachine("", 3, {Simd::kAvx2, Simd::kScalar});
  ASSERT_TRUE(machine.ok()) << machine.status();
  EXPECT_EQ(machine->simd, Simd::kAvx2);
  EXPECT_EQ(machine->threads, 3);
}

TEST(MachineCheckTest, TakesTheInstructionsThatAreNamed) {
  const auto machine = ChooseMachine("scalar", 1, {Simd::kAvx2, Simd::kScalar});
  ASSERT_TRUE(machine.ok()) << machine.status();
  EXPECT_EQ(machine->simd, Simd::kScalar);
  EXPECT_THAT(ChooseMachine("neon", 1, {Simd::kAvx2, Simd::kScalar}),
              FailsWith("SIMD_NOT_HERE"));
  EXPECT_THAT(ChooseMachine("mmx", 1, {Simd::kScalar}),
              FailsWith("SIMD_NOT_HERE"));
}

TEST(MachineCheckTest, AScalarLoopAloneIsTooSlow) {
  EXPECT_THAT(ChooseMachine("", 1, {Simd::kScalar}), FailsWith("TOO_SLOW"));
}

TEST(MachineCheckTest, NamesTheLayersThatDiffer) {
  const absl::Status status = JudgeVectors(kVectors);
  EXPECT_THAT(status, FailsWith("ARITHMETIC_DIFFERS"));
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("silu forward (01 in place of 02)"),
                    Not(HasSubstr("conv"))));
  EXPECT_TRUE(JudgeVectors({kVectors[0]}).ok());
}

TEST(MachineCheckTest, TablesShowWhichAgree) {
  EXPECT_EQ(DescribeVectors(kVectors),
            "  conv forward  00  agrees\n"
            "  silu forward  01  DIFFERS: 02 is right\n"
            "1 of 2 test vectors agree.\n");
}

}  // namespace
}  // namespace archpool
