// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/listening_sockets.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/status.h"

namespace archpool::rpc {
namespace {

// The kernel takes what it allows of it.
constexpr int kBacklog = 4'096;

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

absl::Status Failed(const std::string& listen, absl::string_view why) {
  return Unavailable("LISTEN_FAILED",
                     absl::StrCat("cannot listen on ", listen, " (", why,
                                  "); is another server running there?"));
}

absl::StatusOr<Addresses> Resolve(const std::string& listen) {
  const size_t colon = listen.rfind(':');
  if (colon == std::string::npos) return Failed(listen, "no port");
  absl::string_view host = absl::string_view(listen).substr(0, colon);
  if (absl::ConsumePrefix(&host, "[")) host = absl::StripSuffix(host, "]");
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int error = getaddrinfo(std::string(host).c_str(),
                                listen.c_str() + colon + 1, &hints, &list);
  if (error != 0) return Failed(listen, gai_strerror(error));
  return Addresses(list);
}

void SetPort(sockaddr* address, int port) {
  const auto number = htons(static_cast<uint16_t>(port));
  if (address->sa_family == AF_INET6) {
    reinterpret_cast<sockaddr_in6*>(address)->sin6_port = number;
  } else {
    reinterpret_cast<sockaddr_in*>(address)->sin_port = number;
  }
}

int PortOf(int descriptor) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.ss_family == AF_INET6
                   ? reinterpret_cast<sockaddr_in6*>(&address)->sin6_port
                   : reinterpret_cast<sockaddr_in*>(&address)->sin_port);
}

// -1: errno says why not. Not SO_REUSEPORT: two servers on one port would take
// turns at the connections.
int OpenOne(const addrinfo& address) {
  const int descriptor =
      socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -1;
  const int on = 1;
  const int off = 0;
  setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (address.ai_family == AF_INET6) {
    // "::" is for IPv4 as well.
    setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
  }
  if (bind(descriptor, address.ai_addr, address.ai_addrlen) == 0 &&
      listen(descriptor, kBacklog) == 0) {
    return descriptor;
  }
  const int error = errno;
  close(descriptor);
  errno = error;
  return -1;
}

}  // namespace

absl::StatusOr<ListeningSockets> ListeningSockets::Open(
    const std::string& listen) {
  ARCHPOOL_ASSIGN_OR_RETURN(const Addresses addresses, Resolve(listen));
  ListeningSockets sockets;
  int error = 0;
  for (addrinfo* one = addresses.get(); one != nullptr; one = one->ai_next) {
    if (sockets.port_ != 0) SetPort(one->ai_addr, sockets.port_);
    const int descriptor = OpenOne(*one);
    if (descriptor >= 0) {
      sockets.descriptors_.push_back(descriptor);
      sockets.port_ = PortOf(descriptor);
    } else if (errno == EADDRINUSE && !absl::EndsWith(listen, ":0")) {
      return Failed(listen, std::strerror(errno));
    } else {
      error = errno;  // as of ::1 where there is no IPv6
    }
  }
  if (sockets.descriptors_.empty()) {
    return Failed(listen, std::strerror(error));
  }
  return sockets;
}

ListeningSockets::ListeningSockets(ListeningSockets&& other) noexcept
    : descriptors_(std::exchange(other.descriptors_, {})), port_(other.port_) {}

ListeningSockets& ListeningSockets::operator=(
    ListeningSockets&& other) noexcept {
  if (this != &other) {
    Close();
    descriptors_ = std::exchange(other.descriptors_, {});
    port_ = other.port_;
  }
  return *this;
}

ListeningSockets::~ListeningSockets() { Close(); }

void ListeningSockets::Close() {
  for (const int descriptor : descriptors_) close(descriptor);
  descriptors_.clear();
}

}  // namespace archpool::rpc
