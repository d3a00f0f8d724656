// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/acceptor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/log/log.h"
#include "server/rpc/join_limits.h"

namespace archpool::rpc {
namespace {

constexpr int kLookMs = 200;
constexpr absl::Duration kLookInterval = absl::Milliseconds(kLookMs);
constexpr absl::Duration kCountInterval = absl::Seconds(1);
// Where descriptors are short.
constexpr absl::Duration kAcceptPause = absl::Milliseconds(100);
// At one listening socket, before others have their turn.
constexpr int kAcceptedAtOnceMax = 64;
constexpr size_t kEventsMax = 256;
// A peer that acknowledges nothing for so long is gone; as gRPC has it.
constexpr unsigned kUserTimeoutMs = 20'000;
// What epoll is given: a connection's is its id, from 1 on.
constexpr uint64_t kWake = 0;
constexpr uint64_t kListener = uint64_t{1} << 63;

// As gRPC spells it.
std::string PeerOf(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET) {
    const auto& four = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &four.sin_addr, text.data(), text.size());
    return absl::StrCat("ipv4:", text.data(), ":", ntohs(four.sin_port));
  }
  const auto& six = reinterpret_cast<const sockaddr_in6&>(address);
  if (IN6_IS_ADDR_V4MAPPED(&six.sin6_addr)) {
    inet_ntop(AF_INET, &six.sin6_addr.s6_addr[12], text.data(), text.size());
    return absl::StrCat("ipv4:", text.data(), ":", ntohs(six.sin6_port));
  }
  inet_ntop(AF_INET6, &six.sin6_addr, text.data(), text.size());
  return absl::StrCat("ipv6:[", text.data(), "]:", ntohs(six.sin6_port));
}

int64_t BytesReceived(int socket) {
  tcp_info info{};
  socklen_t size = sizeof(info);
  if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return 0;
  return static_cast<int64_t>(info.tcpi_bytes_received);
}

void SetOptions(int socket) {
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &kUserTimeoutMs,
             sizeof(kUserTimeoutMs));
}

bool Watch(int poll, int descriptor, uint32_t events, uint64_t what) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = what;
  return epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event) == 0;
}

void CloseAndForget(int& descriptor) {
  if (descriptor >= 0) close(descriptor);
  descriptor = -1;
}

}  // namespace

Acceptor::Acceptor(const Clock& clock, AcceptorOptions options)
    : clock_(clock),
      options_(std::move(options)),
      table_(options_.limits),
      turns_(options_.handshakes) {}

Acceptor::~Acceptor() { Stop(); }

absl::Status Acceptor::Listen(const std::string& listen) {
  ARCHPOOL_ASSIGN_OR_RETURN(listening_, ListeningSockets::Open(listen));
  return absl::OkStatus();
}

absl::Status Acceptor::Start(HandOn hand_on) {
  hand_on_ = std::move(hand_on);
  poll_ = epoll_create1(EPOLL_CLOEXEC);
  wake_ = eventfd(0, EFD_CLOEXEC);
  bool is_ready =
      poll_ >= 0 && wake_ >= 0 && Watch(poll_, wake_, EPOLLIN, kWake);
  for (const int listener : listening_.descriptors()) {
    is_ready = is_ready && Watch(poll_, listener, EPOLLIN,
                                 kListener | static_cast<uint64_t>(listener));
  }
  if (!is_ready) {
    return Unavailable("LISTEN_FAILED",
                       "cannot wait for connections: no descriptor is left");
  }
  thread_ = std::thread([this] { Run(); });
  hander_on_ =
      std::jthread([this](const std::stop_token& stop) { HandOnAll(stop); });
  return absl::OkStatus();
}

void Acceptor::Stop() {
  if (thread_.joinable()) {
    const uint64_t one = 1;
    // It takes it: nothing else was written to it.
    (void)!write(wake_, &one, sizeof(one));
    thread_.join();
  }
  if (hander_on_.joinable()) {
    hander_on_.request_stop();
    hander_on_.join();
  }
  listening_.Close();
  {
    absl::MutexLock lock(&mutex_);
    for (auto& [id, waiting] : waiting_) {
      close(waiting.connection);
      turns_.Remove(id);
    }
    waiting_.clear();
  }
  for (auto& [id, socket] : sockets_) close(socket);
  sockets_.clear();
  CloseAndForget(wake_);
  CloseAndForget(poll_);
}

