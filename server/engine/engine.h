// SPDX-License-Identifier: Apache-2.0
// The Engine is the single writer. Callers on any thread hand it commands; its
// one thread takes the waiting ones, one of each caller in turn, executes each
// on the working state and holds the reply, then commits the batch's events in
// one transaction, and only then releases the replies: nothing acknowledged is
// ever lost.
//
// What the pool does not hold forever (server/core/state/look_up.h), the
// engine asks the store for, just before it executes a command about it: the
// store has every commit but those of the batch at hand, and of these the pool
// holds all. Where the store cannot say, the command is not executed.
//
// A failed commit: every held reply answers UNAVAILABLE (COMMIT_FAILED: ask
// again, commands are idempotent), the engine takes over again and loads the
// state afresh. A batch that the database refused by a constraint is run again
// command by command, so that one bad command spoils no other. If the state
// cannot be loaded, the engine keeps trying with growing pauses and answers
// UNAVAILABLE; where another writer took over (FENCED), it stops for good. A
// store that has fewer commits than the engine was told of (a standby that
// lagged took the place of the database) is not continued from: the engine
// waits for the right one (STORE_WENT_BACK), or to be started again.
#ifndef ARCHPOOL_SERVER_ENGINE_ENGINE_H_
#define ARCHPOOL_SERVER_ENGINE_ENGINE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <typeinfo>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "common/base/bell.h"
#include "common/base/countdown.h"
#include "common/base/steady_clock.h"
#include "server/core/pool.h"
#include "server/core/state/held_records.h"
#include "server/core/state/look_up.h"
#include "server/engine/engine_listener.h"
#include "server/engine/turn_queue.h"
#include "server/storage/store.h"

namespace archpool {

struct EngineOptions {
  // Waiting commands; of more, the latest of who has most waiting is refused.
  int64_t queue_max = 10'000;
  int64_t batch_max = 512;  // commands of one transaction
};

struct EngineStats {
  int64_t commands = 0;
  int64_t commits = 0;
  int64_t commit_failures = 0;
  // Which command, or tick, held up the engine's thread longest since its
  // start.
  absl::Duration longest_command;
  std::string longest_command_name;
  // What the pool held in memory at the latest tick.
  HeldRecords held;
  // Why the latest commit or load failed, and whether the pool is still without
  // its records for that.
  absl::Status store_failure;
  bool is_store_failing = false;
  // For how long the store has not answered what it was asked last.
  absl::Duration store_wait;
};

class Engine {
 public:
  // `clock` and `store` outlive the engine. Loading a pool advances the clock
  // to where that pool's time was.
  Engine(SteadyClock& clock, Store& store, const PoolPolicy& policy,
         const EngineOptions& options);
  ~Engine();  // stops

  // `listener` hears of every load, and of every commit before its replies go
  // out. Those who subscribed earlier hear of the whole of it first. It is left
  // alone after Stop, and lives until then. REQUIRES: not started yet.
  void Subscribe(EngineListener& listener);

  // Takes over, loads, starts the thread. Fails as Store::TakeOver and
  // CheckRecords (server/core/upgrade.h) do. Once.
  absl::Status Start();

  // Finishes the waiting commands, then stops the thread. Idempotent.
  void Stop();

  // `done` is called exactly once, on the engine's thread (or on the caller's,
  // where the command is refused at once, or on that of another caller whose
  // command it makes room for). Errors: the command's own; UNAVAILABLE
  // (COMMIT_FAILED, LOOK_UP_FAILED, ENGINE_STOPPED, QUEUE_FULL): ask again.
  // Commands of one caller (unset: the pool itself) are executed in order.
  // Thread-safe.
  template <typename Command>
  void Submit(Command command,
              std::function<void(absl::StatusOr<typename Command::Reply>)> done,
              AccountId caller = {});

  // Submit, and wait for the reply. Not on the engine's thread.
  template <typename Command>
  absl::StatusOr<typename Command::Reply> Call(Command command,
                                               AccountId caller = {});

  EngineStats stats() const ABSL_LOCKS_EXCLUDED(mutex_);
  // False once another writer has fenced this one off, or after Stop.
  bool IsRunning() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // One waiting command: how to run it, and how to answer it.
  class Pending {
   public:
    virtual ~Pending() = default;
    // Tells the command what the pool does not hold.
    virtual absl::Status LookUp(const PoolState& state, Archive& archive) = 0;
    // Runs the command and holds its reply. Called again after a reload.
    virtual void Execute(Pool& pool, absl::Time now) = 0;
    virtual void Hold(const absl::Status& refusal) = 0;  // as its reply
    virtual const std::type_info& type() const = 0;      // of the command
    virtual void Release() = 0;                        // answers the held reply
    virtual void Refuse(const absl::Status& why) = 0;  // answers this instead
  };
  template <typename Command>
  class PendingCommand;

