// SPDX-License-Identifier: Apache-2.0
#include "common/channel/access.h"

#include <fstream>
#include <optional>
#include <string>

#include "common/channel/token_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;

constexpr char kHere[] = "127.0.0.1:7070";
constexpr char kThere[] = "pool.example.org:7070";

const Pin kPin{Sha256("a key")};
const Pin kOther{Sha256("another")};

TEST(AccessTest, ThePinOfTheFlagGoesBeforeOneThatWasFound) {
  const FoundPin found{kOther, "the token file x"};
  auto site = ReadServerSite(kThere, {.server_pin = kPin.ToString()}, found);
  ASSERT_THAT(site, IsOk());
  EXPECT_EQ(site->address, kThere);
  EXPECT_EQ(site->trust.by, ServerTrust::By::kPin);
  EXPECT_EQ(site->trust.pin, kPin);
  site = ReadServerSite(kThere, {}, found);
  ASSERT_THAT(site, IsOk());
  EXPECT_EQ(site->trust.pin, kOther);
  EXPECT_EQ(site->trust.source, "the token file x");
  site = ReadServerSite(kThere, {.server_pin = "system"}, found);
  ASSERT_THAT(site, IsOk());
  EXPECT_EQ(site->trust.by, ServerTrust::By::kSystem);
  EXPECT_THAT(ReadServerSite(kThere, {.server_pin = "sha256:x"}, found),
              FailsWith("PIN_MALFORMED"));
}

TEST(AccessTest, WithoutAPinTheSystemDecidesButNotForThisMachine) {
  const auto there = ReadServerSite(kThere, {}, std::nullopt);
  ASSERT_THAT(there, IsOk());
  EXPECT_EQ(there->trust.by, ServerTrust::By::kSystem);
  for (const char* here :
       {kHere, "localhost:1", "[::1]:7070", "unix:/run/pool"}) {
    const auto site = ReadServerSite(here, {}, std::nullopt);
    EXPECT_THAT(site, FailsWith("SERVER_PIN_UNSET")) << here;
    EXPECT_THAT(std::string(site.status().message()),
                HasSubstr("archpool-server pin"));
    EXPECT_THAT(ReadServerSite(here, {.server_pin = "system"}, std::nullopt),
                IsOk());
  }
}

TEST(AccessTest, PlainTextStaysOnThisMachineAndIsAskedFor) {
  const TrustFlags plain{.is_plaintext = true};
  for (const char* here : {kHere, "localhost:1", "unix:/run/pool"}) {
    const auto site = ReadServerSite(here, plain, FoundPin{kPin, "x"});
    ASSERT_THAT(site, IsOk()) << here;
    EXPECT_EQ(site->trust.by, ServerTrust::By::kPlaintext);
  }
  for (const char* there : {kThere, "10.0.0.1:7070", "0.0.0.0:7070"}) {
    EXPECT_THAT(ReadServerSite(there, plain, std::nullopt),
                FailsWith("PLAINTEXT_PUBLIC"))
        << there;
  }
}

TEST(AccessTest, ATokenFileBringsItsPin) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/token";
  std::ofstream(path) << TokenFileText("ap_1", kPin);
  auto access = ReadAccess(kHere, {}, path);
  ASSERT_THAT(access, IsOk());
  EXPECT_EQ(access->token, "ap_1");
  EXPECT_EQ(access->site.trust.pin, kPin);
  EXPECT_THAT(access->site.trust.source, HasSubstr(path));
  std::ofstream(path) << TokenFileText("ap_1", std::nullopt);
  EXPECT_THAT(ReadAccess(kHere, {}, path), FailsWith("SERVER_PIN_UNSET"));
  EXPECT_THAT(ReadAccess(kThere, {}, path), IsOk());
  EXPECT_THAT(ReadAccess(kThere, {}, path + ".none"),
              FailsWith("TOKEN_FILE_MISSING"));
}

}  // namespace
}  // namespace archpool
