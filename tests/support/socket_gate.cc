// SPDX-License-Identifier: Apache-2.0
#include "tests/support/socket_gate.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "common/base/check.h"

namespace archpool {
namespace {

sockaddr_un AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ARCHPOOL_CHECK(path.size() < sizeof(address.sun_path));
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

int Listen(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_un address = AddressOf(path);
  ARCHPOOL_CHECK(bind(fd, reinterpret_cast<const sockaddr*>(&address),
                      sizeof(address)) == 0);
  ARCHPOOL_CHECK(listen(fd, 16) == 0);
  return fd;
}

// Everything that `from` has; "" at its end.
std::string ReadSome(int from) {
  char buffer[65536];
  const ssize_t count = read(from, buffer, sizeof(buffer));
  return count <= 0 ? std::string()
                    : std::string(buffer, static_cast<size_t>(count));
}

bool WriteAll(int to, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

// A simple query ('Q', four bytes of length) with that text.
bool IsCommit(absl::string_view message) {
  return absl::StartsWith(message, "Q") &&
         absl::StartsWith(message.substr(5), "COMMIT");
}

}  // namespace

SocketGate::SocketGate(const std::string& directory, std::string upstream)
    : upstream_(std::move(upstream)),
      listening_(Listen(directory + "/.s.PGSQL.5432")) {
  ARCHPOOL_CHECK(pipe(stop_) == 0);
  acceptor_ = std::thread([this] { Accept(); });
}

SocketGate::~SocketGate() {
  close(stop_[1]);  // readable for everyone who waits
  acceptor_.join();
  std::vector<std::thread> passing;
  {
    absl::MutexLock lock(&mutex_);
    passing.swap(passing_);
  }
  for (std::thread& thread : passing) thread.join();
  close(stop_[0]);
  close(listening_);
}

void SocketGate::CutAtNextCommit(Cut cut) {
  absl::MutexLock lock(&mutex_);
  cut_ = cut;
}

SocketGate::Cut SocketGate::TakeCut() {
  absl::MutexLock lock(&mutex_);
  return std::exchange(cut_, Cut::kNone);
}

void SocketGate::Accept() {
  while (true) {
    pollfd waits[] = {{listening_, POLLIN, 0}, {stop_[0], POLLIN, 0}};
    poll(waits, 2, -1);
    if (waits[1].revents != 0) return;
    const int client = accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
    const int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_un address = AddressOf(upstream_);
    ARCHPOOL_CHECK(connect(server, reinterpret_cast<const sockaddr*>(&address),
                           sizeof(address)) == 0);
    absl::MutexLock lock(&mutex_);
    passing_.emplace_back([this, client, server] { Pass(client, server); });
  }
}

void SocketGate::Pass(int client, int server) {
  while (true) {
    pollfd waits[] = {
        {client, POLLIN, 0}, {server, POLLIN, 0}, {stop_[0], POLLIN, 0}};
    poll(waits, 3, -1);
    if (waits[2].revents != 0) break;
    if (waits[0].revents != 0 && !PassToServer(client, server)) break;
    if (waits[1].revents != 0) {
      const std::string bytes = ReadSome(server);
      if (bytes.empty() || !WriteAll(client, bytes)) break;
    }
  }
  close(client);
  close(server);
}

bool SocketGate::PassToServer(int client, int server) {
  const std::string bytes = ReadSome(client);
  if (bytes.empty()) return false;
  if (!IsCommit(bytes)) return WriteAll(server, bytes);
  switch (TakeCut()) {
    case Cut::kNone:
      return WriteAll(server, bytes);
    case Cut::kCommitLost:
      return false;
    case Cut::kCommitAnswered:
      WriteAll(server, bytes);
      ReadSome(server);
      return false;
    case Cut::kCommitDelayed:
      shutdown(client, SHUT_RDWR);  // the client learns at once
      absl::SleepFor(kDelay);
      WriteAll(server, bytes);
      ReadSome(server);
      return false;
  }
  return false;
}

}  // namespace archpool