  void Enqueue(AccountId caller, std::unique_ptr<Pending> pending)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Run();
  std::vector<std::unique_ptr<Pending>> TakeWaiting()
      ABSL_LOCKS_EXCLUDED(mutex_);
  void RunBatch(std::vector<std::unique_ptr<Pending>> batch);
  absl::Status ExecuteAndCommit(absl::Span<std::unique_ptr<Pending>> batch);
  absl::Status CommitEvents();
  void LookUpAndExecute(Pending& pending, absl::Time now);
  void NoteCommand(const std::type_info& command, absl::Duration took);
  // What the store answers to `ask`, in stats() as long as it takes.
  template <typename Ask>
  auto AskStore(const Ask& ask) ABSL_LOCKS_EXCLUDED(mutex_);
  // After the commands that were waiting when it fell due: signs of life among
  // them come before anything expires.
  void TickIfDue();
  absl::Status TakeOver();
  // After a commit that failed for `cause`: loads the state afresh, however
  // long that takes, or stops for good where another writer took over.
  void Recover(const absl::Status& cause);
  void RefuseWaiting(const absl::Status& cause) ABSL_LOCKS_EXCLUDED(mutex_);
  // True: another server is the writer, and this engine stops for good.
  bool NoteStoreFailure(const absl::Status& failure)
      ABSL_LOCKS_EXCLUDED(mutex_);
  bool IsLoaded() const { return pool_ != nullptr; }
  // The clock's time, never earlier than before.
  absl::Time Now();

  SteadyClock& clock_;
  Store& store_;
  const PoolPolicy policy_;
  const EngineOptions options_;
  std::vector<EngineListener*> listeners_;  // constant once started
  std::thread thread_;

  // Owned by the engine's thread once it runs.
  std::unique_ptr<Pool> pool_;
  ExpiryHold expiry_hold_;  // of the pool that the next load replaces
  VerifierBook verifiers_;  // likewise
  int64_t generation_ = 0;
  int64_t sequence_ = 0;
  absl::Time next_tick_ = absl::InfinitePast();
  // For a tick that is due: when it fell due, and the number of the first
  // command that does not come before it.
  absl::Time due_since_ = absl::InfiniteFuture();
  int64_t command_after_tick_ = 0;
  absl::Time last_now_ = absl::InfinitePast();
  absl::Duration last_ask_took_;  // of the store

  mutable absl::Mutex mutex_;
  TurnQueue<std::unique_ptr<Pending>> waiting_ ABSL_GUARDED_BY(mutex_);
  Bell bell_;  // rings where something waits, or a stop
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool running_ ABSL_GUARDED_BY(mutex_) = false;
  EngineStats stats_ ABSL_GUARDED_BY(mutex_);
  // Since when the store is asked; unset: it is not.
  std::optional<Stopwatch> asking_ ABSL_GUARDED_BY(mutex_);
};

template <typename Command>
class Engine::PendingCommand : public Engine::Pending {
 public:
  using Reply = absl::StatusOr<typename Command::Reply>;
  using Done = std::function<void(Reply)>;

  PendingCommand(Command command, Done done)
      : command_(std::move(command)), done_(std::move(done)) {}

  absl::Status LookUp(const PoolState& state, Archive& archive) override {
    return archpool::LookUp(state, archive, command_);
  }
  void Hold(const absl::Status& refusal) override { reply_.emplace(refusal); }
  void Execute(Pool& pool, absl::Time now) override {
    reply_.emplace(pool.Execute(command_, now));
  }
  const std::type_info& type() const override { return typeid(Command); }
  void Release() override { done_(*std::move(reply_)); }
  void Refuse(const absl::Status& why) override { done_(Reply(why)); }

 private:
  Command command_;
  Done done_;
  std::optional<Reply> reply_;
};

template <typename Command>
void Engine::Submit(
    Command command,
    std::function<void(absl::StatusOr<typename Command::Reply>)> done,
    AccountId caller) {
  Enqueue(caller, std::make_unique<PendingCommand<Command>>(std::move(command),
                                                            std::move(done)));
}

template <typename Command>
absl::StatusOr<typename Command::Reply> Engine::Call(Command command,
                                                     AccountId caller) {
  absl::Mutex mutex;
  std::optional<absl::StatusOr<typename Command::Reply>> result;
  Submit(
      std::move(command),
      [&](absl::StatusOr<typename Command::Reply> reply) {
        absl::MutexLock lock(&mutex);
        result.emplace(std::move(reply));
      },
      caller);
  absl::MutexLock lock(&mutex);
  mutex.Await(absl::Condition(
      +[](std::optional<absl::StatusOr<typename Command::Reply>>* r) {
        return r->has_value();
      },
      &result));
  return *std::move(result);
}

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_ENGINE_ENGINE_H_
