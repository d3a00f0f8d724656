// SPDX-License-Identifier: Apache-2.0
// Takes a server's connections before gRPC sees them, and ends those that the
// table (connection_table.h) says: gRPC itself takes all that come, until no
// descriptor is left. What it lets in, it hands on with the encryption still to
// be agreed, so it works under any credentials. Each waits for its turn to do
// that (handshake_turns.h), and what ends before its turn costs gRPC nothing.
//
//   Acceptor acceptor(clock, options);
//   acceptor.Listen("127.0.0.1:7070");
//   acceptor.Start(hand_on);
//   acceptor.NoteCaller(context.peer(), token);  // of each call
//   acceptor.Stop();
//
// NoteCaller and NoteTokenEnd are thread-safe; all else is for one thread.
#ifndef ARCHPOOL_SERVER_RPC_ACCEPTOR_H_
#define ARCHPOOL_SERVER_RPC_ACCEPTOR_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "common/base/bell.h"
#include "common/base/clock.h"
#include "server/core/records/token_records.h"
#include "server/rpc/connection_table.h"
#include "server/rpc/handshake_turns.h"
#include "server/rpc/listening_sockets.h"
#include "server/rpc/peer_lines.h"

namespace archpool::rpc {

struct ConnectionCounts {
  int64_t open = 0;
  int64_t strangers = 0;
  int64_t ended = 0;  // by the acceptor, since the last counts
};

struct AcceptorOptions {
  ConnectionLimits limits;
  HandshakeRates handshakes;
  // From this number on descriptors are for others than connections: no new
  // connection is taken until there are lower ones again.
  int descriptor_max = 1 << 20;
  // Told every second, on the acceptor's thread.
  std::function<void(const ConnectionCounts&)> on_counts = nullptr;
};

class Acceptor {
 public:
  // Takes over the descriptor `connection`, which does not block and came in by
  // `listener`. On a thread of the acceptor's that gRPC may use for its own
  // work.
  using HandOn = std::function<void(int listener, int connection)>;

  Acceptor(const Clock& clock, AcceptorOptions options);
  ~Acceptor();  // stops

  // Errors as ListeningSockets::Open.
  absl::Status Listen(const std::string& listen);
  int port() const { return listening_.port(); }

  // REQUIRES: it listens. Once. UNAVAILABLE (LISTEN_FAILED): no descriptor is
  // left for it.
  absl::Status Start(HandOn hand_on);
  // Takes no further connection, and leaves those that there are alone.
  // Idempotent.
  void Stop();

  // A call by that token, which is in force, came over the connection of
  // `peer`, as gRPC spells it. UNAVAILABLE (CONNECTION_QUOTA): the account has
  // too many.
  absl::Status NoteCaller(absl::string_view peer, const AccountToken& token)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // It was revoked: who showed it is a stranger.
  void NoteTokenEnd(const TokenKey& token) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // A connection that is let in and not handed on yet.
  struct Waiting {
    int listener;
    int connection;
  };

  using Sockets = absl::btree_map<ConnectionId, int>;

  void Run();
  // Closes the second descriptor of an end that was told.
  void Forget(Sockets::iterator socket);
  void HandOnAll(const std::stop_token& stop) ABSL_LOCKS_EXCLUDED(mutex_);
  // The one whose turn it is; nullopt: `until_next` passes first, unless the
  // bell rings.
  std::optional<Waiting> TakeNext(absl::Duration& until_next)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Accept(int listener) ABSL_LOCKS_EXCLUDED(mutex_);
  void LetIn(int listener, int connection, const std::string& peer)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void LookAtStrangers() ABSL_LOCKS_EXCLUDED(mutex_);
  void NoteClosed(ConnectionId id) ABSL_LOCKS_EXCLUDED(mutex_);
  // Where it was not handed on yet.
  void CloseWaiting(ConnectionId id) ABSL_LOCKS_EXCLUDED(mutex_);
  void EndAll(const std::vector<ConnectionEnd>& ends)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void TellCounts() ABSL_LOCKS_EXCLUDED(mutex_);
  void Say(absl::string_view kind, const std::string& source);

  const Clock& clock_;
  const AcceptorOptions options_;
  ListeningSockets listening_;
  HandOn hand_on_;
  int poll_ = -1;  // epoll's
  int wake_ = -1;  // written to where it is to stop
  std::thread thread_;

  // Owned by the thread while it runs.
  ConnectionId last_id_ = 0;
  // A second descriptor of each connection: gRPC closes its own when it likes,
  // and a number may come to name something else.
  Sockets sockets_;
  absl::Time accept_again_ = absl::InfinitePast();
  PeerLines lines_;
  int64_t ended_ = 0;

  absl::Mutex mutex_;
  ConnectionTable table_ ABSL_GUARDED_BY(mutex_);
  absl::btree_map<ConnectionId, Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
  HandshakeTurns turns_ ABSL_GUARDED_BY(mutex_);  // of `waiting_`
  Bell bell_;  // rings where one may have its turn
  std::jthread hander_on_;
};

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_ACCEPTOR_H_
