// SPDX-License-Identifier: Apache-2.0
#include "common/tls/pin.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

using ::testing::StartsWith;

TEST(PinTest, ReadsWhatItWrites) {
  const Pin pin{Sha256("a key")};
  const std::string text = pin.ToString();
  EXPECT_THAT(text, StartsWith("sha256:"));
  EXPECT_EQ(text.size(), 50u);
  for (const std::string& written : {text, text + "=", " " + text + "\r\n",
                                     "sha256:" + pin.key.ToString()}) {
    const auto read = Pin::Parse(written);
    ASSERT_THAT(read, IsOk()) << written;
    EXPECT_EQ(*read, pin) << written;
  }
}

TEST(PinTest, RefusesAllElse) {
  const std::string text = Pin{Sha256("a key")}.ToString();
  for (const std::string& bad :
       {std::string(), std::string("sha256:"), text.substr(7),
        text.substr(0, text.size() - 1), text + "A", "sha1:" + text.substr(7),
        "sha256:" + std::string(43, '*'), "sha256:" + std::string(64, 'x')}) {
    EXPECT_THAT(Pin::Parse(bad), FailsWith("PIN_MALFORMED")) << bad;
  }
}

// The last character has two bits to spare: of its four forms one is right.
TEST(PinTest, OneTextForEachPin) {
  const std::string zeros = Pin{}.ToString();
  ASSERT_EQ(zeros, "sha256:" + std::string(43, 'A'));
  EXPECT_THAT(Pin::Parse(zeros), IsOk());
  for (const char last : {'B', 'C', 'D'}) {
    EXPECT_THAT(Pin::Parse(zeros.substr(0, 49) + last),
                FailsWith("PIN_MALFORMED"));
  }
}

}  // namespace
}  // namespace archpool
