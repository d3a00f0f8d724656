// SPDX-License-Identifier: Apache-2.0
#include "common/channel/token_file.h"

#include <fstream>
#include <optional>
#include <string>

#include "common/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class TokenFileTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::string> Read(const std::string& bytes) {
    std::ofstream(path_, std::ios::binary) << bytes;
    return ReadTokenFile(path_);
  }
  const TemporaryDirectory directory_;
  const std::string path_ = directory_.path() + "/token";
};

TEST_F(TokenFileTest, ReadsTheFirstLine) {
  for (const char* bytes :
       {"ap_1", "ap_1\n", "ap_1\r\n", "ap_1\r", "  ap_1 \t\nsecond",
        "\xef\xbb\xbf"
        "ap_1\n"}) {
    const auto token = Read(bytes);
    ASSERT_THAT(token, IsOk()) << bytes;
    EXPECT_EQ(*token, "ap_1");
  }
}

// gRPC ends the program over such a header, and prints it.
TEST_F(TokenFileTest, RefusesWhatNoHeaderMayHoldWithoutShowingIt) {
  for (const std::string& bytes :
       {std::string("ap_1\xc3\xa9"), std::string("ap_1\xe9"),
        std::string("ap_1\xc2\xa0"), std::string("ap_\t1"),
        std::string("ap_ 1"), std::string("ap_\x1b[1m"),
        std::string("ap_1\x7f"), std::string("ap_1\0", 5),
        std::string("a\0p\0_\0001\0", 8), std::string(5000, 'a')}) {
    const auto token = Read(bytes);
    EXPECT_THAT(token, FailsWith("TOKEN_FILE_MALFORMED"));
    EXPECT_THAT(std::string(token.status().message()), Not(HasSubstr("ap_")));
    EXPECT_THAT(std::string(token.status().message()), Not(HasSubstr("aa")));
  }
  EXPECT_THAT(std::string(Read("ap_1\xc3\xa9").status().message()),
              HasSubstr("at byte 4"));
  EXPECT_THAT(std::string(Read("\xef\xbb\xbf\x61\x01").status().message()),
              HasSubstr("at byte 4"));
  EXPECT_THAT(
      std::string(Read(std::string("\xff\xfe\x61\0", 4)).status().message()),
      HasSubstr("UTF-16"));
}

TEST_F(TokenFileTest, APinMayFollow) {
  const Pin pin{Sha256("a key")};
  const auto keep = [this](const std::string& bytes) {
    std::ofstream(path_, std::ios::binary) << bytes;
    return ReadTokenAndPin(path_);
  };
  for (const std::string& bytes :
       {TokenFileText("ap_1", pin), "ap_1\r\n " + pin.ToString() + "\r\n",
        "ap_1\n\na note\n" + pin.ToString()}) {
    const auto kept = keep(bytes);
    ASSERT_THAT(kept, IsOk()) << bytes;
    EXPECT_EQ(kept->token, "ap_1");
    EXPECT_EQ(kept->server_pin, pin) << bytes;
  }
  for (const std::string& bytes :
       {TokenFileText("ap_1", std::nullopt), std::string("ap_1\nsecond\n")}) {
    const auto kept = keep(bytes);
    ASSERT_THAT(kept, IsOk()) << bytes;
    EXPECT_EQ(kept->server_pin, std::nullopt);
  }
  EXPECT_THAT(keep("ap_1\nsha256:half\n"),
              FailsWith("TOKEN_FILE_PIN_MALFORMED"));
  EXPECT_THAT(ReadTokenFile(path_), IsOk()) << "the token is there";
  EXPECT_THAT(keep("\n" + pin.ToString()), FailsWith("TOKEN_FILE_EMPTY"));
}

TEST_F(TokenFileTest, SaysThatThereIsNoToken) {
  for (const char* bytes : {"", "\nap_1", "  \n", "\xef\xbb\xbf\n"}) {
    EXPECT_THAT(Read(bytes), FailsWith("TOKEN_FILE_EMPTY")) << bytes;
  }
  EXPECT_THAT(ReadTokenFile(path_ + ".none"), FailsWith("TOKEN_FILE_MISSING"));
  EXPECT_THAT(ReadTokenFile(directory_.path()), FailsWith("TOKEN_FILE_EMPTY"));
}

}  // namespace
}  // namespace archpool
