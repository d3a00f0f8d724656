// SPDX-License-Identifier: Apache-2.0
// Strangers that crowd a server keep nobody out, with real sockets and gRPC.
#include "server/rpc/acceptor.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/countdown.h"
#include "common/channel/address.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "server/rpc/listening_sockets.h"
#include "tests/support/rpc_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

constexpr absl::Duration kWaitMax = absl::Seconds(30);

rpc::RpcOptions FewStrangers() {
  rpc::RpcOptions options;
  options.connections.limits.strangers_per_source_max = 4;
  options.connections.limits.silence_max = absl::Seconds(1);
  return options;
}

// A connection that says nothing.
class Silent {
 public:
  explicit Silent(int port)
      : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(socket_, reinterpret_cast<sockaddr*>(&address),
                      sizeof(address)),
              0);
  }
  ~Silent() { close(socket_); }
  Silent(const Silent&) = delete;
  Silent& operator=(const Silent&) = delete;

  // Whether the server ends it, after whatever it says first.
  bool Ends(absl::Duration time_max) const {
    const Countdown rest(time_max);
    while (!rest.IsOver()) {
      pollfd waiting{.fd = socket_, .events = POLLIN, .revents = 0};
      if (poll(&waiting, 1, 50) <= 0) continue;
      char byte = 0;
      if (read(socket_, &byte, 1) <= 0) return true;
    }
    return false;
  }

 private:
  const int socket_;
};

class AcceptorTest : public testing::Test {
 protected:
  int Port() const {
    return ParseHostPort("the server", fixture_.address(), 1)->port;
  }

  RpcFixture fixture_{FewStrangers()};
};

TEST_F(AcceptorTest, TheOldestStrangerEndsAndCallersComeIn) {
  std::vector<std::unique_ptr<Silent>> strangers;
  for (int i = 0; i < 5; ++i) {
    strangers.push_back(std::make_unique<Silent>(Port()));
  }
  EXPECT_TRUE(strangers.front()->Ends(kWaitMax));
  // All come from one address.
  const std::unique_ptr<Party> alice = fixture_.Make("alice", v1::ROLE_MINER);
  EXPECT_THAT(alice->WhoAmI(), IsOk());
  for (int i = 0; i < 20; ++i) {
    strangers.push_back(std::make_unique<Silent>(Port()));
    EXPECT_THAT(alice->WhoAmI(), IsOk());
  }
}

TEST_F(AcceptorTest, ASilentStrangerEndsAndASilentCallerStays) {
  const std::unique_ptr<Party> alice = fixture_.Make("alice", v1::ROLE_MINER);
  ASSERT_THAT(alice->WhoAmI(), IsOk());
  const Silent stranger(Port());
  EXPECT_TRUE(stranger.Ends(kWaitMax));
  EXPECT_EQ(alice->remote.channel()->GetState(/*try_to_connect=*/false),
            GRPC_CHANNEL_READY);
  EXPECT_THAT(alice->WhoAmI(), IsOk());
}

TEST(ListeningSocketsTest, OneAddressIsForOneServer) {
  const auto first = rpc::ListeningSockets::Open("127.0.0.1:0");
  ASSERT_THAT(first, IsOk());
  EXPECT_GT(first->port(), 0);
  EXPECT_THAT(
      rpc::ListeningSockets::Open(absl::StrCat("127.0.0.1:", first->port())),
      FailsWith("LISTEN_FAILED"));
  EXPECT_THAT(rpc::ListeningSockets::Open("192.0.2.1:0"),
              FailsWith("LISTEN_FAILED"));
  EXPECT_THAT(rpc::ListeningSockets::Open("localhost:0"), IsOk());
}

}  // namespace
}  // namespace archpool