absl::Status Acceptor::NoteCaller(absl::string_view peer,
                                  const AccountToken& token) {
  const ShownToken shown{token.key,
                         token.expire_time.value_or(absl::InfiniteFuture())};
  bool one_waits = false;
  {
    absl::MutexLock lock(&mutex_);
    const Welcome welcome = table_.NoteCaller(peer, shown);
    if (welcome == Welcome::kTooMany) {
      return Unavailable(
          "CONNECTION_QUOTA",
          absl::StrCat("the account has ", options_.limits.per_account_max,
                       " connections open, and no more fit: end programs that "
                       "nobody needs, or ask the pool's operator "
                       "(--connections-per-account)"));
    }
    if (welcome == Welcome::kFirst) {
      turns_.GiveBack(JoinSource(peer), clock_.Now());
      one_waits = turns_.waiting_count() > 0;
    }
  }
  if (one_waits) bell_.Ring();
  return absl::OkStatus();
}

void Acceptor::NoteTokenEnd(const TokenKey& token) {
  absl::MutexLock lock(&mutex_);
  table_.EndToken(token, clock_.Now());
}

void Acceptor::Run() {
  std::array<epoll_event, kEventsMax> events;
  absl::Time next_look = clock_.Now() + kLookInterval;
  absl::Time next_counts = next_look;
  while (true) {
    const int count = epoll_wait(poll_, events.data(),
                                 static_cast<int>(events.size()), kLookMs);
    for (int i = 0; i < count; ++i) {
      const uint64_t what = events[static_cast<size_t>(i)].data.u64;
      if (what == kWake) return;
      if ((what & kListener) != 0) {
        Accept(static_cast<int>(what & ~kListener));
      } else {
        NoteClosed(static_cast<ConnectionId>(what));
      }
    }
    const absl::Time now = clock_.Now();
    if (now >= next_look) {
      next_look = now + kLookInterval;
      LookAtStrangers();
    }
    if (now >= next_counts) {
      next_counts = now + kCountInterval;
      TellCounts();
    }
  }
}

void Acceptor::HandOnAll(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    absl::Duration until_next;
    if (const std::optional<Waiting> next = TakeNext(until_next)) {
      hand_on_(next->listener, next->connection);
    } else {
      bell_.Wait(stop, until_next);
    }
  }
}

std::optional<Acceptor::Waiting> Acceptor::TakeNext(
    absl::Duration& until_next) {
  absl::MutexLock lock(&mutex_);
  const absl::Time now = clock_.Now();
  const std::optional<ConnectionId> id = turns_.Take(now);
  if (!id) {
    until_next = turns_.NextTurn() - now;
    return std::nullopt;
  }
  const auto waiting = waiting_.find(*id);
  ARCHPOOL_CHECK(waiting != waiting_.end());
  const Waiting next = waiting->second;
  waiting_.erase(waiting);
  return next;
}

