// SPDX-License-Identifier: Apache-2.0
// Which addresses a rail may have; how it answers is tried by real servers in
// tests/integration/payout_test.py.
#include "server/payout/http_rail.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

TEST(HttpRailTest, IsReachedOverTlsOrOnThisMachine) {
  const SystemClock clock;
  const auto open = [&](const std::string& url) {
    return HttpRail::Open(clock, {.url = url, .secret = Sha256("secret")});
  };
  for (const char* url :
       {"https://rail.example.org/v1", "https://rail.example.org:8443",
        "http://127.0.0.1:8080/v1/", "http://127.0.0.1"}) {
    EXPECT_THAT(open(url), IsOk()) << url;
  }
  for (const char* url :
       {"", "rail.example.org", "http://rail.example.org/v1", "https:///v1",
        "http://127.0.0.1.example.org/v1", "http://127.0.0.10/v1",
        "http://127.0.0.1:80@example.org/", "ftp://127.0.0.1/"}) {
    EXPECT_THAT(open(url), FailsWith("RAIL_URL")) << url;
  }
}

}  // namespace
}  // namespace archpool
