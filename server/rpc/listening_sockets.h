// SPDX-License-Identifier: Apache-2.0
// The sockets at which a server takes connections. Movable; one thread at a
// time.
#ifndef ARCHPOOL_SERVER_RPC_LISTENING_SOCKETS_H_
#define ARCHPOOL_SERVER_RPC_LISTENING_SOCKETS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace archpool::rpc {

class ListeningSockets {
 public:
  // At HOST:PORT, an IPv6 address in brackets; of a name, at each of its
  // addresses. Port 0: any, the same for all. They do not block. UNAVAILABLE
  // (LISTEN_FAILED): the address is taken, or none of this machine's.
  static absl::StatusOr<ListeningSockets> Open(const std::string& listen);

  ListeningSockets() = default;
  ListeningSockets(ListeningSockets&& other) noexcept;
  ListeningSockets& operator=(ListeningSockets&& other) noexcept;
  ~ListeningSockets();  // closes

  const std::vector<int>& descriptors() const { return descriptors_; }
  int port() const { return port_; }
  void Close();

 private:
  std::vector<int> descriptors_;
  int port_ = 0;
};

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_LISTENING_SOCKETS_H_
