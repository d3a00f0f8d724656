// SPDX-License-Identifier: Apache-2.0
// What it costs the server that a thousand people watch a task with a hundred
// thousand trials, of which twenty change every second: the share of a core
// that the server's process takes, over real gRPC, with its readers in a
// process of their own. And how often each of them hears.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "archpool/v1/task.grpc.pb.h"
#include "common/base/check.h"
#include "common/base/counter_rng.h"
#include "common/base/steady_clock.h"
#include "common/channel/remote.h"
#include "common/channel/server_site.h"
#include "common/crypto/token.h"
#include "server/engine/engine.h"
#include "server/rpc/rpc_server.h"
#include "server/storage/blob_store.h"
#include "server/storage/checkpoint_blobs.h"
#include "server/storage/memory_store.h"
#include "tests/bench/json_line.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

constexpr int64_t kTrials = 100'000;
constexpr int kWatches = 1'000;
constexpr int kWatchesPerAccount = 50;
constexpr absl::Duration kWarmUp = absl::Seconds(5);
constexpr absl::Duration kMeasured = absl::Seconds(15);
constexpr absl::Duration kBetweenChanges = absl::Milliseconds(50);
constexpr double kGoalCores = 0.2;
// Of a machine whose cores are slower, or do other things.
constexpr double kFloorCores = 0.5;

template <typename T>
T Must(absl::StatusOr<T> result) {
  if (!result.ok()) {
    std::fprintf(stderr, "%s\n", result.status().ToString().c_str());
  }
  ARCHPOOL_CHECK(result.ok());
  return *std::move(result);
}

// The readers' process: it is told the address, the task and the tokens by its
// standard input's pipe, and says how many messages came.
class Watcher : public grpc::ClientReadReactor<v1::WatchTaskResponse> {
 public:
  Watcher(const Remote& remote, v1::TaskService::Stub& stub, int64_t task,
          std::atomic<int64_t>& messages)
      : messages_(messages) {
    remote.Prepare(context_, absl::Minutes(10));
    request_.set_task_id(task);
    stub.async()->WatchTask(&context_, &request_, this);
    StartRead(&response_);
    StartCall();
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    ++messages_;
    StartRead(&response_);
  }
  void OnDone(const grpc::Status&) override { done_.Notify(); }
  void End() {
    context_.TryCancel();
    done_.WaitForNotification();
  }

 private:
  std::atomic<int64_t>& messages_;
  grpc::ClientContext context_;
  v1::WatchTaskRequest request_;
  v1::WatchTaskResponse response_;
  absl::Notification done_;
};

std::string ReadLine(int fd) {
  std::string line;
  char one = 0;
  while (read(fd, &one, 1) == 1 && one != '\n') line.push_back(one);
  return line;
}

void WriteLine(int fd, const std::string& line) {
  const std::string whole = line + "\n";
  ARCHPOOL_CHECK(write(fd, whole.data(), whole.size()) ==
                 static_cast<ssize_t>(whole.size()));
}

int BeReaders(int in, int out) {
  const std::vector<std::string> told = absl::StrSplit(ReadLine(in), ' ');
  if (told.size() < 3) return 1;
  int64_t task = 0;
  if (!absl::SimpleAtoi(told[1], &task)) return 1;
  std::atomic<int64_t> messages = 0;
  std::vector<std::unique_ptr<Remote>> remotes;
  std::vector<std::unique_ptr<v1::TaskService::Stub>> stubs;
  std::vector<std::unique_ptr<Watcher>> watchers;
  for (size_t i = 2; i < told.size(); ++i) {
    remotes.push_back(std::make_unique<Remote>(ServerSite::Plaintext(told[0]),
                                               told[i], Line::kSeparate));
    stubs.push_back(
        std::make_unique<v1::TaskService::Stub>(remotes.back()->channel()));
    for (int k = 0; k < kWatchesPerAccount; ++k) {
      watchers.push_back(std::make_unique<Watcher>(
          *remotes.back(), *stubs.back(), task, messages));
    }
  }
  // At each line from the other side: how many came so far.
  while (ReadLine(in) == "count") {
    WriteLine(out, absl::StrCat(messages.load()));
  }
  for (const auto& watcher : watchers) watcher->End();
  return 0;
}

// The engine's commits, and those that this program makes up, one after the
// other.
class OneByOne : public EngineListener {
 public:
  explicit OneByOne(EngineListener& to) : to_(to) {}
  void OnCommit(absl::Span<const Event> events) override {
    absl::MutexLock lock(&mutex_);
    to_.OnCommit(events);
  }
  void OnLoad(const PoolSnapshot& snapshot) override {
    absl::MutexLock lock(&mutex_);
    to_.OnLoad(snapshot);
  }

 private:
  absl::Mutex mutex_;
  EngineListener& to_;
};

// As a pool of fifty miners would have them: nearly all accepted, a third of
// them measured.
Trial MakeTrial(TaskId task, const TaskSpec& spec, int64_t number,
                CounterRng& rng) {
  const auto below = [&rng](uint64_t bound) {
    return static_cast<int64_t>(rng.Below64(bound));
  };
  Trial trial;
  trial.id = {number};
  trial.task = task;
  trial.account = {100 + below(50)};
  trial.subspace = {1 + below(16)};
  trial.architecture = spec.space.ArchitectureAt(
      below(static_cast<uint64_t>(spec.space.size())));
  trial.architecture_id = Sha256(absl::StrCat(number));
  trial.macs = 1'000 + below(1'000'000);
  trial.parameters = trial.macs / 10;
  trial.work_units = 1'000 + below(1'000);
  trial.state = TrialState::kAccepted;
  trial.commitment.emplace();
  trial.commitment->commit_time = absl::FromUnixSeconds(number);
  trial.commitment->draw_ppm = 250'000;
  Verdict& verdict = VerdictIn(trial);
  verdict.basis = TrialBasis::kSampledOut;
  if (below(3) == 0) {
    verdict.basis = TrialBasis::kAudited;
    verdict.verified_accuracy_ppm = 500'000 + below(400'000);
  }
  return trial;
}

