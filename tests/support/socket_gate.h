// SPDX-License-Identifier: Apache-2.0
// A gate between PostgreSQL and its clients on a unix socket, which can break a
// connection at the worst moment: around a commit. Thread-safe.
#ifndef ARCHPOOL_TESTS_SUPPORT_SOCKET_GATE_H_
#define ARCHPOOL_TESTS_SUPPORT_SOCKET_GATE_H_

#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace archpool {

class SocketGate {
 public:
  // Lets clients of `<directory>/.s.PGSQL.5432`, which it makes, through to the
  // socket `upstream`.
  SocketGate(const std::string& directory, std::string upstream);
  ~SocketGate();
  SocketGate(const SocketGate&) = delete;
  SocketGate& operator=(const SocketGate&) = delete;

  // At the next COMMIT the client's connection breaks, once; the commit itself…
  enum class Cut {
    kNone,
    kCommitLost,      // …never arrives
    kCommitAnswered,  // …is done, its answer lost
    kCommitDelayed    // …arrives `kDelay` later
  };
  static constexpr absl::Duration kDelay = absl::Milliseconds(400);
  void CutAtNextCommit(Cut cut) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Accept() ABSL_LOCKS_EXCLUDED(mutex_);
  void Pass(int client, int server) ABSL_LOCKS_EXCLUDED(mutex_);
  // Whether to continue with this pair of connections.
  bool PassToServer(int client, int server) ABSL_LOCKS_EXCLUDED(mutex_);
  Cut TakeCut() ABSL_LOCKS_EXCLUDED(mutex_);

  const std::string upstream_;
  const int listening_;
  int stop_[2];
  std::thread acceptor_;
  absl::Mutex mutex_;
  Cut cut_ ABSL_GUARDED_BY(mutex_) = Cut::kNone;
  std::vector<std::thread> passing_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_SUPPORT_SOCKET_GATE_H_
