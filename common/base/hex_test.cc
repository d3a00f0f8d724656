// SPDX-License-Identifier: Apache-2.0
#include "common/base/hex.h"

#include <cstdint>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

TEST(HexTest, EveryByteComesBack) {
  std::vector<uint8_t> bytes;
  for (int value = 0; value < 256; ++value) {
    bytes.push_back(static_cast<uint8_t>(value));
  }
  const std::string text = ToHex(bytes);
  EXPECT_EQ(text.substr(0, 8), "00010203");
  EXPECT_EQ(text.substr(text.size() - 4), "feff");
  const auto decoded = FromHex(text);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, bytes);
}

TEST(HexTest, UpperCaseIsRead) {
  const auto decoded = FromHex("0AfF");
  ASSERT_TRUE(decoded.ok());
  EXPECT_THAT(*decoded, testing::ElementsAre(0x0a, 0xff));
}

TEST(HexTest, OddLengthAndForeignCharactersAreRefused) {
  for (const char* text : {"0", "0g", "g0", "0x10", " 1", "/0", ":0", "@0"}) {
    EXPECT_EQ(FromHex(text).status().code(), absl::StatusCode::kInvalidArgument)
        << text;
  }
}

}  // namespace
}  // namespace archpool
