// SPDX-License-Identifier: Apache-2.0
// The threads of one training: they do one thing together and wait for each
// other, many thousand times a second. Used by one thread at a time.
#ifndef ARCHPOOL_COMMON_KERNELS_INNER_TEAM_H_
#define ARCHPOOL_COMMON_KERNELS_INNER_TEAM_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace archpool::kernels {

class Team {
 public:
  // The caller is one of them. Each thread makes sure that denormal numbers are
  // kept and that results are rounded to nearest, and aborts otherwise: no bit
  // would be right. REQUIRES: threads > 0.
  explicit Team(int threads);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int threads() const { return static_cast<int>(helpers_.size()) + 1; }

  // Calls work(0) … work(parts - 1), each once, on any thread, and returns when
  // all have returned.
  void Run(int64_t parts, const std::function<void(int64_t)>& work);

  // The same over [0, count) in contiguous ranges, one a thread or fewer.
  void RunRanges(int64_t count,
                 const std::function<void(int64_t, int64_t)>& work);

 private:
  void Help();
  void TakeParts();

  std::vector<std::thread> helpers_;
  const std::function<void(int64_t)>* work_ = nullptr;
  int64_t parts_ = 0;
  std::atomic<int64_t> next_part_ = 0;
  std::atomic<uint32_t> round_ = 0;    // raised when there is work
  std::atomic<uint32_t> helping_ = 0;  // helpers that are not done with it
  std::atomic<bool> ends_ = false;
};

}  // namespace archpool::kernels

#endif  // ARCHPOOL_COMMON_KERNELS_INNER_TEAM_H_
