// SPDX-License-Identifier: Apache-2.0
#include "common/channel/address.h"

#include <string>
#include <utility>

#include "common/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;

TEST(AddressTest, ReadsHostsAndPorts) {
  for (const auto& [text, read] :
       std::initializer_list<std::pair<const char*, const char*>>{
           {"127.0.0.1:7070", "127.0.0.1:7070"},
           {"pool.example.org:1", "pool.example.org:1"},
           {"[::1]:65535", "[::1]:65535"},
           {"  localhost:07070 ", "localhost:7070"},
           {"my_pool:80", "my_pool:80"},
           {"unix:/run/pool", "unix:/run/pool"}}) {
    const auto address = ReadServerAddress(text);
    ASSERT_THAT(address, IsOk()) << text;
    EXPECT_EQ(*address, read);
  }
}

TEST(AddressTest, RefusesWhatGrpcWouldGuessAt) {
  for (const auto& [text, hint] :
       std::initializer_list<std::pair<const char*, const char*>>{
           {"http://127.0.0.1:7070", "leave out http://"},
           {"grpc://pool:7070", "leave out grpc://"},
           {"127.0.0.1", "lacks the port"},
           {"pool.example.org", "lacks the port"},
           {":7070", "HOST:PORT"},
           {"pool:", "HOST:PORT"},
           {"pool:x", "HOST:PORT"},
           {"127.0.0.1:99999", "[1, 65535]"},
           {"127.0.0.1:0", "[1, 65535]"},
           {"127.0.0.1:+70", "HOST:PORT"},
           {"::1:7070", "brackets"},
           {"[pool]:7070", "HOST:PORT"},
           {"[::1]", "HOST:PORT"},
           {"999.1.1.1:70", "HOST:PORT"},
           {"pool:7070/", "HOST:PORT"},
           {"a b:7070", "HOST:PORT"},
           {"unix:", "HOST:PORT"},
           {"", "is empty"},
           {" ", "is empty"}}) {
    const auto address = ReadServerAddress(text);
    EXPECT_THAT(address, FailsWith("ADDRESS_MALFORMED")) << text;
    EXPECT_THAT(std::string(address.status().message()), HasSubstr(hint));
    EXPECT_THAT(std::string(address.status().message()), HasSubstr("--server"));
  }
}

TEST(AddressTest, KnowsWhatOnlyThisMachineReaches) {
  for (const auto& [text, is_loopback] :
       std::initializer_list<std::pair<const char*, bool>>{
           {"127.0.0.1:0", true},
           {"127.9.9.9:70", true},
           {"localhost:0", true},
           {"[::1]:0", true},
           {"127.example.org:70", false},
           {"127.0.0.1.example.org:70", false},
           {"localhost.example.org:70", false},
           {"128.0.0.1:70", false},
           {"0.0.0.0:70", false},
           {"[::]:70", false}}) {
    const auto address = ParseHostPort("--listen", text, 0);
    ASSERT_THAT(address, IsOk()) << text;
    EXPECT_EQ(address->IsLoopback(), is_loopback) << text;
  }
}

}  // namespace
}  // namespace archpool
