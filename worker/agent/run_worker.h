// SPDX-License-Identifier: Apache-2.0
// The main function that all worker programs share: flags, wiring, signals.
#ifndef ARCHPOOL_WORKER_AGENT_RUN_WORKER_H_
#define ARCHPOOL_WORKER_AGENT_RUN_WORKER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/channel/trust_flags.h"
#include "common/log/log.h"
#include "worker/train/trainer.h"

namespace CLI {
class App;
}

namespace archpool {

struct WorkerFlags {
  LogOptions log;
  std::string server;
  std::string token_file;
  TrustFlags trust;
  std::string name;
  std::string work_dir;
  int64_t threads = 1;       // of all trainings together
  int64_t side_by_side = 0;  // trainings at a time; 0: as many as fill it best
  std::string simd;          // empty: the widest
  int nice_level = 10;
  int64_t cache_mib = 4096;
  int64_t checkpoints_mib = 2048;
  double price_min_coins = 0;  // for an hour of the reference core
  int64_t memory_mib = 0;      // 0: three quarters of what there is
};

// What a worker program adds to the shared part.
struct WorkerProgram {
  std::string name;
  std::string description;
  // Adds flags of its own; may be empty.
  std::function<void(CLI::App&)> add_flags;
  // Called once, with all flags parsed. An error ends the program.
  std::function<absl::StatusOr<std::unique_ptr<Trainer>>(const WorkerFlags&)>
      make_trainer;
};

// What a training may take here, program and data included; 0: not known.
int64_t MemoryFor(const WorkerFlags& flags);

// Runs until SIGINT or SIGTERM. Exit codes: 0 stopped as asked, 1 failed, 2 bad
// flags, 3 refused by the pool, or this machine cannot work.
int RunWorker(int argc, char** argv, const WorkerProgram& program);

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_AGENT_RUN_WORKER_H_