double CpuSeconds() {
  rusage usage{};
  ARCHPOOL_CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) +
           static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Found {
  double cores = 0;
  double messages_per_watch_second = 0;
};

class Bench {
 public:
  Bench()
      : blobs_(Must(BlobStore::Open(directory_.path() + "/blobs"))),
        checkpoints_(directory_.path() + "/checkpoints"),
        engine_(clock_, store_, AuditEverything(), EngineOptions()),
        server_({.clock = clock_,
                 .engine = engine_,
                 .reader = store_,
                 .blobs = blobs_,
                 .checkpoints = checkpoints_,
                 .receipts = store_},
                {.listen = "127.0.0.1:0", .policy = AuditEverything()}),
        listener_(server_.listener()) {
    engine_.Subscribe(listener_);
    ARCHPOOL_CHECK(engine_.Start().ok());
    ARCHPOOL_CHECK(server_.Open().ok());
  }
  ~Bench() {
    server_.Stop();
    engine_.Stop();
  }

  // Tells the readers where to watch what.
  void Begin(int to_readers) {
    const std::string token = MakeToken();
    const Account client =
        Must(engine_.Call(CreateAccount{.name = "client",
                                        .role = Role::kClient,
                                        .token_hash = HashToken(token)}));
    Must(engine_.Call(Deposit{"client", 1'000 * kAmountPerCoin, "seed-money"}));
    spec_ = TinySpec(60);
    const DatasetRecord dataset =
        Must(engine_.Call(RegisterDataset{.caller = client.id,
                                          .manifest = TinyManifest(),
                                          .held_out = Sha256("held-out")}));
    spec_.dataset = dataset.id;
    task_ = Must(engine_.Call(SubmitTask{.caller = client.id,
                                         .spec = spec_,
                                         .request_id = "r1",
                                         .secret = Sha256("secret")}));
    std::vector<Event> trials;
    for (int64_t i = 1; i <= kTrials; ++i) {
      trials.emplace_back(MakeTrial(task_, spec_, i, rng_));
    }
    listener_.OnCommit(trials);
    std::string told =
        absl::StrCat("127.0.0.1:", server_.port(), " ", task_.value);
    for (int i = 0; i < kWatches / kWatchesPerAccount; ++i) {
      const std::string bearer = MakeToken();
      Must(engine_.Call(CreateAccount{.name = absl::StrCat("boss-", i),
                                      .role = Role::kOperator,
                                      .token_hash = HashToken(bearer)}));
      absl::StrAppend(&told, " ", bearer);
    }
    WriteLine(to_readers, told);
  }

  // Changes trials for as long.
  void Change(absl::Duration length) {
    const absl::Time end = absl::Now() + length;
    while (absl::Now() < end) {
      const int64_t number = 1 + static_cast<int64_t>(rng_.Below64(kTrials));
      const std::vector<Event> events = {MakeTrial(task_, spec_, number, rng_)};
      listener_.OnCommit(events);
      absl::SleepFor(kBetweenChanges);
    }
  }

 private:
  SteadyClock clock_;
  TemporaryDirectory directory_;
  MemoryStore store_;
  BlobStore blobs_;
  CheckpointBlobs checkpoints_;
  Engine engine_;
  rpc::RpcServer server_;
  OneByOne listener_;
  CounterRng rng_{1, 0};
  TaskSpec spec_;
  TaskId task_;
};

int64_t Count(int to, int from) {
  WriteLine(to, "count");
  int64_t count = 0;
  ARCHPOOL_CHECK(absl::SimpleAtoi(ReadLine(from), &count));
  return count;
}

Found Measure(int to, int from) {
  Bench bench;
  bench.Begin(to);
  bench.Change(kWarmUp);
  const int64_t before = Count(to, from);
  ARCHPOOL_CHECK(before >= kWatches);  // all of them watch
  const double cpu = CpuSeconds();
  bench.Change(kMeasured);
  const double used = CpuSeconds() - cpu;
  const int64_t came = Count(to, from) - before;
  WriteLine(to, "end");
  const double seconds = absl::ToDoubleSeconds(kMeasured);
  return {.cores = used / seconds,
          .messages_per_watch_second =
              static_cast<double>(came) / kWatches / seconds};
}

int Run() {
  // Before gRPC has threads.
  int there[2];
  int back[2];
  ARCHPOOL_CHECK(pipe(there) == 0 && pipe(back) == 0);
  const pid_t readers = fork();
  ARCHPOOL_CHECK(readers >= 0);
  if (readers == 0) {
    close(there[1]);
    close(back[0]);
    _exit(BeReaders(there[0], back[1]));
  }
  close(there[0]);
  close(back[1]);
  const Found found = Measure(there[1], back[0]);
  int status = 0;
  waitpid(readers, &status, 0);
  PrintJsonLine("watch_cores", found.cores, "cores", kGoalCores);
  PrintJsonLine("watch_messages", found.messages_per_watch_second, "1/s each",
                0.5);
  return found.cores <= kFloorCores && found.messages_per_watch_second >= 0.1
             ? 0
             : 1;
}

}  // namespace
}  // namespace archpool

int main() { return archpool::Run(); }