void Acceptor::Accept(int listener) {
  if (clock_.Now() < accept_again_) {
    // Who waits is not refused; the other events have their turn.
    const timespec pause{.tv_sec = 0, .tv_nsec = 1'000'000};
    nanosleep(&pause, nullptr);
    return;
  }
  for (int i = 0; i < kAcceptedAtOnceMax; ++i) {
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
    const int connection =
        accept4(listener, reinterpret_cast<sockaddr*>(&address), &size,
                SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (connection >= 0 && connection < options_.descriptor_max) {
      LetIn(listener, connection, PeerOf(address));
      continue;
    }
    if (connection >= 0) close(connection);
    if (connection >= 0 || errno == EMFILE || errno == ENFILE ||
        errno == ENOBUFS || errno == ENOMEM) {
      accept_again_ = clock_.Now() + kAcceptPause;
      Say("descriptors", "");
      return;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return;
    // Others are of a peer that is gone already.
  }
}

void Acceptor::LetIn(int listener, int connection, const std::string& peer) {
  const ConnectionId id = ++last_id_;
  std::vector<ConnectionEnd> ends;
  {
    absl::MutexLock lock(&mutex_);
    ends = table_.Add(id, peer, clock_.Now());
  }
  bool is_let_in = true;
  for (const ConnectionEnd& end : ends) is_let_in = is_let_in && end.id != id;
  if (is_let_in) {
    const int second = fcntl(connection, F_DUPFD_CLOEXEC, 0);
    if (second >= 0) {
      sockets_[id] = second;
      // Without events: an end is always told.
      Watch(poll_, second, 0, static_cast<uint64_t>(id));
      SetOptions(connection);
      {
        absl::MutexLock lock(&mutex_);
        waiting_[id] = {.listener = listener, .connection = connection};
        turns_.Add(id, JoinSource(peer));
      }
      bell_.Ring();
    } else {
      is_let_in = false;
      absl::MutexLock lock(&mutex_);
      table_.Remove(id);
    }
  }
  if (!is_let_in) close(connection);
  EndAll(ends);
}

void Acceptor::LookAtStrangers() {
  std::vector<ConnectionId> strangers;
  {
    absl::MutexLock lock(&mutex_);
    strangers = table_.Strangers();
  }
  const absl::Time now = clock_.Now();
  std::vector<ConnectionEnd> ends;
  for (const ConnectionId id : strangers) {
    const auto socket = sockets_.find(id);
    if (socket == sockets_.end()) continue;
    const int64_t bytes = BytesReceived(socket->second);
    absl::MutexLock lock(&mutex_);
    for (ConnectionEnd& end : table_.NoteBytes(id, bytes, now)) {
      ends.push_back(std::move(end));
    }
  }
  {
    absl::MutexLock lock(&mutex_);
    for (ConnectionEnd& end : table_.TakeOverdue(now)) {
      ends.push_back(std::move(end));
    }
  }
  EndAll(ends);
}

void Acceptor::Forget(Sockets::iterator socket) {
  // gRPC's descriptor is of the same connection: epoll would tell its end again
  // and again until gRPC closes that.
  epoll_ctl(poll_, EPOLL_CTL_DEL, socket->second, nullptr);
  close(socket->second);
  sockets_.erase(socket);
}

void Acceptor::NoteClosed(ConnectionId id) {
  const auto socket = sockets_.find(id);
  if (socket == sockets_.end()) return;  // ended in the same round
  Forget(socket);
  CloseWaiting(id);
  absl::MutexLock lock(&mutex_);
  table_.Remove(id);
}

void Acceptor::CloseWaiting(ConnectionId id) {
  absl::MutexLock lock(&mutex_);
  const auto waiting = waiting_.find(id);
  if (waiting == waiting_.end()) return;
  close(waiting->second.connection);
  waiting_.erase(waiting);
  turns_.Remove(id);
}

void Acceptor::EndAll(const std::vector<ConnectionEnd>& ends) {
  for (const ConnectionEnd& end : ends) {
    ++ended_;
    Say(ToString(end.reason), end.source);
    const auto socket = sockets_.find(end.id);
    if (socket == sockets_.end()) continue;
    shutdown(socket->second, SHUT_RDWR);  // gRPC's descriptor hears it
    CloseWaiting(end.id);
    Forget(socket);
  }
}

void Acceptor::TellCounts() {
  if (options_.on_counts == nullptr) return;
  ConnectionCounts counts{.ended = std::exchange(ended_, 0)};
  {
    absl::MutexLock lock(&mutex_);
    counts.open = table_.open_count();
    counts.strangers = table_.stranger_count();
  }
  options_.on_counts(counts);
}

void Acceptor::Say(absl::string_view kind, const std::string& source) {
  // Somebody's line that went silent before it showed a token is no trouble.
  if (kind == ToString(EndReason::kSilent)) return;
  const std::optional<int64_t> unlogged =
      lines_.Take(std::string(kind), source, clock_.Now());
  if (!unlogged) return;
  LogWarn("connections_ended",
          "connections are ended, or wait, so that there is room for others",
          "if 'kind' is full or descriptors, raise the limit of open files; "
          "otherwise somebody at 'source' connects without a token: shut them "
          "out by a firewall if it lasts",
          {{"kind", kind}, {"source", source}, {"unlogged_ends", *unlogged}});
}

}  // namespace archpool::rpc
