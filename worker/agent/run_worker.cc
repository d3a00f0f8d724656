#include "worker/agent/run_worker.h"

#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <utility>

#include "common/base/clock.h"
#include "common/base/durable_file.h"
#include "common/base/signals.h"
#include "common/base/status.h"
#include "common/channel/program.h"
#include "common/channel/remote.h"
#include "worker/agent/agent.h"
#include "worker/agent/grpc_work_client.h"

namespace archpool {
namespace {

absl::Status Work(const WorkerFlags& flags, Trainer& trainer,
                  const std::stop_token& stop) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string token,
                            ReadTokenFile(flags.token_file));
  ARCHPOOL_ASSIGN_OR_RETURN(const DirectoryLock lock,
                            DirectoryLock::Acquire(flags.work_dir));
  ARCHPOOL_ASSIGN_OR_RETURN(const std::unique_ptr<TrialJournal> journal,
                            TrialJournal::Open(flags.work_dir + "/trials"));
  const SystemClock clock;
  const Remote remote(flags.server, token);
  GrpcWorkClient client(remote,
                        {flags.name, flags.threads, trainer.hardware_class()});
  TrainingDataCache data(
      client, BlobCache(flags.work_dir + "/blobs", flags.cache_mib << 20));
  CheckpointCache checkpoints(client, BlobCache(flags.work_dir + "/checkpoints",
                                                flags.checkpoints_mib << 20));
  spdlog::info("worker {} ({}, {} threads) for {}", flags.name,
               trainer.hardware_class(), flags.threads, flags.server);
  Agent agent(clock, client, trainer, data, checkpoints, *journal,
              AgentOptions());
  return agent.Run(stop);
}

void AddFlags(CLI::App& app, WorkerFlags& flags) {
  app.add_option("--server", flags.server, "The pool's address, HOST:PORT")
      ->required();
  app.add_option("--token-file", flags.token_file,
                 "File with the miner account's token")
      ->envname("ARCHPOOL_TOKEN_FILE")
      ->required();
  app.add_option("--name", flags.name,
                 "This worker's name, unique within the account: "
                 "1 to 64 of [a-z0-9-]")
      ->required();
  app.add_option("--work-dir", flags.work_dir,
                 "Directory for datasets and for trials not yet delivered; "
                 "one per worker, kept between starts")
      ->required();
  app.add_option("--threads", flags.threads, "Threads to train with")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--nice", flags.nice_level,
                 "Gives way to other programs: 0 (not) to 19 (always)")
      ->check(CLI::Range(0, 19))
      ->capture_default_str();
  app.add_option("--cache-mib", flags.cache_mib,
                 "Disk space for datasets, in MiB")
      ->check(CLI::Range(64, 1 << 20))
      ->capture_default_str();
  app.add_option("--checkpoints-mib", flags.checkpoints_mib,
                 "Disk space for weights that a later rung may go on from, in "
                 "MiB")
      ->check(CLI::Range(64, 1 << 20))
      ->capture_default_str();
  app.footer(
      "Train for the pool with one core:\n"
      "  archpool-worker --server pool.example.org:7070 "
      "--token-file miner.token \\\n"
      "    --name desk-1 --work-dir ~/.local/share/archpool/desk-1\n"
      "The first Ctrl-C (or SIGTERM) delivers what is trained, gives the lease "
      "back and\nends; a second one ends at once. Nothing that was trained is "
      "lost either way.");
}

}  // namespace

int RunWorker(int argc, char** argv, const WorkerProgram& program) {
  WorkerFlags flags;
  CLI::App app(program.description, program.name);
  AddFlags(app, flags);
  if (program.add_flags) program.add_flags(app);
  if (const std::optional<int> exit_code = ParseFlags(app, argc, argv)) {
    return *exit_code;
  }
  setpriority(PRIO_PROCESS, 0, flags.nice_level);
  const std::unique_ptr<Trainer> trainer = program.make_trainer(flags);
  SetUpLogging();
  const SignalStop signals;
  return Finish(program.name, Work(flags, *trainer, signals.token()));
}

}  // namespace archpool
