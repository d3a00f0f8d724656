#include "worker/agent/run_worker.h"

#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <filesystem>
#include <stop_token>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/durable_file.h"
#include "common/base/signals.h"
#include "common/base/status.h"
#include "common/base/stop.h"
#include "common/base/version.h"
#include "common/base/work_directory.h"
#include "common/channel/address.h"
#include "common/channel/program.h"
#include "common/channel/remote.h"
#include "common/channel/token_file.h"
#include "common/data/read_file.h"
#include "common/model/arithmetic.h"
#include "worker/agent/agent.h"
#include "worker/agent/grpc_work_client.h"
#include "worker/agent/machine_memory.h"
#include "worker/agent/machine_watch.h"
#include "worker/agent/worker_key.h"

namespace archpool {
namespace {

// Of a worker that is asked to stop: when its last calls are cut off, and when
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

// What was begun in another arithmetic cannot be gone on with here: an audit
// would find it false.
absl::Status AdoptArithmetic(const std::string& work_dir,
                             const std::string& arithmetic,
                             TrialJournal& journal, CheckpointVault& vault) {
  const std::string path = work_dir + "/arithmetic";
  // Versions for which it hung on the machine wrote this in its place.
  const std::string older_path = work_dir + "/hardware-class";
  absl::StatusOr<std::string> earlier = ReadFile(path, 256);
  if (earlier.ok() && *earlier == arithmetic) return absl::OkStatus();
  if (!earlier.ok()) earlier = ReadFile(older_path, 256);
  if (earlier.ok()) {
    spdlog::warn(
        "this worker's arithmetic was {} and is {}: what it had not reported "
        "is dropped",
        *earlier, arithmetic);
    for (const JournalEntry& entry : journal.Entries()) {
      if (!entry.is_committed) journal.Remove(entry.id());
    }
    vault.RemoveUnkept();
  }
  ARCHPOOL_RETURN_IF_ERROR(WriteFileDurably(path, arithmetic));
  std::error_code none_there;
  std::filesystem::remove(older_path, none_there);
  return absl::OkStatus();
}

// Under another name the pool hears of trials that this directory still answers
// for, but not of what was trained and not reported: that is on leases of the
// earlier name's.
absl::Status AdoptName(const std::string& work_dir, const std::string& name,
                       const TrialJournal& journal,
                       const CheckpointVault& vault) {
  const std::string path = work_dir + "/worker-name";
  const absl::StatusOr<std::string> earlier = ReadFile(path, 256);
  if (earlier.ok() && *earlier == name) return absl::OkStatus();
  const size_t waiting = journal.Entries().size() + vault.Kept().size();
  if (earlier.ok() && waiting > 0) {
    spdlog::warn(
        "{} trials in {} were trained by worker {}, which the pool may still "
        "ask and pay: start it with --name {}, and give worker {} a directory "
        "of its own",
        waiting, work_dir, *earlier, *earlier, name);
  }
  return WriteFileDurably(path, name);
}

constexpr int64_t kMebi = int64_t{1} << 20;

void SayMemory(int64_t bytes) {
  if (bytes == 0) {
    spdlog::warn(
        "how much memory this machine has cannot be read: the pool gives this "
        "worker networks of any size unless --memory-mib says what it may "
        "take");
  } else {
    spdlog::info(
        "takes on trainings of up to {} MiB of memory, program and data "
        "included (--memory-mib), of {} MiB that there are",
        bytes / kMebi, ProcessMemoryBytes() / kMebi);
  }
}

absl::Status Work(const WorkerFlags& flags, Trainer& trainer,
                  const std::stop_token& stop) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string server,
                            ReadServerAddress(flags.server));
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string token,
                            ReadTokenFile(flags.token_file));
  ARCHPOOL_ASSIGN_OR_RETURN(const DirectoryLock lock,
                            ClaimDirectory(flags.work_dir, DirectoryKind()));
  ARCHPOOL_ASSIGN_OR_RETURN(const std::unique_ptr<TrialJournal> journal,
                            TrialJournal::Open(flags.work_dir + "/trials"));
  ARCHPOOL_ASSIGN_OR_RETURN(const std::unique_ptr<CheckpointVault> vault,
                            CheckpointVault::Open(flags.work_dir + "/training",
                                                  flags.checkpoints_mib << 20));
  ARCHPOOL_RETURN_IF_ERROR(
      AdoptArithmetic(flags.work_dir, trainer.arithmetic(), *journal, *vault));
  ARCHPOOL_RETURN_IF_ERROR(
      AdoptName(flags.work_dir, flags.name, *journal, *vault));
  ARCHPOOL_ASSIGN_OR_RETURN(const SigningKey key,
                            LoadOrMakeKey(flags.work_dir + "/worker.key"));
  const Remote remote(server, token);
  const Remote bulk(server, token, Line::kSeparate);
  SayMemory(MemoryFor(flags));
  MachineWatch watch(trainer, stop);
  const LateStop last_calls(watch.token(), kCallsMax);
  GrpcWorkClient client(
      remote, bulk,
      {flags.name, flags.threads, trainer.arithmetic(), key,
       std::llround(flags.price_min_coins * kAmountPerCoin), MemoryFor(flags)},
      last_calls.token());
  TrainingDataCache data(
      client, BlobCache(flags.work_dir + "/blobs", flags.cache_mib << 20));
  RungWeightsCache rung_weights(
      client,
      BlobCache(flags.work_dir + "/rung-weights", flags.checkpoints_mib << 20));
  spdlog::info("worker {} ({}, {} threads) for {}", flags.name,
               trainer.arithmetic(), flags.threads, flags.server);
  const auto attempts = AttemptLog::Load(flags.work_dir + "/attempts.json");
  Agent agent(client, trainer, data, rung_weights, *vault, *journal, *attempts,
              AgentOptions());
  const absl::Status worked = agent.Run(watch.token());
  ARCHPOOL_RETURN_IF_ERROR(watch.Finish());
  return worked;
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
  app.add_option("--threads", flags.threads,
                 "Threads of one training, which come to the same bits as a "
                 "single one. A worker\ntrains one network at a time: for "
                 "more, start more, each with a directory of its own")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--simd", flags.simd,
                 "Instructions to compute with: scalar, neon, avx2 or avx512; "
                 "the widest there\nare where none are named. They change the "
                 "speed and never a bit of the result")
      ->check(CLI::IsMember({"scalar", "neon", "avx2", "avx512"}));
  app.add_option("--nice", flags.nice_level,
                 "Gives way to other programs: 0 (not) to 19 (always)")
      ->check(CLI::Range(0, 19))
      ->capture_default_str();
  app.add_option("--cache-mib", flags.cache_mib,
                 "Disk space for datasets, in MiB")
      ->check(CLI::Range(64, 1 << 20))
      ->capture_default_str();
  app.add_option("--checkpoints-mib", flags.checkpoints_mib,
                 "Disk space for checkpoints of trainings that audits may ask "
                 "for, and as much\nfor weights that a later rung may go on "
                 "from, in MiB")
      ->check(CLI::Range(64, 1 << 20))
      ->capture_default_str();
  app.add_option("--price-minimum", flags.price_min_coins,
                 "Takes no work that pays less, in coins for an hour of the "
                 "pool's reference core")
      ->check(CLI::Range(0.0, 1e9))
      ->capture_default_str();
  app.add_option("--memory-mib", flags.memory_mib,
                 "Takes no training that needs more memory, program and data "
                 "included, in MiB;\nthree quarters of what this machine, its "
                 "control group and its limits allow\nwhere none is named")
      ->check(CLI::Range(64, 1 << 30));
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
  setpriority(PRIO_PROCESS, 0, flags.nice_level);
  const SignalStop signals(kDrainMax);
  SetUpLogging();
  spdlog::info("{}", DescribeBuild(program.name));
  const absl::StatusOr<std::unique_ptr<Trainer>> trainer =
      program.make_trainer(flags);
  if (!trainer.ok()) return Finish(program.name, trainer.status());
  return Finish(program.name, Work(flags, **trainer, signals.token()));
}

}  // namespace archpool
