// SPDX-License-Identifier: Apache-2.0
// Watches a simulation from a thread of its own: the digest of what was
// committed, and the oracle's rules. What it says depends on the events alone,
// so a run stays the same bit for bit.
#ifndef ARCHPOOL_SIMULATOR_ORACLE_THREAD_H_
#define ARCHPOOL_SIMULATOR_ORACLE_THREAD_H_

#include <cstdint>
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "simulator/record_oracle.h"

namespace archpool {

// One thread uses it.
class OracleThread {
 public:
  // The books as a whole are examined after this many commits, and then ever
  // less often, so that a long run does not take the square of its length.
  explicit OracleThread(int64_t commits_to_full_check);
  ~OracleThread();

  // Hands over one commit's events, many commits at a time; waits where the
  // oracle is far behind.
  void Take(std::vector<Event> events);

  // Each waits until all that was handed over is examined.
  void CheckAll();
  PoolSnapshot Snapshot();
  // What the oracle has complained of; empty while all is well.
  std::vector<std::string> Violations();
  // The digest of all events so far.
  Digest EventsDigest();

 private:
  void Run();
  void Look(const std::vector<Event>& events);
  void Complain(std::vector<std::string> violations);
  void HandOver() ABSL_LOCKS_EXCLUDED(mutex_);
  void WaitUntilIdle() ABSL_LOCKS_EXCLUDED(mutex_);

  const int64_t commits_to_full_check_;
  // Belongs to the thread while it looks, and to the caller while it is idle.
  RecordOracle oracle_;
  std::vector<std::string> violations_;
  Digest digest_;
  int64_t commits_ = 0;
  int64_t next_full_check_;

  using Commits = std::vector<std::vector<Event>>;
  Commits gathered_;  // of the caller
  absl::Mutex mutex_;
  // The front one is being looked at.
  std::deque<Commits> waiting_ ABSL_GUARDED_BY(mutex_);
  bool is_closing_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace archpool

#endif  // ARCHPOOL_SIMULATOR_ORACLE_THREAD_H_
