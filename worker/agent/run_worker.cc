// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/run_worker.h"

#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <memory>
#include <stop_token>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/signals.h"
#include "common/base/status.h"
#include "common/base/stop.h"
#include "common/base/version.h"
#include "common/base/work_directory.h"
#include "common/channel/access.h"
#include "common/channel/program.h"
#include "common/channel/remote.h"
#include "common/channel/token_holder.h"
#include "common/log/log.h"
#include "common/model/arithmetic.h"
#include "worker/agent/grpc_work_client.h"
#include "worker/agent/lanes.h"
#include "worker/agent/machine_memory.h"
#include "worker/agent/machine_watch.h"
#include "worker/agent/places.h"
#include "worker/agent/rung_weights_cache.h"
#include "worker/agent/training_data.h"
#include "worker/agent/worker_key.h"
#include "worker/train/lane_plan.h"

namespace archpool {
namespace {

// After a worker is asked to stop: when its last calls are cut off, and when
// it ends in the middle of whatever it computes. What is on its disk then is
// taken up at its next start.
constexpr absl::Duration kCallsMax = absl::Seconds(10);
constexpr absl::Duration kDrainMax = absl::Seconds(15);

WorkDirectoryKind DirectoryKind() {
  return {.program = "archpool-worker",
          .earlier_names = {"blobs", "checkpoints", "hardware-class",
                            "training", "trials", "worker.key"},
          .earlier_sign = "worker.key"};
}

constexpr int64_t kMebi = int64_t{1} << 20;

void SayMemory(int64_t bytes) {
  if (bytes == 0) {
    LogWarn("memory_unknown",
            "this machine's memory cannot be read: the pool assigns this "
            "worker networks of any size",
            "set --memory-mib to what the worker may use");
  } else {
    LogInfo("memory_limit",
            "a training may use this much memory, program and data included "
            "(--memory-mib)",
            {{"training_mib", bytes / kMebi},
             {"available_mib", ProcessMemoryBytes() / kMebi}});
  }
}

// How many trainings at a time: as asked for, or as measured.
LanePlan ChoosePlan(const WorkerFlags& flags, Trainer& trainer) {
  const int64_t memory = MemoryFor(flags);
  if (flags.side_by_side > 0) {
    return PlanLanes(flags.side_by_side, flags.threads, memory);
  }
  const std::vector<LanePlan> choices = LaneChoices(flags.threads, memory);
  if (flags.threads > 1 && choices.size() == 1) {
    LogInfo("lanes_limited",
            "one training at a time: there is too little memory for two lanes, "
            "or it cannot be read (--memory-mib; --side-by-side asks for "
            "smaller lanes)",
            {{"lane_mib", kLaneBytesMin / kMebi}});
  }
  return trainer.ChooseLanes(choices);
}

// The first lane has asked for work meanwhile: it trains once it is known which
// part of the machine it has.
absl::Status OpenLanes(const WorkerFlags& flags, Trainer& trainer,
                       Places& places, Lanes& lanes) {
  const LanePlan plan = ChoosePlan(flags, trainer);
  if (plan.lanes > 1) {
    LogInfo("lanes_open",
            "trainings run side by side (--side-by-side) in lanes that are "
            "workers of their own to the pool; a training that needs more "
            "memory than its lane has runs alone, with all threads",
            {{"lanes", plan.lanes},
             {"threads_per_lane", plan.threads},
             {"lane_mib", plan.memory_bytes / kMebi}});
  }
  places.Open(plan, flags.threads);
  return lanes.StartOthers(plan);
}

absl::Status Work(const WorkerFlags& flags, Trainer& trainer,
                  const std::stop_token& stop) {
  ARCHPOOL_ASSIGN_OR_RETURN(
      const Access access,
      ReadAccess(flags.server, flags.trust, flags.token_file));
  ARCHPOOL_ASSIGN_OR_RETURN(const DirectoryLock lock,
                            ClaimDirectory(flags.work_dir, DirectoryKind()));
  ARCHPOOL_ASSIGN_OR_RETURN(const SigningKey key,
                            LoadOrMakeKey(flags.work_dir + "/worker.key"));
  const auto holder =
      std::make_shared<TokenHolder>(flags.token_file, access.token);
  Remote remote(access.site, access.token);
  remote.Follow(holder);
  Remote bulk(access.site, access.token, Line::kSeparate);
  bulk.Follow(holder);
  SayMemory(MemoryFor(flags));
  std::stop_source quit;  // of a lane that fails, too
  const std::stop_callback on_stop(stop, [&quit] { quit.request_stop(); });
  MachineWatch watch(trainer, quit.get_token());
  const LateStop last_calls(watch.token(), kCallsMax);
  const WorkerIdentity whole{
      flags.name,
      flags.threads,
      trainer.arithmetic(),
      key,
      std::llround(flags.price_min_coins * kAmountPerCoin),
      MemoryFor(flags)};
  GrpcWorkClient files(remote, bulk, whole, last_calls.token());
  TrainingDataCache data(
      files, BlobCache(flags.work_dir + "/blobs", flags.cache_mib << 20));
  RungWeightsCache rung_weights(
      files,
      BlobCache(flags.work_dir + "/rung-weights", flags.checkpoints_mib << 20));
  LogInfo("worker_started", "the worker serves a pool",
          {{"worker", flags.name},
           {"arithmetic", trainer.arithmetic()},
           {"threads", flags.threads},
           {"server", flags.server}});
  Places places;
  Lanes lanes({.remote = remote,
               .bulk = bulk,
               .trainer = trainer,
               .data = data,
               .rung_weights = rung_weights,
               .places = places,
               .work_dir = flags.work_dir,
               .checkpoint_bytes_max = flags.checkpoints_mib << 20,
               .are_labelled = flags.threads > 1 && flags.side_by_side != 1,
               .stop = watch.token(),
               .last_calls = last_calls.token()},
              whole, quit);
  ARCHPOOL_RETURN_IF_ERROR(lanes.StartFirst());
  absl::Status begun = watch.Finish();
  if (begun.ok() && !watch.token().stop_requested()) {
    begun = OpenLanes(flags, trainer, places, lanes);
  }
  if (!begun.ok()) quit.request_stop();
  const absl::Status worked = lanes.Join();
  return begun.ok() ? worked : begun;
}

void AddTrainingFlags(CLI::App& app, WorkerFlags& flags) {
  app.add_option("--threads", flags.threads,
                 "Threads of all trainings together; results do not depend on "
                 "them")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option_function<std::string>(
         "--side-by-side",
         [&flags](const std::string& text) {
           if (text == "auto") {
             flags.side_by_side = 0;
           } else if (!absl::SimpleAtoi(text, &flags.side_by_side) ||
                      flags.side_by_side < 1 || flags.side_by_side > 1024) {
             throw CLI::ValidationError("--side-by-side",
                                        "say auto, or a number from 1 to 1024");
           }
         },
         "How many trainings run at a time (lanes). Each lane has its share of "
         "threads and memory\nand its own name at the pool (NAME-lane-2). "
         "auto measures at the start which number is\nfastest and logs it. A "
         "training that needs more memory than its lane has runs alone")
      ->type_name("auto|NUMBER")
      ->default_str("auto");
  app.add_option("--simd", flags.simd,
                 "Vector instructions: scalar, neon, avx2 or avx512; the "
                 "processor's widest by default.\nResults do not depend on "
                 "them")
      ->check(CLI::IsMember({"scalar", "neon", "avx2", "avx512"}));
  app.add_option(
         "--memory-mib", flags.memory_mib,
         "Memory limit, program and data included, in MiB; trainings "
         "that need more are left to\nothers. By default three quarters "
         "of what the machine, its control group and its\nlimits allow")
      ->check(CLI::Range(64, 1 << 30));
}

void AddFlags(CLI::App& app, WorkerFlags& flags) {
  app.add_option("--server", flags.server, "The pool's address, HOST:PORT")
      ->required();
  app.add_option("--token-file", flags.token_file,
                 "File with the miner account's token")
      ->envname("ARCHPOOL_TOKEN_FILE")
      ->required();
  AddTrustFlags(app, flags.trust);
  app.add_option("--name", flags.name,
                 "This worker's name, unique within the account: "
                 "1 to 64 of [a-z0-9-]")
      ->required();
  app.add_option("--work-dir", flags.work_dir,
                 "Directory for datasets, checkpoints and undelivered trials; "
                 "one per worker, to be kept between starts")
      ->required();
  app.add_option("--nice", flags.nice_level,
                 "Niceness, from 0 (equal to other programs) to 19 (yields to "
                 "all)")
      ->check(CLI::Range(0, 19))
      ->capture_default_str();
  app.add_option("--cache-mib", flags.cache_mib,
                 "Disk space for datasets, in MiB")
      ->check(CLI::Range(64, 1 << 20))
      ->capture_default_str();
  app.add_option("--checkpoints-mib", flags.checkpoints_mib,
                 "Disk space for checkpoints that audits may ask for, and as "
                 "much again for weights\nthat a later rung may continue from, "
                 "in MiB")
      ->check(CLI::Range(64, 1 << 20))
      ->capture_default_str();
  app.add_option("--price-minimum", flags.price_min_coins,
                 "Accept only work that pays at least this, in coins for an "
                 "hour of the pool's reference core")
      ->check(CLI::Range(0.0, 1e9))
      ->capture_default_str();
  AddTrainingFlags(app, flags);
  AddLogFlags(app, flags.log);
  app.footer(
      "Train for the pool with one core (or with as many as --threads says):\n"
      "  archpool-worker --server pool.example.org:7070 "
      "--token-file miner.token \\\n"
      "    --name desk-1 --work-dir ~/.local/share/archpool/desk-1\n"
      "The first Ctrl-C (or SIGTERM) delivers trained trials, returns the "
      "lease "
      "and exits; a\nsecond one exits at once. No trained trial is lost in "
      "either case.");
}

}  // namespace

// The rest is for the machine's other programs.
int64_t MemoryFor(const WorkerFlags& flags) {
  return flags.memory_mib > 0 ? flags.memory_mib * kMebi
                              : ProcessMemoryBytes() / 4 * 3;
}

int RunWorker(int argc, char** argv, const WorkerProgram& program) {
  WorkerFlags flags;
  CLI::App app(program.description, program.name);
  AddFlags(app, flags);
  app.set_version_flag("--version", absl::StrCat(DescribeBuild(program.name),
                                                 "\narithmetic ", kArithmetic));
  if (program.add_flags) program.add_flags(app);
  if (const std::optional<int> exit_code = ParseFlags(app, argc, argv)) {
    return *exit_code;
  }
  SetUpLogging(flags.log);
  LogInfo("program_started", DescribeBuild(program.name));
  if (flags.side_by_side > flags.threads) {
    return FinishLogged(
        program.name,
        InvalidArgument("SIDE_BY_SIDE_RANGE",
                        absl::StrCat("--side-by-side ", flags.side_by_side,
                                     " needs at least as many --threads")));
  }
  setpriority(PRIO_PROCESS, 0, flags.nice_level);
  const SignalStop signals(kDrainMax);
  const absl::StatusOr<std::unique_ptr<Trainer>> trainer =
      program.make_trainer(flags);
  if (!trainer.ok()) return FinishLogged(program.name, trainer.status());
  return FinishLogged(program.name, Work(flags, **trainer, signals.token()));
}

}  // namespace archpool
